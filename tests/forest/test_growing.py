"""Growing forests: laws that hold for any rows, and slow plain references."""

import numpy as np
import pytest

from napari_batch_prediction.forest.binning import bin_features
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.forest.trees import Tree


def _rows(n: int = 400, n_features: int = 6, n_classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random rows whose class depends on two features, with some noise and ties."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, n_features)).astype(np.float32)
    features[:, 1] = np.round(features[:, 1], 1)
    classes = (features[:, 0] + 0.5 * features[:, 1] > 0).astype(int) + (features[:, 2] > 0.7)
    classes[random.random(n) < 0.1] = 0
    return features, np.minimum(classes, n_classes - 1)


def _leaves(tree: Tree, features: np.ndarray) -> np.ndarray:
    """The leaf that each row reaches, by the rule of a tree."""
    node = np.zeros(len(features), int)
    while (inner := tree.feature[node] >= 0).any():
        values = features[np.arange(len(features)), np.maximum(tree.feature[node], 0)]
        node = np.where(inner, tree.left[node] + ~(values < tree.threshold[node]), node)
    return node


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_forest_does_not_depend_on_the_number_of_threads(threads: int) -> None:
    """Trees, votes and importance are equal bit by bit for any number of threads, and each time."""
    features, classes = _rows()
    expected = grow_forest(features, classes, 3, n_trees=7, seed=3)
    grown = grow_forest(features, classes, 3, n_trees=7, seed=3, threads=threads)
    for a, b in zip(expected.trees, grown.trees, strict=True):
        for name in ("feature", "threshold", "left", "value"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
    assert np.array_equal(expected.out_of_bag, grown.out_of_bag)
    assert np.array_equal(expected.importance, grown.importance)


def test_other_seed_gives_other_trees() -> None:
    """The seed decides."""
    features, classes = _rows()
    one, other = (grow_forest(features, classes, 3, n_trees=1, seed=seed).trees[0] for seed in (0, 1))
    assert one.threshold.tolist() != other.threshold.tolist()


def test_forest_separates_its_own_rows() -> None:
    """With values that all differ, a forest gives nearly every row its own class, as trees are grown until pure."""
    features, classes = _rows(200)
    grown = grow_forest(features, classes, 3, n_trees=50)
    votes = sum(tree.value[_leaves(tree, features)] for tree in grown.trees)
    assert (np.argmax(votes, axis=1) == classes).all()
    assert all(set(np.unique(tree.value)) <= {0.0, 1.0} for tree in grown.trees)


def test_thresholds_are_float32_in_the_middle_between_values() -> None:
    """Each threshold is the float32 nearest to the middle of two values of training rows, and parts them."""
    features, classes = _rows(150)
    for tree in grow_forest(features, classes, 3, n_trees=5).trees:
        for feature, threshold in zip(tree.feature, tree.threshold, strict=True):
            if feature >= 0:
                values = np.unique(features[:, feature]).astype(np.float64)
                pairs = (values[:, None] + values) / 2
                assert np.float32(threshold) == threshold
                assert threshold in pairs.astype(np.float32)


def test_bins_keep_the_order_of_values_and_share_rows() -> None:
    """Bins follow the values, equal values share one, and no bin has many more rows than others unless by ties."""
    random = np.random.default_rng(5)
    column = np.concatenate([random.normal(size=5000), np.zeros(4000)]).astype(np.float32)
    binned = bin_features(column[:, None])
    order = np.argsort(column, kind="stable")
    assert (np.diff(binned.bins[0, order].astype(int)) >= 0).all()
    counts = np.bincount(binned.bins[0])
    assert len(counts) == 256
    assert np.sort(counts)[-2] <= 2 * 5000 / 255
    used = np.arange(256)
    assert all(column[binned.bins[0] == b].min() == binned.lowest[0, b] for b in used)
    assert all(column[binned.bins[0] == b].max() == binned.highest[0, b] for b in used)
