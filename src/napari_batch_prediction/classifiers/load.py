"""From a file to a classifier."""

import os
from dataclasses import replace

from napari_batch_prediction.classifiers.autocontext import Autocontext
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.density_counting import DensityCounting
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.ilp.counting import read_counting_project
from napari_batch_prediction.ilp.file import ProjectFile
from napari_batch_prediction.ilp.pixel_classification import read_project, read_stages
from napari_batch_prediction.ilp.project import AUTOCONTEXT, COUNTING, CountingProject, Lane
from napari_batch_prediction.training.images import training_dtype


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
    with ProjectFile(path) as file:
        if file.workflow in AUTOCONTEXT:
            stages = read_stages(file)
            dtype = _dtype(file, stages[0].lanes)
            return Autocontext([replace(stage, dtype=dtype) for stage in stages])
        if file.workflow == COUNTING:
            counting = _with_regressors(file, read_counting_project(file))
            return DensityCounting(replace(counting, dtype=_dtype(file, counting.lanes)))
        project = read_project(file)
        return PixelClassification(replace(project, dtype=_dtype(file, project.lanes)))


def _dtype(file: ProjectFile, lanes: tuple[Lane, ...]) -> str | None:
    """Return the type of the last training image, by a look at its file if the project does not tell."""
    if not lanes or lanes[-1].is_inside:
        return lanes[-1].dtype if lanes else None
    return training_dtype(file.path.parent, lanes[-1])


def _with_regressors(file: ProjectFile, project: CountingProject) -> CountingProject:
    if project.regressors:
        return project
    # numba costs 0.3 s to import, which looking at other projects need not pay.
    from napari_batch_prediction.training.counting import train_again

    return train_again(file, project)
