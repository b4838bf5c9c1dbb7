"""Trees from vigra's arrays and from scikit-learn's."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.forest.trees import (
    leaves_are_pure,
    next_float32,
    round_up_to_float32,
    tree_from_sklearn,
    tree_to_vigra,
    trees_from_vigra,
)

LEAF = 0x40000000
# Features 3, classes 2; the root looks at column 2, its right child at column 0.
TOPOLOGY = [3, 2, 0, 0, 7, 9, 2, LEAF, 2, 0, 5, 14, 16, 0, LEAF, 7, LEAF, 10]
PARAMETERS = [10, 0.5, 4, 1, 0, 6, -1.5, 2, 0.25, 0.75, 4, 0, 1]


def tree_from_vigra(topology, parameters):
    """The tree of two arrays."""
    (tree,) = trees_from_vigra([(topology, parameters)])
    return tree


def test_nodes_and_leaves_are_decoded():
    """Nodes, thresholds and leaves where the layout says."""
    tree = tree_from_vigra(np.array(TOPOLOGY, np.int32), np.array(PARAMETERS, float))
    np.testing.assert_array_equal(tree.feature, [2, -1, 0, -1, -1])
    np.testing.assert_array_equal(tree.threshold, [0.5, 0, -1.5, 0, 0])
    np.testing.assert_array_equal(tree.left, [1, 0, 3, 0, 0])
    np.testing.assert_array_equal(tree.value, [[0, 0], [1, 0], [0, 0], [0.25, 0.75], [0, 1]])


def test_tree_of_a_single_leaf_is_decoded():
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
def test_damaged_arrays_are_refused(case):
    """Refused with a reason, and soon."""
    _, changes, message = damaged[case]
    topology = np.array(TOPOLOGY, np.int32)
    for i, value in changes.items():
        topology[i] = value
    with pytest.raises(ProjectError, match=message):
        tree_from_vigra(topology, np.array(PARAMETERS, float))


def test_truncated_arrays_are_refused():
    """Every truncation of the arrays is refused."""
    for n in range(len(TOPOLOGY)):
        with pytest.raises(ProjectError, match="damaged"):
            tree_from_vigra(np.array(TOPOLOGY[:n], np.int32), np.array(PARAMETERS, float))


def same(tree, other) -> bool:
    pairs = [(getattr(tree, name), getattr(other, name)) for name in ("feature", "threshold", "left", "value")]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def one_by_one(stored):
    try:
        return [tree_from_vigra(*arrays) for arrays in stored]
    except ProjectError:
        return None


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 17), st.sampled_from([-5, -1, 0, 1, 2, 3, 7, 9, 14, 99, LEAF])), max_size=2
            ),
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    )
)
@example([([(1, 1)], 0, 0), ([], 0, 0)])
@example([([(0, 1)], 0, 0), ([], 0, 0)])
@example([([], 0, 0), ([], 1, 0), ([], 0, 0)])
def test_trees_read_at_once_are_those_read_one_by_one(changes):
    """Many trees at once are the same as one by one, and refused if one of them is; changed and cut off in any way."""
    stored = []
    for edited, cut, cut_parameters in changes:
        topology = np.array([*TOPOLOGY, 5, 5], np.int32)
        for i, value in edited:
            topology[i] = value
        stored.append((topology[: 20 - cut], np.array(PARAMETERS, float)[: 13 - cut_parameters]))
    expected = one_by_one(stored)
    if expected is not None and len({tree.value.shape[1] for tree in expected}) == 1:
        assert all(map(same, trees_from_vigra(stored), expected))
    else:
        with pytest.raises(ProjectError):
            trees_from_vigra(stored)


def test_trees_of_many_shapes_are_read_at_once():
    """Grown trees of different sizes, one of them a single leaf, are read at once as they are one by one."""
    rng = np.random.default_rng(0)
    stored = [(np.array([5, 1, LEAF, 0], np.int32), np.array([1.0, 0.5]))]
    for n in (3, 40, 300):
        grown = DecisionTreeRegressor(random_state=0).fit(rng.random((n, 5)), rng.random(n)).tree_
        tree = tree_from_sklearn(
            grown.children_left, grown.children_right, grown.feature, grown.threshold, grown.value[:, 0], 5
        )
        stored.insert(n % 2, tree_to_vigra(tree, 5))
    assert all(map(same, trees_from_vigra(stored), one_by_one(stored)))
    sizes = [len(tree.feature) for tree in trees_from_vigra(stored)]
    assert sorted(sizes) == [1, 5, 79, 599]


def test_numbers_that_are_not_finite_are_refused_at_once():
    """A threshold or probability that is not finite is found among many trees."""
    good = np.array(TOPOLOGY, np.int32), np.array(PARAMETERS, float)
    for i in (1, 8):
        bad = good[1].copy()
        bad[i] = np.nan
        with pytest.raises(ProjectError, match="not finite"):
            trees_from_vigra([good, (good[0], bad)])


def test_rounding_up_keeps_every_decision():
    """x < t is the same as x < round_up(t) for float32 x around t."""
    rng = np.random.default_rng(0)
    t = np.concatenate([rng.standard_normal(1000) * 10.0 ** rng.integers(-30, 30, 1000), [0.0, -0.0, 1e-46, 1e300]])
    up = round_up_to_float32(t)
    with np.errstate(over="ignore"):
        near = t.astype(np.float32)
    for x in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))):
        np.testing.assert_array_equal(x.astype(float) < t, x < up)


# A scikit-learn tree: the root looks at column 1, its left child at column 0. Nodes in the order of scikit-learn.
SKLEARN = {
    "left": [1, 2, -1, -1, -1],
    "right": [4, 3, -1, -1, -1],
    "feature": [1, 0, -2, -2, -2],
    "threshold": [0.5, -1.5, -2, -2, -2],
    "value": [[9], [8], [0.25], [0.5], [0.75]],
}


def from_sklearn(n_features=2, **change):
    return tree_from_sklearn(*(np.array(change.get(key, value)) for key, value in SKLEARN.items()), n_features)


def test_tree_of_sklearn_is_laid_out_anew():
    """Children lie side by side, after their parent; the threshold is the next float32; only leaves have values."""
    tree = from_sklearn()
    np.testing.assert_array_equal(tree.feature, [1, 0, -1, -1, -1])
    np.testing.assert_array_equal(tree.left, [1, 3, 0, 0, 0])
    np.testing.assert_array_equal(tree.value[:, 0], [0, 0, 0.75, 0.25, 0.5])
    assert tree.threshold[0] == np.nextafter(np.float32(0.5), np.float32(1))
    assert (tree.feature.dtype, tree.left.dtype) == (np.int32, np.int32)


def test_tree_of_a_single_leaf_is_taken_from_sklearn():
    """A tree may be one leaf."""
    tree = from_sklearn(left=[-1], right=[-1], feature=[-2], threshold=[-2.0], value=[[0.5]])
    np.testing.assert_array_equal(tree.value, [[0.5]])


def go(tree, row):
    """Return the value of the leaf that a row of float32 reaches."""
    i = 0
    while tree.feature[i] >= 0:
        i = int(tree.left[i]) + (not float(row[tree.feature[i]]) < tree.threshold[i])
    return tree.value[i, 0]


@pytest.mark.parametrize("depth", [1, 3, None])
@pytest.mark.parametrize("most_leaves", [None, 12])
def test_predictions_equal_those_of_sklearn(depth, most_leaves):
    """Trees grown in either order, by depth or by gain, give what scikit-learn predicts."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((200, 3)).astype(np.float32)
    fitted = DecisionTreeRegressor(max_depth=depth, max_leaf_nodes=most_leaves, random_state=0)
    stored = fitted.fit(rows, rows[:, 0] * rows[:, 1]).tree_
    tree = tree_from_sklearn(
        stored.children_left, stored.children_right, stored.feature, stored.threshold, stored.value[:, :, 0], 3
    )
    inner = np.flatnonzero(tree.feature >= 0)
    assert (tree.left[inner] > inner).all()
    limits = stored.threshold[stored.feature >= 0].astype(np.float32)
    rows = np.concatenate([rows, np.stack([limits] * 3, 1), np.nextafter(np.stack([limits] * 3, 1), np.float32(9))])
    np.testing.assert_array_equal([go(tree, row) for row in rows], fitted.predict(rows))


damaged_sklearn = {
    "its own child": ({"left": [1, 1, -1, -1, -1]}, "outside the tree or back"),
    "a child that is the root": ({"left": [1, 0, -1, -1, -1]}, "outside the tree or back"),
    "a child beyond the end": ({"right": [5, 3, -1, -1, -1]}, "outside the tree or back"),
    "one child": ({"right": [4, -1, -1, -1, -1]}, "outside the tree or back"),
    "two parents": ({"right": [3, 3, -1, -1, -1]}, "two parents or with none"),
    "no parent": ({"left": [-1, 2, -1, -1, -1]}, "two parents or with none"),
    "a column beyond the end": ({"n_features": 1}, "column outside 0 to 0"),
    "a negative column": ({"feature": [-3, 0, -2, -2, -2]}, "column outside 0 to 1"),
    "no threshold": ({"threshold": [np.nan, -1.5, -2, -2, -2]}, "not finite"),
    "an endless threshold": ({"threshold": [np.inf, -1.5, -2, -2, -2]}, "not finite"),
    "no value": ({"value": [[9], [8], [np.nan], [0.5], [0.75]]}, "not finite"),
    "arrays of other lengths": ({"value": [[9.0]]}, "do not fit together"),
    "no nodes": ({key: np.zeros((0, 1)[: 1 + (key == "value")]) for key in SKLEARN}, "do not fit together"),
}


@pytest.mark.parametrize("case", damaged_sklearn)
def test_damaged_tree_of_sklearn_is_refused(case):
    """Refused with a reason."""
    change, message = damaged_sklearn[case]
    with pytest.raises(ProjectError, match=message):
        from_sklearn(**change)


single = st.floats(width=32, allow_nan=False)
double = st.floats(allow_nan=False, max_value=np.finfo(float).max)


@given(x=single, threshold=st.one_of(double, single.filter(lambda value: value < np.inf)))
@example(x=np.inf, threshold=1e300)
@example(x=np.inf, threshold=3.4028234663852886e38)
@example(x=-np.inf, threshold=-1e300)
@example(x=-np.inf, threshold=-np.inf)
@example(x=0.0, threshold=-0.0)
@example(x=-0.0, threshold=0.0)
@example(x=0.0, threshold=1e-46)
@example(x=0.0, threshold=-1e-46)
@example(x=1e-45, threshold=1e-45)
@example(x=0.10000000149011612, threshold=0.1)
def test_next_float32_keeps_every_decision(x, threshold):
    """x <= t is the same as x < next(t) for every float32 x, and for its neighbours and those of t."""
    after = next_float32(np.array([threshold]))[0]
    with np.errstate(over="ignore", under="ignore"):
        near = [np.float32(x), np.float32(threshold)]
        near += [np.nextafter(value, np.float32(side)) for value in near for side in (-np.inf, np.inf)]
    for value in near:
        assert (float(value) <= threshold) == (value < after) == (float(value) < float(after))


def test_leaves_are_pure_only_if_each_votes_for_one_class():
    """Leaves are votes only if each gives one class everything, not if a regressor says 0 or 1."""
    assert leaves_are_pure([from_vigra_pure()])
    assert not leaves_are_pure([tree_from_vigra(np.array(TOPOLOGY, np.int32), np.array(PARAMETERS, float))])
    assert not leaves_are_pure([from_sklearn(value=[[0.0]] * 5)])
    assert not leaves_are_pure([from_sklearn(value=[[0.0], [0], [0], [1], [1]])])


def from_vigra_pure():
    return tree_from_vigra(np.array(TOPOLOGY, np.int32), np.array([*PARAMETERS[:8], 0, 1, *PARAMETERS[10:]], float))
