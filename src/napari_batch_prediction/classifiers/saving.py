"""Saving a pixel classification as a project of ilastik."""

import os
from pathlib import Path

from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.ilp.project import Existing, PixelClassificationProject
from napari_batch_prediction.ilp.writing.images import WrittenImage, written_image
from napari_batch_prediction.ilp.writing.project import check_place, write_project
from napari_batch_prediction.locations.location import FileAt, at_home
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.training.examples import check_labels_inside
from napari_batch_prediction.training.forest import untrained_project
from napari_batch_prediction.training.opening import open_training
from napari_batch_prediction.training.training_set import MissingImage, TrainingSet


def save_classifier(
    project: PixelClassificationProject, training: TrainingSet | None, path: Path, existing: Existing
) -> Path:
    """Save a pixel classification; see :meth:`~napari_batch_prediction.classifiers.base.Classifier.save`.

    Parameters
    ----------
    project
        The project; without trees, the labels alone are saved.
    training
        Its images and labels; those of the file that it was loaded from if None.
    path, existing
        The file, and whether one of that name is replaced.
    """
    path = absolute_path(Path(at_home(str(path))))
    check_place(path, existing)
    if project.formula.warning:
        raise SettingsError(
            f"The classifier is not saved, since its features are not certain. {project.formula.warning} Set "
            "structure_tensor when it is loaded, then save it.",
            setting="structure_tensor",
        )
    if training is None:
        training = _stored(project)
    for item in training.images:
        check_labels_inside(item)
    images = [*map(_missing, training.missing), *(written_image(item.image, item.blocks) for item in training.images)]
    write_project(path, project, images, n_trees=training.n_trees, existing=existing)
    return path


def save_labels(training: TrainingSet, path: str | os.PathLike[str], *, existing: Existing = "error") -> Path:
    """Save images and labels, of which no classifier is trained so far, as a project.

    Parameters
    ----------
    training
        The images and labels, at least one image.
    path, existing
        See :meth:`~napari_batch_prediction.classifiers.base.Classifier.save`; the errors are the same.
    """
    return save_classifier(untrained_project(training), training, Path(path), existing)


def _stored(project: PixelClassificationProject) -> TrainingSet:
    """Return the images and labels in the file that a project was loaded from."""
    if project.path is None:
        raise SettingsError("The classifier has no images and labels to save.", setting="classifier")
    try:
        return open_training(project.path)
    except ProjectError as error:
        raise ProjectError(f"The labels cannot be read for saving: {error}", path=project.path) from error


def _missing(image: MissingImage) -> WrittenImage:
    lane = image.lane
    file = FileAt.of(lane.path or "")
    return WrittenImage(nickname=file.stem, path=lane.path, axes=lane.axes, shape=lane.shape, blocks=image.blocks)
