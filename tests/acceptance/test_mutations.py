"""Images and records with random changes are read or refused, and nothing else, in bounded memory and time."""

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("memory of a process cannot be limited", allow_module_level=True)

from image_originals import ORIGINALS
from mutations import RECORD, run


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ORIGINALS, RECORD])
def test_mutated_input_is_read_or_refused(name):
    """A batch reads a changed file, or says what is wrong with it; no trace, no crash, no wait without an end."""
    counts, _, others = run(name, 0, 40)
    assert not others
    assert counts.total() == 40
    assert counts["refused"] > 0
