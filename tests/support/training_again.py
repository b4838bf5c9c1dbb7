"""Golden projects trained again from their own labels, compared with what ilastik predicted."""

from dataclasses import replace

import golden
import numpy as np

import napari_batch_prediction as nbp
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.training.examples import read_examples
from napari_batch_prediction.training.forest import make_project, train_forest
from napari_batch_prediction.training.opening import open_training

MOST_APART = {
    "a_2d_u8": 4.4,
    "b_2d_rgb_u8": 0.4,
    "c_2d_u16": 1.8,
    "g_2d_f32": 0.6,
    "k_2d_scales_u8": 0.5,
    "d_3d_u8": 0.7,
    "m_3d_2ch_u16": 0.76,
}
"""Percent of test pixels to which vigra gives another class with another seed, the larger of two; of the last, by which
ilastik's own result differs from both."""

ALLOWED = 1.2
"""How many times that a training here may differ from ilastik's result, in the median over seeds."""


def apart(case: str, seeds: range) -> list[float]:
    """Percent of test pixels whose class differs from ilastik's, for each seed."""
    stored = nbp.load_classifier(golden.ROOT / case / "project.ilp")
    training = open_training(golden.ROOT / case / "project.ilp").with_selection(stored.features)
    examples = read_examples(training.images, training.selection, training.n_channels)
    tests = [
        (golden.read(run.image), golden.read(run.output).argmax(axis=-1) + 1)
        for run in golden.runs(case)
        if run.source == "Probabilities" and run.image.stem.startswith("test") and run.output.suffix == ".h5"
    ]
    found = []
    for seed in seeds:
        forest = train_forest(examples, n_trees=100, seed=seed)
        classifier = PixelClassification(make_project(replace(training, seed=seed), forest))
        differs = []
        for image, expected in tests:
            segmentation = classifier.predict(image, golden.axes(case), "Simple Segmentation")
            differs.append(segmentation.ravel() != expected.ravel())
        found.append(100 * float(np.concatenate(differs).mean()))
    for labelled in training.images:
        labelled.image.close()
    return found
