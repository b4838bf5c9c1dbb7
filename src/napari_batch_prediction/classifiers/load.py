"""Loading a classifier from its file."""

import os
from dataclasses import replace

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.ilp.file import ProjectFile
from napari_batch_prediction.ilp.lanes import last_lane
from napari_batch_prediction.ilp.pixel_classification import read_project, read_stages
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, CountingProject
from napari_batch_prediction.training.images import training_dtype


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Return the classifier in a project file.

    Parameters
    ----------
    path
        An ilastik project (``.ilp``) of one of the workflows Pixel Classification, Autocontext and Cell Density
        Counting.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message gives the reason and the remedy.
    """
    with ProjectFile(path) as file:
        # Each workflow imports its own: loading one classifier is most of the time that a short command takes.
        if file.workflow in AUTOCONTEXT:
            from napari_batch_prediction.classifiers.autocontext import Autocontext

            stages = read_stages(file)
            dtype = training_dtype(file.path.parent, last_lane(stages[0].lanes))
            return Autocontext([replace(stage, dtype=dtype) for stage in stages])
        if file.workflow == COUNTING:
            from napari_batch_prediction.classifiers.density_counting import DensityCounting
            from napari_batch_prediction.ilp.counting import read_counting_project

            counting = _with_regressors(file, read_counting_project(file))
            dtype = training_dtype(file.path.parent, last_lane(counting.lanes))
            return DensityCounting(replace(counting, dtype=dtype))
        project = read_project(file)
        dtype = training_dtype(file.path.parent, last_lane(project.lanes))
        return PixelClassification(replace(project, dtype=dtype))


def _with_regressors(file: ProjectFile, project: CountingProject) -> CountingProject:
    if project.regressors:
        return project
    # Only training needs numba here, whose import takes 0.3 s.
    from napari_batch_prediction.training.counting import train_again

    return train_again(file, project)
