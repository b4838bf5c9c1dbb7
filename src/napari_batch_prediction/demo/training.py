"""Training in the demo: on the strokes in a shipped project, compared with ilastik's classifier."""

from pathlib import Path
from time import perf_counter

import numpy as np

from napari_batch_prediction.classifiers.base import SEGMENTATION
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.demo.samples import NUCLEI
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.training.forest import train_project
from napari_batch_prediction.training.opening import open_training

TRAINED = "trained_here.ilp"


def train_on_strokes(folder: Path) -> str:
    """Train on the strokes in the sample's project, save the classifier, and compare it with ilastik's.

    Parameters
    ----------
    folder
        The folder for the classifier.

    Returns
    -------
    What came of it, in a sentence.
    """
    training = open_training(NUCLEI.project)
    began = perf_counter()
    project, examples, _ = train_project(training)
    seconds = perf_counter() - began
    own, ilastiks = PixelClassification(project, training), load_classifier(NUCLEI.project)
    own.save(folder / TRAINED, existing="overwrite")
    equal = pixels = 0
    for path in NUCLEI.images:
        with open_image(path) as image:
            block, axes = image.read(), image.axes
        mine, theirs = (one.predict(block, axes, SEGMENTATION) for one in (own, ilastiks))
        equal += int(np.count_nonzero(mine == theirs))
        pixels += mine.size
    return (
        f"Trained on the {len(examples)} labelled pixels in {NUCLEI.project.name} in {seconds:.1f} s: the classifier, "
        f"{folder / TRAINED}, gives {equal / pixels:.1%} of the pixels the class that ilastik's classifier gives them."
    )
