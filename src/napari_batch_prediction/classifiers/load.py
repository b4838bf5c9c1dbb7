"""From a file to a classifier."""

import os

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.classifiers.project import read_project


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Return the classifier that a project file holds.

    Parameters
    ----------
    path
        An ilastik project (``.ilp``) of the workflow Pixel Classification.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message says why and what to do.
    """
    return PixelClassification(read_project(path))
