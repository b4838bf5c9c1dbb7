"""From a file to a classifier."""

import os

from napari_batch_prediction.classifiers.autocontext import Autocontext
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.density_counting import DensityCounting
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.ilp.counting import read_counting_project
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, read_project, read_stages, workflow_name


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Return the classifier that a project file holds.

    Parameters
    ----------
    path
        An ilastik project (``.ilp``) of one of the workflows Pixel Classification, Autocontext and Cell Density
        Counting.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message says why and what to do.
    """
    workflow = workflow_name(path)
    if workflow in AUTOCONTEXT:
        return Autocontext(read_stages(path))
    if workflow == COUNTING:
        return DensityCounting(read_counting_project(path))
    return PixelClassification(read_project(path))
