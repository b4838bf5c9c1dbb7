"""Counting: this project's compiled walk against scikit-learn's own, which ilastik uses; one thread each."""

from functools import partial
from pathlib import Path

import numpy as np
from features import our_features
from inputs import ROOT, Setting, mirrored, read_image
from numpy.typing import NDArray
from rows import Contest, Row, compete
from sklearn_trees import scikit_learn_regressor
from timing import Time, timed

from napari_batch_prediction.classifiers.density_counting import DensityCounting
from napari_batch_prediction.engine.compiled.predictor import CompiledPredictor, packed
from napari_batch_prediction.forest.packed import PackedForest, PackedRegressors
from napari_batch_prediction.forest.rows import predict_rows
from napari_batch_prediction.ilp.counting import read_counting_project
from napari_batch_prediction.ilp.reading.file import ProjectFile

PREDICTION = "this project, in a prediction"
WITH_FEATURES = "this project, features and all"
ROWS = "this project, rows of features"
TARGET = 5.0
TOLERANCE = 1e-6

SAMPLE = ROOT / "src" / "napari_batch_prediction" / "samples" / "colonies"
GOLDEN = ROOT / "tests" / "golden" / "h1_count_2d_u8"
FORESTS = {
    "Counting, the sample": (SAMPLE / "colonies.ilp", SAMPLE / "colonies_01.png"),
    "Counting, deeper trees": (GOLDEN / "project.ilp", GOLDEN / "train.png"),
}


def measure(setting: Setting) -> list[Row]:
    """Measure the forest that counts colonies in the sample, and one of deeper trees."""
    return [row for name, files in FORESTS.items() for row in _measure(setting, name, *files)]


def _measure(setting: Setting, name: str, path: Path, picture: Path) -> list[Row]:
    with ProjectFile(path) as file:
        project = read_counting_project(file)
    (forest,) = project.regressors
    image = mirrored(read_image(picture)[0, 0], 128 if setting.quick else 512)
    block = image[np.newaxis, np.newaxis]
    whole = (slice(0, 1), slice(0, image.shape[0]), slice(0, image.shape[1]))
    features = CompiledPredictor(project.selection, 1, None)
    rows = our_features(features, image, True).reshape(-1, image.size).T.copy()
    predictor = CompiledPredictor(project.selection, 1, project.regressors)
    predict = timed(partial(predictor.predict, block, whole))
    compute_features = timed(partial(our_features, features, image, False))

    def walk() -> Time:
        return predict() - compute_features()

    n_nodes = sum(len(tree.feature) for tree in forest.trees)
    what = f"{len(forest.trees)} trees, {n_nodes} nodes"
    ours = partial(_our_rows, rows, packed(project.regressors, rows.shape[1]))
    theirs = partial(scikit_learn_regressor(forest.trees, rows.shape[1]).predict, rows)
    expected = DensityCounting(project).predict(image, "yx", workers=1).ravel()
    for whose, density in ((ROWS, ours()), ("scikit-learn", theirs())):
        far = float(np.abs(density - expected).max())
        if not far < TOLERANCE:
            raise RuntimeError(f"The forests are not the same: {whose} gives densities that differ by {far:g}.")
    note = "RandomForestRegressor.predict, the same trees put into it, on the same features; the same densities"
    contests = [
        Contest(PREDICTION, walk, None, f"{what}; a prediction less its features"),
        Contest(ROWS, timed(ours), PREDICTION, "pixels along a line are walked together"),
        Contest(WITH_FEATURES, predict, PREDICTION, f"a whole prediction, {rows.shape[1]} features"),
        Contest("scikit-learn", timed(theirs), PREDICTION, note, TARGET),
    ]
    return compete(name, contests, setting.rounds, image.size)


def _our_rows(rows: NDArray[np.float32], model: PackedForest | PackedRegressors) -> NDArray[np.float32]:
    return predict_rows(rows, model)[:, 0]
