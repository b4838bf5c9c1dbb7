"""Growing random forests of classes on labelled rows of features."""

import math
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.binning import bin_features
from napari_batch_prediction.forest.growth_space import (
    VOTE,
    Nodes,
    Rows,
    make_space,
    means,
    n_words,
    pack_rows,
    pack_values,
    unpacked,
)
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.simd.kernel import Kernel

_LOOPS = "napari_batch_prediction.forest.growth_loops"
_grow_tree, _add_votes = Kernel(_LOOPS, "grow_tree"), Kernel(_LOOPS, "add_votes")

# Deeper than any tree.
_ANY_DEPTH = 2**31


@dataclass(frozen=True, eq=False)
class GrownForest:
    """A random forest, and what its growth tells of it.

    Attributes
    ----------
    trees
        The trees.
    out_of_bag
        float32 (rows, classes): the votes that each row got from the trees that were grown without it. A row that all
        trees have seen has none.
    importance
        float64 (features,): how much of the impurity of the rows the splits by each feature take away, as shares of 1.
    """

    trees: tuple[Tree, ...]
    out_of_bag: NDArray[np.float32]
    importance: NDArray[np.float64]


def grow_forest(
    features: NDArray[np.float32],
    classes: NDArray[np.integer],
    n_classes: int,
    *,
    n_trees: int = 100,
    seed: int = 0,
    threads: int = 1,
    is_cancelled: Callable[[], bool] | None = None,
) -> GrownForest:
    """Grow a random forest (L. Breiman, Machine Learning 45, 2001): bootstrap, Gini impurity, until leaves are pure.

    At a node the best split of the square root of the number of features, drawn at random, is taken; features that
    are constant there do not count. A threshold lies in the middle between two values of training rows. There are at
    most 255 of them for a feature; see :func:`~napari_batch_prediction.forest.binning.bin_features`, also for NaN.

    Parameters
    ----------
    features
        float32 (rows, features).
    classes
        Integers (rows,): the class of each row, from 0.
    n_classes
        Number of classes.
    n_trees
        Number of trees.
    seed
        The forest depends on this and on the rows, not on the number of threads.
    threads
        Number of threads.
    is_cancelled
        Asked between trees; True ends the growth.

    Raises
    ------
    CancelledError
        If the growth was cancelled.
    ValueError
        If there are no rows or features, or classes are out of range.
    """
    n_rows, n_features = features.shape
    if not n_rows or not n_features or len(classes) != n_rows:
        raise ValueError(f"features of shape {features.shape} and {len(classes)} classes")
    if classes.min() < 0 or classes.max() >= n_classes:
        raise ValueError(f"classes from {classes.min()} to {classes.max()}, expected 0 to {n_classes - 1}")
    binned = bin_features(features, classes)
    rows = pack_rows(*binned, classes)
    growth = _Growth(rows, n_classes, n_trees, seed, is_cancelled)
    with ThreadPoolExecutor(threads, thread_name_prefix="grow") as pool:
        waiting = [pool.submit(growth.grow) for _ in range(min(threads, n_trees))]
        votes = np.sum([future.result() for future in waiting], axis=0)
    importance = growth.importance.sum(axis=0)
    total = importance.sum()
    return GrownForest(
        tuple(growth.trees), (votes / VOTE).astype(np.float32), importance / total if total > 0 else importance
    )


def grow_regressor(
    features: NDArray[np.float32],
    values: NDArray[np.floating],
    *,
    n_trees: int,
    max_depth: int,
    seed: int = 0,
) -> tuple[Tree, ...]:
    """Grow the trees of a random forest that predicts a value, by the variance, with all features tried at a node.

    Parameters
    ----------
    features
        float32 (rows, features); see :func:`grow_forest`.
    values
        (rows,): the value of each row.
    n_trees, seed
        See :func:`grow_forest`.
    max_depth
        The largest depth of a leaf, the root being at 0.

    Returns
    -------
    Trees with one column of values: the means of the rows at each leaf.
    """
    rows, offset, unit = pack_values(*bin_features(features), values)
    space, nodes = make_space(rows, 1)
    n_features = features.shape[1]
    importance = np.empty(n_features)
    trees = []
    for tree_seed in _seeds(seed, n_trees):
        n = _grow_tree(rows, n_features, max_depth, tree_seed, space, nodes, importance)
        trees.append(_tree(nodes, n, means(nodes.counts[:n], offset, unit)[:, np.newaxis]))
    return tuple(trees)


def _seeds(seed: int, n_trees: int) -> NDArray[np.uint64]:
    return np.random.SeedSequence(seed).generate_state(n_trees, np.uint64).astype(np.uint64)


class _Growth:
    """The growth of a forest, shared by threads that each take the next tree."""

    def __init__(
        self, rows: Rows, n_classes: int, n_trees: int, seed: int, is_cancelled: Callable[[], bool] | None
    ) -> None:
        self._rows, self._n_classes = rows, n_classes
        n_features = len(rows.lowest)
        self._n_tried = max(1, int(math.sqrt(n_features) + 0.5))
        self._seeds = _seeds(seed, n_trees)
        self._is_cancelled = is_cancelled
        self._numbers = iter(range(n_trees))
        self.trees: list[Tree] = [_NO_TREE] * n_trees
        self.importance = np.zeros((n_trees, n_features))

    def grow(self) -> NDArray[np.int64]:
        """Grow trees until there are enough; return the votes of these trees (rows, classes), in units of VOTE."""
        rows, n_classes = self._rows, self._n_classes
        space, nodes = make_space(rows, n_words(rows, n_classes))
        votes = np.zeros((len(rows.one), n_classes), np.int64)
        for t in self._numbers:
            if self._is_cancelled is not None and self._is_cancelled():
                raise CancelledError
            n = _grow_tree(rows, self._n_tried, _ANY_DEPTH, self._seeds[t], space, nodes, self.importance[t])
            counts = unpacked(rows, nodes.counts[:n], n_classes)
            shares = VOTE * counts // counts.sum(axis=1, keepdims=True)
            _add_votes(nodes, n, shares, space.unseen, votes)
            self.trees[t] = _tree(nodes, n, counts / counts.sum(axis=1, keepdims=True))
        return votes


_NO_TREE = Tree(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int32), np.empty((0, 0)))


def _tree(nodes: Nodes, n: int, value: NDArray[np.float64]) -> Tree:
    feature = nodes.feature[:n].copy()
    value[feature >= 0] = 0
    return Tree(feature, nodes.threshold[:n].astype(np.float64), nodes.left[:n].copy(), value)
