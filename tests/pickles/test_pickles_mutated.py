"""Pickles with random changes are read or refused, and nothing else."""

from pathlib import Path

import h5py
import pytest
from pickle_mutations import run
from pickled import MadeTree, forest, linear, svr
from repository import GOLDEN

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "stored"


def small():
    """The pickles of every version, and made up ones."""
    return [path.read_bytes() for path in sorted(FOLDER.glob("*.pickle"))] + [
        svr(forest(MadeTree(), MadeTree())),
        svr(linear([1.0, 2.0]), protocol=2),
    ]


def golden():
    """The regressors in ilastik's own projects."""
    found = []
    for path in sorted(GOLDEN.glob("*/*.ilp")):
        with h5py.File(path) as file:
            found += [stored[0].tobytes() for stored in file.get("Counting/CountingWrappers", {}).values()]
    return found


@pytest.mark.parametrize(("originals", "count"), [(small, 4000), (golden, 600)], ids=["small", "golden"])
def test_mutated_pickle_raises_nothing_but_a_refusal(originals, count):
    """Nothing but a refusal is raised; some changes do not matter, most do."""
    result = run(originals(), count, seed=20)
    assert result.n_refused > count // 2
    assert result.n_read > 0
    assert result.n_read + result.n_refused == count
