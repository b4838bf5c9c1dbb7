"""The compiled walks against one row and one tree at a time."""

import numpy as np
import pytest

from napari_batch_prediction.forest.packed import pack
from napari_batch_prediction.forest.rows import predict_rows
from napari_batch_prediction.forest.trees import Tree

N_FEATURES = 7


def random_tree(rng, n_columns, depth, pure):
    """A tree with random thresholds; branches end early at random."""
    feature, threshold, left, value = [-1], [0.0], [0], [None]
    level = [0]
    for _ in range(depth):
        below = []
        for node in level:
            if node == 0 or rng.random() < 0.8:
                feature[node] = rng.integers(N_FEATURES)
                threshold[node] = rng.normal()
                left[node] = len(feature)
                below += [len(feature), len(feature) + 1]
                for column in (feature, threshold, left, value):
                    column += {id(feature): [-1, -1], id(threshold): [0.0, 0.0]}.get(id(column), [0, 0])
        level = below
    rows = rng.dirichlet(np.ones(n_columns), len(feature)) if not pure else None
    if pure:
        rows = np.eye(n_columns)[rng.integers(n_columns, size=len(feature))]
    feature = np.array(feature, np.int32)
    rows[feature >= 0] = 0
    return Tree(feature, np.array(threshold), np.array(left, np.int32), rows)


def plain(trees, rows):
    """Mean of the trees for each row; 0 for rows with NaN."""
    out = np.zeros((len(rows), trees[0].value.shape[1]))
    for i, row in enumerate(rows):
        if np.isnan(row).any():
            continue
        for tree in trees:
            node = 0
            while tree.feature[node] >= 0:
                node = tree.left[node] + int(not float(row[tree.feature[node]]) < tree.threshold[node])
            out[i] += tree.value[node]
    return out / len(trees)


def compiled(trees, rows):
    forest = pack(trees, trees[0].value.shape[1])
    return forest, predict_rows(rows, forest)


forests = {  # trees, columns, depth, pure leaves
    "pure": (100, 3, 6, True),
    "pure, one tree": (1, 2, 4, True),
    "pure, two columns of many trees": (300, 2, 3, True),
    "pure, many columns": (30, 40, 5, True),
    "pure, single leaves": (27, 3, 0, True),
    "impure": (50, 3, 6, False),
    "impure, one tree": (1, 2, 4, False),
    "impure, many trees": (260, 2, 3, False),
    "impure, single leaves": (3, 4, 0, False),
}


@pytest.mark.parametrize("case", forests)
def test_walk_equals_the_plain_one(case):
    """Votes exactly, sums to rounding; rows that are not a multiple of 64, with NaN and infinities."""
    n_trees, n_columns, depth, pure = forests[case]
    rng = np.random.default_rng(1)
    trees = [random_tree(rng, n_columns, depth, pure) for _ in range(n_trees)]
    rows = rng.normal(size=(150, N_FEATURES)).astype(np.float32)
    rows[7, 3] = rows[80, 0] = np.nan
    rows[9, 2], rows[10, 5] = np.inf, -np.inf
    forest, out = compiled(trees, rows)
    assert forest.pure is pure
    expected = plain(trees, rows)
    assert not out[7].any()
    assert not out[80].any()
    np.testing.assert_array_equal(out, expected.astype(np.float32)) if pure else np.testing.assert_allclose(
        out, expected, rtol=1e-6
    )


def test_pure_and_impure_walks_agree():
    """The same forest through both walks."""
    rng = np.random.default_rng(2)
    trees = [random_tree(rng, 3, 6, True) for _ in range(40)]
    rows = rng.normal(size=(64, N_FEATURES)).astype(np.float32)
    pure, votes = compiled(trees, rows)
    hardly = [Tree(t.feature, t.threshold, t.left, t.value * (1 - 1e-12)) for t in trees]
    impure, sums = compiled(hardly, rows)
    assert pure.pure
    assert not impure.pure
    np.testing.assert_allclose(votes, sums, rtol=1e-6)


def test_equal_to_the_threshold_goes_right():
    """As in vigra: left only if less."""
    tree = Tree(np.array([0, -1, -1], np.int32), np.array([0.5, 0, 0]), np.array([1, 0, 0], np.int32),
                np.array([[0, 0], [1, 0], [0, 1.0]]))  # fmt: skip
    rows = np.array([[0.5], [np.nextafter(np.float32(0.5), np.float32(0))]], np.float32)
    np.testing.assert_array_equal(compiled([tree], rows)[1], [[0, 1], [1, 0]])
