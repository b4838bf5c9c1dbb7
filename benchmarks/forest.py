"""The forest: this project's compiled walk against vigra and scikit-learn, one thread each, the same trees."""

from functools import partial

import numpy as np
from inputs import Setting, boxes, feature_rows, read_image
from numpy.typing import NDArray
from rows import Contest, Row, compete
from sklearn_trees import scikit_learn_forest
from timing import Time, timed

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.engine.base import ClassForest
from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor
from napari_batch_prediction.forest.packed import pack
from napari_batch_prediction.forest.rows import predict_rows

PREDICTION = "this project, in a prediction"
ROWS = "this project, rows of features"
TARGET = 8.0

# The smallest difference between two votes of 100 trees is 0.01.
TOLERANCE = 1e-5


def measure(setting: Setting) -> list[Row]:
    """Measure the forest in 2D and in 3D."""
    if setting.perf is None:
        setting.left_out.append("forest: no folder with projects and images for speed; name it with --perf")
        return []
    length_2d, length_3d = (128, 40) if setting.quick else (512, 64)
    return [
        *_measure(setting, "Forest, 2D", "p2d_all.ilp", "big2048.png", (1, length_2d, length_2d)),
        *_measure(setting, "Forest, 3D", "p3d_all.ilp", "vol128.h5", (length_3d, length_3d, length_3d)),
    ]


def _measure(setting: Setting, section: str, name: str, image: str, size: tuple[int, int, int]) -> list[Row]:
    assert setting.perf is not None
    classifier = load_classifier(setting.perf / name)
    pixels = read_image(setting.perf / image)
    (box,) = boxes(pixels.shape[1:], size, (1, 1, 1))
    crop = pixels[(slice(None), *box)].astype(np.float32)
    whole = (slice(0, size[0]), slice(0, size[1]), slice(0, size[2]))
    rows = feature_rows(classifier, crop, [whole])
    project = classifier.project
    trees, n_classes = project.trees, len(classifier.classes)
    predictor = CompiledPredictor(project.selection, 1, ClassForest(trees, project.channel_of_column, n_classes))
    with_forest = partial(predictor.predict, crop, whole)
    without = partial(predictor.compute, crop, whole, values=False, features=False)
    predict, compute_features = timed(with_forest), timed(without)

    def walk() -> Time:
        return predict() - compute_features()

    forest = pack(trees, n_classes, project.channel_of_column)
    n_nodes = sum(len(tree.feature) for tree in trees)
    contests = [
        Contest(PREDICTION, walk, None, f"{len(trees)} trees, {n_nodes} nodes; a prediction less its features"),
        Contest(
            ROWS, timed(partial(predict_rows, rows, forest)), PREDICTION, "pixels along a line are walked together"
        ),
    ]
    expected = with_forest().reshape(n_classes, -1).T
    _check(ROWS, predict_rows(rows, forest), expected)
    if setting.vigra:
        path = setting.scratch / "rows.npy"
        np.save(path, rows)
        setting.vigra.load_forest(setting.perf / name, path)
        setting.vigra.run()
        _check("vigra", setting.vigra.result(setting.scratch), expected)
        note = "RandomForest.predictProbabilities; the same probabilities"
        contests.append(Contest("vigra", setting.vigra.run, PREDICTION, note, TARGET))
    theirs = partial(scikit_learn_forest(trees).predict_proba, rows)
    _check("scikit-learn", theirs(), expected)
    note = "RandomForestClassifier.predict_proba, the same trees put into it; the same probabilities"
    contests.append(Contest("scikit-learn", timed(theirs), PREDICTION, note))
    return compete(section, contests, setting.rounds, len(rows))


def _check(name: str, probabilities: NDArray, expected: NDArray[np.float32]) -> None:
    """Raise if a contestant does other work than this project."""
    far = float(np.abs(probabilities - expected).max())
    if not far < TOLERANCE:
        raise RuntimeError(f"The forests compared are not the same: {name} gives probabilities that differ by {far:g}.")
