"""ilastik's trees in scikit-learn's forests, so that both walk the same."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from napari_batch_prediction.forest.trees import Tree, round_up_to_float32

_NO_NODE = -1
_NO_FEATURE = -2


def scikit_learn_forest(trees: Sequence[Tree]) -> RandomForestClassifier:
    """Return a classifier with these trees, which works on one thread.

    Its nodes are in scikit-learn's own order: each followed by all that is left of it.
    """
    n_columns = trees[0].value.shape[1]
    n_features = 1 + max(int(tree.feature.max()) for tree in trees)
    # Grown on next to nothing, then given the trees.
    rows = np.random.default_rng(0).random((n_columns, n_features), np.float32)
    forest = RandomForestClassifier(len(trees), bootstrap=False, n_jobs=1, random_state=0)
    forest.fit(rows, np.arange(n_columns))
    _give(forest, trees)
    return forest


def scikit_learn_regressor(trees: Sequence[Tree], n_features: int) -> RandomForestRegressor:
    """Return a regressor with these trees, which works on one thread; see :func:`scikit_learn_forest`."""
    rows = np.random.default_rng(0).random((2, n_features), np.float32)
    forest = RandomForestRegressor(len(trees), bootstrap=False, n_jobs=1, random_state=0)
    forest.fit(rows, np.arange(2.0))
    _give(forest, trees)
    return forest


def _give(forest: RandomForestClassifier | RandomForestRegressor, trees: Sequence[Tree]) -> None:
    for estimator, tree in zip(forest.estimators_, trees, strict=True):
        make, arguments, state = estimator.tree_.__reduce__()
        order, depth = _depth_first(tree)
        nodes = np.zeros(len(order), state["nodes"].dtype)
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        feature, left = tree.feature[order], tree.left[order]
        leaf = feature < 0
        nodes["left_child"] = np.where(leaf, _NO_NODE, position[left])
        nodes["right_child"] = np.where(leaf, _NO_NODE, position[np.where(leaf, 0, left + 1)])
        nodes["feature"] = np.where(leaf, _NO_FEATURE, feature)
        # A row goes left if its value is less in ilastik, and if it is less or equal in scikit-learn.
        below = np.nextafter(round_up_to_float32(tree.threshold[order]), np.float32(-np.inf))
        nodes["threshold"] = np.where(leaf, _NO_FEATURE, below)
        nodes["n_node_samples"] = 1
        nodes["weighted_n_node_samples"] = 1
        state |= {"nodes": nodes, "node_count": len(nodes), "max_depth": depth}
        state["values"] = np.ascontiguousarray(tree.value[order][:, np.newaxis])
        # A new one: a tree that has nodes already does not make room for more.
        estimator.tree_ = make(*arguments)
        estimator.tree_.__setstate__(state)


def _depth_first(tree: Tree) -> tuple[NDArray[np.int64], int]:
    """Return the nodes of a tree in depth-first order, and its depth."""
    order, deepest, waiting = [], 0, [(0, 0)]
    while waiting:
        node, depth = waiting.pop()
        order.append(node)
        deepest = max(deepest, depth)
        if tree.feature[node] >= 0:
            left = int(tree.left[node])
            waiting += [(left + 1, depth + 1), (left, depth + 1)]
    return np.array(order), deepest
