"""A forest as the flat arrays that the compiled walks follow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.trees import Tree, leaves_are_pure, round_up_to_float32
from napari_batch_prediction.simd.lanes import PATCH

GROUP = 25
"""Trees walked at once, so that loads of their nodes overlap."""

SPARE = 16
"""Dummy rows of a table of leaves, which inner nodes write to, so that the loop needs no branch. A power of two;
several, so that a write need not wait for the one before."""

LEAF = np.uint32(0x80000000)
"""Flag of a child that is a leaf; the other bits are the row of its values."""


class PackedForest(NamedTuple):
    """All trees of a forest in flat arrays.

    Attributes
    ----------
    nodes
        uint32 (4 n,): of each node that is not a leaf its threshold (bits of a float32), 64 times its column, and its
        left and right child: the index of a node, or :data:`LEAF` and the row of ``values``.
    roots
        uint32 (trees,): the root of each tree, a child like the others.
    values
        float64 (m, columns): the values of leaves, each row once for every tree in a group of trees.
    pure
        True if every leaf gives everything to one column, and votes can be counted in 16 bits. Then the row of
        a leaf is ``(tree % GROUP) * columns + column``.
    capacity
        The largest number of nodes in :data:`GROUP` successive trees.
    n_columns
        Number of columns.
    """

    nodes: NDArray[np.uint32]
    roots: NDArray[np.uint32]
    values: NDArray[np.float64]
    pure: bool
    capacity: int
    n_columns: int


class PackedRegressors(NamedTuple):
    """Regressors, each a forest or linear, of which the mean is wanted.

    Attributes
    ----------
    forest
        The trees of all forests, one after the other.
    ends
        int64 (forests,): for each forest the number of trees up to its end.
    linear
        float64 (linear regressors, features + 1): weights, then the offset.
    """

    forest: PackedForest
    ends: NDArray[np.int64]
    linear: NDArray[np.float64]


def pack_regressors(forests: Sequence[Sequence[Tree]], linear: NDArray[np.float64]) -> PackedRegressors:
    """Return regressors in flat arrays: trees with one column of values, and the rows of linear ones."""
    trees = [tree for forest in forests for tree in forest]
    ends = np.cumsum([len(forest) for forest in forests], dtype=np.int64)
    return PackedRegressors(pack(trees, 1, votes=False), ends, linear)


def pack(
    trees: Sequence[Tree], n_columns: int, columns: Sequence[int] | None = None, *, votes: bool = True
) -> PackedForest:
    """Return a forest in flat arrays.

    Thresholds are rounded up to float32: a float32 is less than the one if and only if it is less than the other.

    Parameters
    ----------
    trees
        The trees; there may be none.
    n_columns
        Number of columns of the result.
    columns
        The column of the result for each column of values of the trees; the same if not given.
    votes
        Allow leaves that give everything to one column to be counted as votes for it.
    """
    column = np.arange(n_columns) if columns is None else np.asarray(columns, np.int64)
    pure = votes and leaves_are_pure(trees) and len(trees) <= np.iinfo(np.uint16).max
    nodes = [np.empty((0, 4), np.uint32)]
    values = [np.empty((0, n_columns))]
    roots, sizes = [], []
    n_nodes = n_values = 0
    for t, tree in enumerate(trees):
        leaf = tree.feature < 0
        inner = ~leaf
        # The number by which a parent refers to each node of this tree.
        name = np.empty(len(leaf), np.uint32)
        name[inner] = n_nodes + np.arange(inner.sum())
        if pure:
            name[leaf] = (t % GROUP) * n_columns + column[tree.value[leaf].argmax(1)]
        else:
            name[leaf] = n_values + np.arange(leaf.sum())
            rows = np.zeros((int(leaf.sum()), n_columns))
            rows[:, column] = tree.value[leaf]
            values.append(rows)
            n_values += len(rows)
        name[leaf] |= LEAF
        packed = np.empty((int(inner.sum()), 4), np.uint32)
        packed[:, 0] = round_up_to_float32(tree.threshold[inner]).view(np.uint32)
        packed[:, 1] = tree.feature[inner] * PATCH
        packed[:, 2] = name[tree.left[inner]]
        packed[:, 3] = name[tree.left[inner] + 1]
        nodes.append(packed)
        roots.append(name[0])
        sizes.append(len(packed))
        n_nodes += len(packed)
    if pure:
        values = [np.tile(np.eye(n_columns), (GROUP, 1))]
    capacity = max((sum(sizes[i : i + GROUP]) for i in range(0, len(sizes), GROUP)), default=0)
    flat = np.concatenate(nodes).ravel() if n_nodes else np.zeros(4, np.uint32)
    return PackedForest(flat, np.array(roots, np.uint32), np.concatenate(values), pure, capacity, n_columns)


class WalkSpace(NamedTuple):
    """Work space of one thread for one forest.

    Attributes
    ----------
    queue
        uint64: pairs of the pixels that reach a node and the node: in the first half those to visit, in the second
        the leaves.
    reached
        uint64: the pixels that end at each class of each tree of a group, and spare rows.
    counts
        uint64 (columns, bits): bit b of the votes of each pixel.
    votes
        uint16 (64,).
    share
        float32 (trees + 1,): the mean for each number of votes.
    sums
        float64 (columns, 64).
    total
        float64 (64,): the sum of several regressors.
    mean
        float32 (columns + 1, 64): the result; the last row is spare, so that whole vectors can be read.
    """

    queue: NDArray[np.uint64]
    reached: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    votes: NDArray[np.uint16]
    share: NDArray[np.float32]
    sums: NDArray[np.float64]
    total: NDArray[np.float64]
    mean: NDArray[np.float32]


def walk_space(forest: PackedForest) -> WalkSpace:
    """Return work space for a forest."""
    n_trees, n_columns = len(forest.roots), forest.n_columns
    share = np.arange(n_trees + 1) / max(n_trees, 1)
    # A node is put into the queue at most once, and two children are written behind its end; so are leaves.
    length = forest.capacity + GROUP + 2
    return WalkSpace(
        np.empty(4 * length, np.uint64),
        np.empty(GROUP * n_columns + SPARE, np.uint64),
        np.empty((n_columns, n_trees.bit_length()), np.uint64),
        np.empty(PATCH, np.uint16),
        share.astype(np.float32),
        np.empty((n_columns, PATCH)),
        np.empty(PATCH),
        np.empty((n_columns + 1, PATCH), np.float32),
    )
