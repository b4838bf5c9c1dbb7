"""The forest: this project's compiled walk against vigra and scikit-learn, one thread each, the same trees."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from inputs import Setting, boxes, feature_rows, left_out, read_image
from numpy.typing import NDArray
from rows import Contest, Row, compare
from timing import Time, interleave, timed

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.prediction import predict_tile
from napari_batch_prediction.features.blocks import feature_tables, smooth_tile
from napari_batch_prediction.forest.packed import PackedForest, pack, walk_space
from napari_batch_prediction.forest.traverse import predict_rows
from napari_batch_prediction.forest.trees import Tree

PREDICTION = "this project, in a prediction"
ROWS = "this project, rows of features"
TARGET = 8.0

# Probabilities are multiples of 1 / trees, so anything more than rounding is another decision.
TOLERANCE = 1e-5


def measure(setting: Setting) -> list[Row]:
    """Measure forests on 2D and on 3D features."""
    if setting.perf is None:
        setting.left_out.append("Forest: no folder with projects and images for speed; name one with --perf")
        return []
    length_2d, length_3d = (128, 40) if setting.quick else (512, 64)
    return [
        *_measure(setting, "Forest, 2D", "p2d_all.ilp", "big2048.png", (1, length_2d, length_2d)),
        *_measure(setting, "Forest, 3D", "p3d_all.ilp", "vol128.h5", (length_3d,) * 3),
    ]


def _measure(setting: Setting, section: str, project: str, image: str, size: tuple[int, int, int]) -> list[Row]:
    assert setting.perf is not None
    classifier = load_classifier(setting.perf / project)
    pixels = read_image(setting.perf / image)
    part = boxes(pixels.shape[1:], size, (1, 1, 1))[0]
    crop = pixels[(slice(None), *part)].astype(np.float32)
    rows = feature_rows(classifier, crop, [tuple(slice(0, n) for n in size)])
    trees, chosen, n_classes = classifier.project.trees, classifier.project.selection, len(classifier.classes)
    forest = pack(trees)

    # The features are computed with and without the forest; the difference is the forest.
    smoothed = smooth_tile(crop, tuple(slice(0, n) for n in size), chosen)
    columns = np.array(classifier.project.channel_of_column)
    tile = partial(predict_tile, smoothed, feature_tables(chosen, 1), chosen.n_features(), forest, columns, size)
    runs = {"both": timed(partial(tile, n_classes, False)), "features": timed(partial(tile, 0, False))}
    probabilities = tile(n_classes, False)[0].reshape(n_classes, -1).T

    n_nodes = sum(len(tree.feature) for tree in trees)
    contests = [
        Contest(PREDICTION, _never, None, f"{len(trees)} trees, {n_nodes} nodes, {rows.shape[1]} features"),
        Contest(ROWS, timed(partial(_our_rows, rows, forest)), None, "from rows of features, 64 in a row at a time"),
    ]
    _check(_our_rows(rows, forest), probabilities, ROWS)
    if setting.vigra:
        path = setting.scratch / "rows.npy"
        np.save(path, rows)
        setting.vigra.load_forest(setting.perf / project, path)
        setting.vigra.run()
        _check(setting.vigra.result(setting.scratch), probabilities, "vigra")
        contests.append(
            Contest("vigra", setting.vigra.run, PREDICTION, "RandomForest.predictProbabilities", TARGET)
        )
    with left_out(setting, "scikit-learn"):
        theirs = partial(scikit_learn_forest(trees).predict_proba, rows)
        _check(theirs(), probabilities, "scikit-learn")
        note = "RandomForestClassifier.predict_proba, given the same trees"
        contests.append(Contest("scikit-learn", timed(theirs), PREDICTION, note))

    runs |= {one.name: one.run for one in contests[1:]}
    times = interleave(runs, setting.rounds)
    times[PREDICTION] = [both - features for both, features in zip(times["both"], times["features"], strict=True)]
    return compare(section, contests, times, len(rows))
