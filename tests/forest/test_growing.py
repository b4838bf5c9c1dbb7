"""Growing forests: laws that hold for any rows, and slow plain references."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from napari_batch_prediction.forest import growth_space
from napari_batch_prediction.forest.binning import bin_features
from napari_batch_prediction.forest.growing import grow_forest, grow_regressor
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


class _Random:
    """splitmix64, as its authors publish it."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) % 2**64
        bits = self._state
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % 2**64
        bits ^= bits >> 31
        return (bits >> 32) * n >> 32


def _impurity(weights: np.ndarray, classes: np.ndarray) -> float:
    """Gini impurity of rows, times their number."""
    n = weights.sum()
    return n - (np.bincount(classes, weights) ** 2).sum() / n


class _Plain:
    """A tree grown slowly, by the definition: every border between values of a node is tried."""

    def __init__(self, features: np.ndarray, classes: np.ndarray, n_classes: int, seed: int) -> None:
        self._features, self._classes, self._n_classes = features, classes, n_classes
        self._random = _Random(seed)
        n = len(classes)
        self.weights = np.bincount([self._random.below(n) for _ in range(n)], minlength=n)
        self._order = [*range(features.shape[1])]
        self.nodes: list[tuple[int, float, int]] = []
        self.values: list[np.ndarray] = []
        self.importance = np.zeros(features.shape[1])
        waiting = [np.flatnonzero(self.weights)]
        while waiting:
            rows = waiting.pop(0)
            split = self._split(rows)
            counts = np.bincount(classes[rows], self.weights[rows], n_classes)
            self.values.append(counts / counts.sum() if split is None else np.zeros(n_classes))
            if split is None:
                self.nodes.append((-1, 0.0, 0))
                continue
            feature, threshold = split
            is_left = features[rows, feature] < threshold
            self.nodes.append((feature, threshold, len(self.nodes) + len(waiting) + 1))
            waiting += [rows[is_left], rows[~is_left]]

    def _split(self, rows: np.ndarray) -> tuple[int, float] | None:
        weights, classes = self.weights[rows], self._classes[rows]
        if len(set(classes.tolist())) == 1:
            return None
        own = best = _impurity(weights, classes) + 1e-6
        found = None
        tried = 0
        n_features = len(self._order)
        for j in range(n_features):
            if tried == max(1, int(n_features**0.5 + 0.5)):
                break
            other = j + self._random.below(n_features - j)
            self._order[j], self._order[other] = self._order[other], self._order[j]
            column = self._features[rows, self._order[j]]
            values = np.unique(np.where(np.isnan(column), np.inf, column))
            tried += len(values) > 1
            for low, high in pairwise(values):
                is_left = column <= low
                rest = _impurity(weights[is_left], classes[is_left]) + _impurity(weights[~is_left], classes[~is_left])
                if rest < best - 1e-9:
                    best, found = rest, (self._order[j], self._threshold(self._order[j], low, high))
        if found is not None:
            self.importance[found[0]] += (own - 1e-6 - best) / len(self._classes)
        return found

    def _threshold(self, feature: int, low: np.float32, high: np.float32) -> float:
        """The border between values of all rows, of those between two values, that is nearest to their middle."""
        middle = _middle(low, high)
        column = self._features[:, feature]
        values = np.unique(np.where(np.isnan(column), np.inf, column))
        last = values[(values >= low) & (values < min(middle, high))].max()
        return float(_middle(last, values[values > last].min()))


def _middle(low: np.float32, high: np.float32) -> np.float32:
    """The middle between two values, or the value after the first if the second stands for NaN."""
    return np.nextafter(low, np.float32(np.inf)) if high == np.inf else np.float32(0.5 * (np.float64(low) + high))


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("fields", [3, 1])
def test_tree_is_that_of_a_slow_plain_reference(n_classes: int, fields: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes, leaves, votes and importance are those of a tree grown by the definition, also with ties and NaN."""
    if fields == 1:  # as with more rows than a third of a word can count
        monkeypatch.setattr(growth_space, "_FIELD", 10)
    random = np.random.default_rng(n_classes)
    features = np.round(random.normal(size=(180, 5)), 1).astype(np.float32)
    features[random.random(features.shape) < 0.05] = np.nan
    classes = random.integers(0, n_classes, 180) * (features[:, 0] > 0)
    grown = grow_forest(features, classes, n_classes, n_trees=2, seed=9)
    votes, importance = np.zeros((180, n_classes)), np.zeros(5)
    for tree, seed in zip(grown.trees, np.random.SeedSequence(9).generate_state(2, np.uint64), strict=True):
        plain = _Plain(features, classes, n_classes, int(seed))
        found = zip(tree.feature.tolist(), tree.threshold.tolist(), tree.left.tolist(), strict=True)
        assert [*found] == plain.nodes
        assert np.allclose(tree.value, plain.values)
        importance += plain.importance
        unseen = plain.weights == 0
        votes[unseen] += tree.value[_leaves(tree, features)][unseen]
    assert np.allclose(grown.out_of_bag, votes)
    assert np.allclose(grown.importance, importance / importance.sum())


def test_infinite_values_and_nan_give_finite_thresholds() -> None:
    """Rows that differ only by infinity or NaN are parted, by a threshold that a project may hold."""
    features = np.array([[np.inf], [np.nan], [-np.inf], [3e38]] * 10, np.float32)
    classes = np.array([1, 1, 0, 2] * 10)
    for tree in grow_forest(features, classes, 3, n_trees=5).trees:
        assert np.isfinite(tree.threshold).all()
        assert (tree.value[_leaves(tree, features)].argmax(axis=1) == classes).all()


def test_regressor_is_as_good_as_scikit_learns() -> None:
    """On unseen rows a forest of values is off by no more than scikit-learn's, but for 5 percent; depth is limited."""
    random = np.random.default_rng(0)
    features = random.normal(size=(3000, 4)).astype(np.float32)
    values = np.maximum(features[:, 0], 0) ** 2 + 0.3 * features[:, 1] + 0.2 * random.normal(size=3000)
    own = grow_regressor(features[:2000], values[:2000], n_trees=20, max_depth=50)
    other = RandomForestRegressor(20, max_depth=50, random_state=0).fit(features[:2000], values[:2000])
    mean = np.mean([tree.value[_leaves(tree, features[2000:])][:, 0] for tree in own], axis=0)
    errors = [np.mean((found - values[2000:]) ** 2) for found in (mean, other.predict(features[2000:]))]
    assert errors[0] < 1.05 * errors[1]
    assert all(tree.n_levels() <= 4 for tree in grow_regressor(features, values, n_trees=2, max_depth=3))


def test_regressor_of_equal_values_is_one_leaf() -> None:
    """Nothing is gained by a split of equal values."""
    features = np.arange(50, dtype=np.float32)[:, np.newaxis]
    (tree,) = grow_regressor(features, np.full(50, 0.25), n_trees=1, max_depth=50)
    assert tree.value.tolist() == [[0.25]]


def test_few_rows_of_a_class_are_parted_from_many_others() -> None:
    """Bins of as many rows each would hide twenty rows among the largest of twenty thousand."""
    column = np.sort(np.random.default_rng(0).normal(size=20_000).astype(np.float32))
    classes = (np.arange(20_000) >= 19_980).astype(np.int64)
    binned = bin_features(column[:, None], classes)
    assert binned.bins[0][19_980] > binned.bins[0][19_979 - 5]
    votes = grow_forest(column[:, None], classes, 2, n_trees=20).out_of_bag
    assert (votes[19_980:].argmax(axis=1) == 1).mean() > 0.7
