"""Training a forest: this project against vigra and scikit-learn, one thread each, on the same labelled pixels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from inputs import Setting, read_image
from numpy.typing import NDArray
from rows import Contest, Row, compete
from timing import Contestant, Time, timed

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.forest.packed import pack
from napari_batch_prediction.forest.rows import predict_rows

OURS = "this project"
N_TREES = 100
N_TEST = 50_000

SIZES = {5_000: 10.0, 20_000: 15.0, 100_000: 15.0}
"""How many times as fast as the others the project wants to be, by the number of labelled pixels."""

ROUNDS = 5
"""Each round has a seed of its own."""

Errors = dict[str, list[float]]


def measure(setting: Setting) -> list[Row]:
    """Measure training on pixels of one image."""
    if setting.perf is None:
        setting.left_out.append("training: no folder with projects and images for speed; name it with --perf")
        return []
    classifier = load_classifier(setting.perf / "p2d_all.ilp")
    pixels = read_image(setting.perf / "b1024_0.png")[0, 0]
    features = classifier.predict(pixels, source="Features")
    features = features.reshape(-1, features.shape[-1])
    classes = classifier.predict(pixels, source="Simple Segmentation").ravel().astype(np.uint32) - 1
    order = np.random.default_rng(0).permutation(len(classes))
    test, rest = order[:N_TEST], order[N_TEST:]
    sizes = {500: 5.0} if setting.quick else SIZES
    rows = []
    for n, target in sizes.items():
        used = rest[:n]
        contest = _Contest(setting, features[used], classes[used], features[test], classes[test])
        rows += contest.measure(f"Training, {n} labelled pixels", target)
    return rows


class _Contest:
    """Contestants on the same pixels, and the share of unseen pixels that each gets wrong in each round."""

    def __init__(
        self,
        setting: Setting,
        features: NDArray[np.float32],
        classes: NDArray[np.uint32],
        test: NDArray[np.float32],
        truth: NDArray[np.uint32],
    ) -> None:
        self._setting, self._features, self._classes = setting, features, classes
        self._test, self._truth = test, truth
        self._n_classes = int(truth.max()) + 1
        self._wrong: Errors = {}

    def measure(self, section: str, target: float) -> list[Row]:
        """Measure all that are installed."""
        contests = [Contest(OURS, self._run(OURS, self._ours), None, "votes out of bag included")]
        if self._setting.vigra:
            self._setting.vigra.load_training(
                self._setting.scratch, self._features, self._classes + 1, self._test, self._truth, N_TREES
            )
            contests.append(Contest("vigra", self._run_vigra, OURS, "learnRF, as in ilastik", target))
        note = "RandomForestClassifier.fit"
        contests.append(Contest("scikit-learn", self._run("scikit-learn", self._theirs), OURS, note, target))
        rounds = min(self._setting.rounds, ROUNDS)
        rows = compete(section, contests, rounds, len(self._features))
        return [replace(row, note=f"{row.note}; {self._told(row.name, rounds)}") for row in rows]

    def _told(self, name: str, rounds: int) -> str:
        shares = [100 * share for share in self._wrong[name][-rounds:]]
        return f"{np.median(shares):.2f} % of unseen pixels wrong ({min(shares):.2f} to {max(shares):.2f})"

    def _run(self, name: str, train: Callable[[int], Callable[[], NDArray]]) -> Contestant:
        """Return a contestant that notes what it gets wrong, outside of the time that counts."""
        shares = self._wrong.setdefault(name, [])

        def run() -> Time:
            made: list[Callable[[], NDArray]] = []
            time = timed(lambda: made.append(train(len(shares))))()
            shares.append(float(np.mean(made[0]() != self._truth)))
            return time

        return run

    def _run_vigra(self) -> Time:
        assert self._setting.vigra is not None
        time = self._setting.vigra.run()
        self._wrong.setdefault("vigra", []).append(self._setting.vigra.share_wrong())
        return time

    def _ours(self, seed: int) -> Callable[[], NDArray]:
        forest = grow_forest(self._features, self._classes, self._n_classes, n_trees=N_TREES, seed=seed)
        return lambda: predict_rows(self._test, pack(forest.trees, self._n_classes)).argmax(axis=1)

    def _theirs(self, seed: int) -> Callable[[], NDArray]:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(N_TREES, random_state=seed).fit(self._features, self._classes)
        return lambda: forest.predict(self._test)
