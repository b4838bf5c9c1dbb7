"""Projects with random changes are read or refused, and nothing else, in bounded memory and time."""

import sys

import pytest

if sys.platform == "win32":
    pytest.skip("memory of a process cannot be limited", allow_module_level=True)

from project_mutations import SECONDS, WORKFLOWS, run


@pytest.mark.slow
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_mutated_project_is_read_or_refused(workflow):
    """Changes of bytes and of what is in a project give a classifier or a ProjectError."""
    counts, slowest, others = run(workflow, 0, 200)
    assert not others
    assert counts.total() == 200
    assert counts["refused"] > 100
    assert counts["read"] > 0
    assert slowest < SECONDS
