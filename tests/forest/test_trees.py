"""Trees from vigra's arrays."""

import numpy as np
import pytest

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.forest.trees import round_up_to_float32, tree_from_vigra

LEAF = 0x40000000
# Features 3, classes 2; the root looks at column 2, its right child at column 0.
TOPOLOGY = [3, 2, 0, 0, 7, 9, 2, LEAF, 2, 0, 5, 14, 16, 0, LEAF, 7, LEAF, 10]
PARAMETERS = [10, 0.5, 4, 1, 0, 6, -1.5, 2, 0.25, 0.75, 4, 0, 1]


def test_decoded():
    """Nodes, thresholds and leaves where the layout says."""
    tree = tree_from_vigra(np.array(TOPOLOGY, np.int32), np.array(PARAMETERS, float))
    np.testing.assert_array_equal(tree.feature, [2, -1, 0, -1, -1])
    np.testing.assert_array_equal(tree.threshold, [0.5, 0, -1.5, 0, 0])
    np.testing.assert_array_equal(tree.left, [1, 0, 3, 0, 0])
    np.testing.assert_array_equal(tree.value, [[0, 0], [1, 0], [0, 0], [0.25, 0.75], [0, 1]])


def test_single_leaf():
    """A tree may be one leaf."""
    tree = tree_from_vigra(np.array([31, 2, LEAF, 0], np.int32), np.array([3.0, 0.0, 1.0]))
    np.testing.assert_array_equal(tree.feature, [-1])
    np.testing.assert_array_equal(tree.value, [[0, 1]])


damaged = {
    "a hyperplane": (6, {2: 1}, "nodes of type \\[1\\]"),
    "a child before the root": (None, {4: 0}, "points outside"),
    "a child beyond the end": (None, {5: 99}, "points outside"),
    "a node that is its own child": (None, {5: 2}, "two parents"),
    "a ring": (None, {12: 2}, "two parents"),
    "parameters beyond the end": (None, {8: 99}, "parameters are missing"),
    "negative parameters": (None, {8: -5}, "parameters are missing"),
    "a column beyond the end": (None, {6: 3}, "column outside 0 to 2"),
    "no classes": (None, {1: 0}, "0 classes"),
}


@pytest.mark.parametrize("case", damaged)
def test_damaged(case):
    """Refused with a reason, and soon."""
    _, changes, message = damaged[case]
    topology = np.array(TOPOLOGY, np.int32)
    for i, value in changes.items():
        topology[i] = value
    with pytest.raises(ProjectError, match=message):
        tree_from_vigra(topology, np.array(PARAMETERS, float))


def test_cut_off():
    """Every truncation of the arrays is refused."""
    for n in range(len(TOPOLOGY)):
        with pytest.raises(ProjectError, match="damaged"):
            tree_from_vigra(np.array(TOPOLOGY[:n], np.int32), np.array(PARAMETERS, float))


def test_rounding_up_keeps_every_decision():
    """x < t is the same as x < round_up(t) for float32 x around t."""
    rng = np.random.default_rng(0)
    t = np.concatenate([rng.standard_normal(1000) * 10.0 ** rng.integers(-30, 30, 1000), [0.0, -0.0, 1e-46, 1e300]])
    up = round_up_to_float32(t)
    with np.errstate(over="ignore"):
        near = t.astype(np.float32)
    for x in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))):
        np.testing.assert_array_equal(x.astype(float) < t, x < up)
