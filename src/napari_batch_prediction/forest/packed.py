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
        Whether every leaf gives everything to one column. Then the row of a leaf is
        ``(tree % GROUP) * columns + column``.
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
    pure = leaves_are_pure(trees)
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
