"""A forest as the flat arrays that the compiled walks follow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.trees import Tree, leaves_are_pure, round_up_to_float32

PATCH = 64
"""Pixels that go through the forest together: one bit each of a 64-bit mask."""

GROUP = 25
"""Trees walked at once, so that loads of their nodes overlap."""

SPARE = 16
"""Rows of a table of leaves for what is no leaf; a power of 2, more than one so that writes need not wait."""

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
        float64 (m, columns): what leaves say, each row once for every tree in a group of trees.
    pure
        Whether every leaf gives everything to one column, and votes can be counted in 16 bits. Then the row of
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


def pack(trees: Sequence[Tree]) -> PackedForest:
    """Return a forest in flat arrays.

    Thresholds are rounded up to float32: a float32 is less than the one if and only if it is less than the other.
    """
    pure = leaves_are_pure(trees) and len(trees) <= np.iinfo(np.uint16).max
    n_columns = trees[0].value.shape[1]
    nodes, roots, values, sizes = [], [], [], []
    n_nodes = n_values = 0
    for t, tree in enumerate(trees):
        leaf = tree.feature < 0
        inner = ~leaf
        # The number by which a parent refers to each node of this tree.
        name = np.empty(len(leaf), np.uint32)
        name[inner] = n_nodes + np.arange(inner.sum())
        if pure:
            name[leaf] = (t % GROUP) * n_columns + tree.value[leaf].argmax(1)
        else:
            name[leaf] = n_values + np.arange(leaf.sum())
            values.append(tree.value[leaf])
            n_values += int(leaf.sum())
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
    capacity = max(sum(sizes[i : i + GROUP]) for i in range(0, len(sizes), GROUP))
    flat = np.concatenate(nodes).ravel() if n_nodes else np.zeros(4, np.uint32)
    return PackedForest(flat, np.array(roots, np.uint32), np.concatenate(values), pure, capacity, n_columns)


class WalkSpace(NamedTuple):
    """Work space of one thread for one forest.

    Attributes
    ----------
    queue, masks
        uint32 and uint64: the nodes to visit and the pixels that reach them.
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
    mean
        float32 (columns, 64): the result.
    """

    queue: NDArray[np.uint32]
    masks: NDArray[np.uint64]
    reached: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    votes: NDArray[np.uint16]
    share: NDArray[np.float32]
    sums: NDArray[np.float64]
    mean: NDArray[np.float32]


def walk_space(forest: PackedForest) -> WalkSpace:
    """Return work space for a forest."""
    n_trees, n_columns = len(forest.roots), forest.n_columns
    # A node is put into the queue at most once, and two children are written behind its end.
    length = forest.capacity + GROUP + 2
    return WalkSpace(
        np.empty(length, np.uint32),
        np.empty(length, np.uint64),
        np.empty(GROUP * n_columns + SPARE, np.uint64),
        np.empty((n_columns, n_trees.bit_length()), np.uint64),
        np.empty(PATCH, np.uint16),
        (np.arange(n_trees + 1) / n_trees).astype(np.float32),
        np.empty((n_columns, PATCH)),
        np.empty((n_columns, PATCH), np.float32),
    )
