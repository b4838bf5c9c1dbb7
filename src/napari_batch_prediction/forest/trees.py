"""Decision trees as arrays, and how to read them from vigra's layout and from scikit-learn's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ProjectError

_LEAF = 0x40000000
_THRESHOLD = 0
_ROOT = 2
_LEAF_ENTRIES, _INNER_ENTRIES = 2, 5
_SKLEARN_LEAF = -1
_MAX_DEPTH = 1000
_NO_TREE = "a node that points outside the tree, or a node with two parents"


@dataclass(frozen=True)
class Tree:
    """One decision tree. Node 0 is the root; a child comes after its parent.

    Attributes
    ----------
    feature
        int32 (n,): the column a node looks at; -1 at a leaf.
    threshold
        float64 (n,): a row goes left if its value is less than this, and right otherwise, also with NaN.
    left
        int32 (n,): the left child; 0 at a leaf. The right child is the node after it.
    value
        float64 (n, columns): the values of a leaf: a probability for each class, or in one column the value of a
        regressor; 0 elsewhere.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    value: NDArray[np.float64]

    def n_levels(self) -> int:
        """Return the number of levels of a tree whose nodes are in the order of their levels."""
        # The end of the level after the one that ends with each node.
        ends = (1 + 2 * np.cumsum(self.feature >= 0)).tolist()
        end = n_levels = 1
        while end < len(ends):
            end, n_levels = ends[end - 1], n_levels + 1
        return n_levels


def trees_from_vigra(stored: Sequence[tuple[NDArray[np.int32], NDArray[np.float64]]]) -> list[Tree]:
    """Return the trees that pairs of vigra's topology and parameters describe.

    The topology begins with the number of features and of classes; the root is at index 2. A leaf is
    ``[0x40000000, p]`` with ``parameters[p]`` its weight and then one probability for each class. A node with
    a threshold is ``[0, p, left, right, feature]`` with ``parameters[p + 1]`` the threshold.

    All trees are followed at once, level by level, so that a forest of many thousand nodes is read quickly.

    Raises
    ------
    ProjectError
        If a node is of another type, an index is out of range, or nodes do not form a tree; if trees have different
        numbers of classes.
    """
    for arrays in stored:
        if any(array.ndim != 1 for array in arrays) or len(arrays[0]) < _ROOT + 2:
            raise _damaged(f"arrays of shapes {arrays[0].shape} and {arrays[1].shape}")
    topologies, parameters = zip(*stored, strict=True)
    topo = np.concatenate(topologies).astype(np.int64, copy=False)
    params = np.concatenate(parameters).astype(np.float64, copy=False)
    # Where each tree begins in the arrays of all trees, and the end of the last one.
    starts, param_starts = (np.cumsum([0, *map(len, arrays)]) for arrays in (topologies, parameters))
    n_features, n_classes = topo[starts[:-1]], topo[starts[:-1] + 1]
    if n_features.min() < 1 or n_classes.min() < 1 or np.ptp(n_classes):
        raise _damaged(f"{n_features.min()} features and {n_classes.min()} to {n_classes.max()} classes")
    n_columns = int(n_classes[0])
    nodes, tree = _nodes(topo, starts)
    leaf = (topo[nodes] & _LEAF) != 0
    inner = ~leaf
    parameter = topo[nodes + 1]
    last = parameter + np.where(leaf, n_columns, 1)
    if parameter.min() < 0 or (last >= np.diff(param_starts)[tree]).any():
        raise _damaged("a node whose parameters are missing")
    n_leaves = np.bincount(tree[leaf], minlength=len(stored))
    if (n_leaves * n_columns > np.diff(param_starts)).any():
        raise _damaged("leaves that share their probabilities")
    columns = topo[nodes[inner] + 4]
    if (columns < 0).any() or (columns >= n_features[tree[inner]]).any():
        raise _damaged(f"a node that looks at a column outside 0 to {n_features.max() - 1}")

    parameter += param_starts[tree]
    feature, left = np.full((2, nodes.size), -1, np.int32)
    threshold, value = np.zeros(nodes.size), np.zeros((nodes.size, n_columns))
    feature[inner] = columns
    threshold[inner] = params[parameter[inner] + 1]
    value[leaf] = params[parameter[leaf, None] + 1 + np.arange(n_columns)]
    if not (np.isfinite(value).all() and np.isfinite(threshold).all()):
        raise _damaged("thresholds or probabilities that are not finite")
    ends = np.cumsum(np.bincount(tree, minlength=len(stored)))
    begins = ends - np.bincount(tree, minlength=len(stored))
    # In this order the children of a tree's i-th inner node are its nodes 2 i + 1 and 2 i + 2.
    n_before = np.cumsum(inner) - inner
    left[:] = np.where(inner, 2 * (n_before - n_before[begins][tree]) + 1, 0)
    return [Tree(feature[a:b], threshold[a:b], left[a:b], value[a:b]) for a, b in zip(begins, ends, strict=True)]


def _nodes(topo: NDArray[np.int64], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of all nodes of several topologies, tree by tree and level by level, and the tree of each.

    Raises
    ------
    ProjectError
        If they form no trees.
    """
    sizes = np.diff(starts)
    tree = np.arange(len(sizes))
    level = starts[:-1] + _ROOT
    levels: list[NDArray[np.int64]] = []
    trees: list[NDArray[np.int64]] = []
    n_nodes = np.zeros(len(sizes), np.int64)
    while level.size:
        n_nodes += np.bincount(tree, minlength=len(sizes))
        # A node takes at least two entries, so more nodes than that means that one is reached twice.
        if (n_nodes > sizes // 2).any():
            raise _damaged(_NO_TREE)
        if len(levels) > _MAX_DEPTH:
            raise _damaged(f"a tree of more than {_MAX_DEPTH} levels")
        levels.append(level)
        trees.append(tree)
        kind = topo[level]
        is_inner = (kind & _LEAF) == 0
        inner, tree = level[is_inner], tree[is_inner]
        if (kind[is_inner] != _THRESHOLD).any():
            other = sorted({*kind[is_inner].tolist()} - {_THRESHOLD})
            raise ProjectError(
                f"The random forest has nodes of type {other}; only thresholds on single features are supported, "
                "as ilastik trains them. Train the classifier again in ilastik and save the project."
            )
        if (inner + 4 >= starts[tree + 1]).any():
            raise _damaged("a node that is cut off")
        children = topo[inner[:, None] + (2, 3)]
        if (children < _ROOT).any() or (children + 1 >= sizes[tree, None]).any():
            raise _damaged(_NO_TREE)
        level = (children + starts[tree, None]).ravel()
        tree = np.repeat(tree, 2)
    of_tree = np.concatenate(trees)
    order = np.argsort(of_tree, kind="stable")
    return np.concatenate(levels)[order], of_tree[order]


def tree_to_vigra(tree: Tree, n_features: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return vigra's topology and parameters of a tree; see :func:`trees_from_vigra`.

    The weights of nodes, which no prediction uses, are 1.
    """
    is_leaf, n_classes = tree.feature < 0, tree.value.shape[1]
    inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    ends = _ROOT + np.cumsum(np.where(is_leaf, _LEAF_ENTRIES, _INNER_ENTRIES))
    at = np.concatenate([[_ROOT], ends[:-1]])
    parameter_ends = np.cumsum(np.where(is_leaf, 1 + n_classes, 2))
    parameter = np.concatenate([[0], parameter_ends[:-1]])
    topology = np.zeros(ends[-1], np.int32)
    topology[:_ROOT] = n_features, n_classes
    topology[at] = np.where(is_leaf, _LEAF, _THRESHOLD)
    topology[at + 1] = parameter
    topology[at[inner] + 2] = at[tree.left[inner]]
    topology[at[inner] + 3] = at[tree.left[inner] + 1]
    topology[at[inner] + 4] = tree.feature[inner]
    parameters = np.zeros(parameter_ends[-1])
    parameters[parameter] = 1
    parameters[parameter[inner] + 1] = tree.threshold[inner]
    parameters[parameter[leaves, None] + 1 + np.arange(n_classes)] = tree.value[leaves]
    return topology, parameters


def tree_from_sklearn(
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    feature: NDArray[np.integer],
    threshold: NDArray[np.floating],
    value: NDArray[np.floating],
    n_features: int,
) -> Tree:
    """Return the tree that the arrays of a scikit-learn tree describe.

    Parameters
    ----------
    left, right
        (n,): the children of each node, -1 at a leaf. Node 0 is the root, and scikit-learn numbers a node before
        its children.
    feature, threshold
        (n,): a row goes left if the float32 value in this column is not greater than the threshold.
    value
        (n, columns): the values of leaves.
    n_features
        Number of columns of a row.

    Returns
    -------
    A tree that gives every row of float32 without NaN the leaf that scikit-learn gives it. Missing values
    are not sent where scikit-learn sends them: pixels with a NaN get 0 here.

    Raises
    ------
    ProjectError
        If nodes do not form a tree, a column is out of range, or a number is not finite.
    """
    n = len(left)
    if n < 1 or any(len(array) != n for array in (right, feature, threshold, value)) or value.ndim != 2:
        raise _damaged(f"arrays for {n} nodes that do not fit together")
    inner = np.flatnonzero(left != _SKLEARN_LEAF)
    children = np.stack([left[inner], right[inner]], 1)
    # It is a tree if every node but the root has one parent, which comes before it.
    if not ((children > inner[:, None]) & (children < n)).all():
        raise _damaged("a node that points outside the tree or back")
    if not np.array_equal(np.bincount(children.ravel(), minlength=n), np.arange(n) > 0):
        raise _damaged("a node with two parents or with none")
    columns, limits = feature[inner], threshold[inner].astype(np.float64)
    if inner.size and (columns.min() < 0 or columns.max() >= n_features):
        raise _damaged(f"a node that looks at a column outside 0 to {n_features - 1}")
    leaves = np.flatnonzero(left == _SKLEARN_LEAF)
    if not (np.isfinite(limits).all() and np.isfinite(value[leaves]).all()):
        raise _damaged("thresholds or values that are not finite")
    # The children of the i-th inner node become nodes 2 i + 1 and 2 i + 2, which keeps parents before children.
    new_index = np.zeros(n, np.int64)
    new_index[children] = 2 * np.arange(inner.size)[:, None] + (1, 2)
    result = Tree(
        np.full(n, -1, np.int32),
        np.zeros(n),
        np.zeros(n, np.int32),
        np.zeros((n, value.shape[1])),
    )
    result.feature[new_index[inner]] = columns
    result.threshold[new_index[inner]] = next_float32(limits)
    result.left[new_index[inner]] = 2 * np.arange(inner.size) + 1
    result.value[new_index[leaves]] = value[leaves]
    return result


def _damaged(detail: str) -> ProjectError:
    return ProjectError(
        f"The random forest in the project is damaged: found {detail}. Train the classifier again in ilastik and "
        "save the project, or take an intact copy of the file."
    )


def round_up_to_float32(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the smallest float32 that is not less than each threshold.

    For every float32 ``x``, ``x < threshold`` in double is the same as ``x < round_up_to_float32(threshold)``.
    """
    with np.errstate(over="ignore"):
        single = threshold.astype(np.float32)
    less = single.astype(np.float64) < threshold
    return np.where(less, np.nextafter(single, np.float32(np.inf)), single)


def next_float32(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the smallest float32 that is greater than each threshold.

    For every float32 ``x``, ``x <= threshold`` in double is the same as ``x < next_float32(threshold)``, if the
    threshold is less than infinity.
    """
    with np.errstate(over="ignore", under="ignore"):
        single = threshold.astype(np.float32)
        after = np.nextafter(single, np.float32(np.inf))
    return np.where(single.astype(np.float64) > threshold, single, after)


def leaves_are_pure(trees: Sequence[Tree]) -> bool:
    """Return True if every leaf gives one class all of its probability, as fully grown trees do."""
    leaves = (tree.value[tree.feature < 0] for tree in trees)
    # The values of a regressor may all be 0.
    return all(bool(((value == 0) | (value == 1)).all() and (value.sum(axis=1) == 1).all()) for value in leaves)
