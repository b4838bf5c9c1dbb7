"""Opening a Pixel Classification project to go on training: its images, labels, classes and features."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from napari_batch_prediction.errors import BatchPredictionError, ProjectError, SettingsError
from napari_batch_prediction.features.choice import default_selection
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.export_settings import read_export_settings
from napari_batch_prediction.ilp.forests import untrained
from napari_batch_prediction.ilp.pixel_classification import stage_group
from napari_batch_prediction.ilp.project import TRAIN_AGAIN, LabelBlock, Lane, PixelClassificationProject
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.training import StoredTraining, read_training
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.training.forest import train_project, training_axes, training_warnings
from napari_batch_prediction.training.images import open_training_image
from napari_batch_prediction.training.labelled_image import SPATIAL, LabelledImage
from napari_batch_prediction.training.training_set import MissingImage, TrainingSet
from napari_batch_prediction.wording import count

# Where features are chosen without an image: all scales fit.
_LARGE = {"z": 1, "y": 1000, "x": 1000}

Places = Mapping[int, str | os.PathLike[str]]


def open_training(path: str | os.PathLike[str], places: Places | None = None, *, seed: int = 0) -> TrainingSet:
    """Open a Pixel Classification project to go on training it; it need not be trained.

    Parameters
    ----------
    path
        The project.
    places
        The location of images that are elsewhere by now, by their number in the project, from 0.
    seed
        Seed of the next training.

    Returns
    -------
    Images that were found, with their labels, and the classes, features and number of trees. Images that were not
    found, or cannot be opened, are in ``missing`` with the reason and their labels. Every feature is selected if the
    project has no selection, or one that cannot be read.

    Raises
    ------
    ProjectError
        If the file is not such a project, has no images, or is damaged.
    SettingsError
        If there is no image of a number.
    """
    with ProjectFile(path) as file:
        stored = read_training(file)
        if unknown := sorted(set(places or ()) - set(range(len(stored.lanes)))):
            raise SettingsError(
                f"{file.path} has {count(len(stored.lanes), 'image')}, numbered from 0, and none with the number "
                f"{unknown[0]}.",
                setting="places",
            )
        images, missing = _found(file, stored, places or {})
        try:
            selection = _selection(stored, images)
        except ProjectError:
            selection = default_selection(images[-1].image.extents if images else _LARGE)
        return _training_set(file, stored, images, missing, selection, seed)


def train_from_labels(
    file: ProjectFile, *, n_trees: int | None = None, is_asked: bool = False
) -> tuple[PixelClassificationProject, TrainingSet]:
    """Train a project from its own labels.

    Parameters
    ----------
    file
        The project.
    n_trees
        Number of trees; that of the project if None.
    is_asked
        True if the user wants it, False because the project was saved without its classifier.

    Raises
    ------
    ProjectError
        If it has no labels, an image with labels is missing, or it cannot be trained.
    """
    stored = read_training(file)
    if not any(stored.blocks):
        raise untrained(file.path, f"/{stage_group(1)}", is_labelled=False)
    try:
        images, missing = _found(file, stored, {})
        for image in missing:
            if image.blocks:
                raise ProjectError(image.reason)
        training = _training_set(file, stored, images, missing, _selection(stored, images))
        training = replace(training, n_trees=n_trees or training.n_trees)
        project, problems = _trained(training)
    except BatchPredictionError as error:
        without = "" if is_asked else "was saved without its trained classifier, and it "
        raise ProjectError(
            f"{file.path} {without}cannot be trained here: {str(error).rstrip('.')}. "
            f"{TRAIN_AGAIN} Training here needs the training images beside the project."
        ) from error
    n_pixels = sum(int((block.labels != 0).sum()) for image in training.images for block in image.blocks)
    trained = replace(
        project,
        path=file.path,
        version=file.version,
        lanes=stored.lanes,
        workflow=file.workflow,
        trained_again=(
            f"The project {'' if is_asked else 'was saved without its trained classifier. It '}was trained here from "
            f"its {count(n_pixels, 'labelled pixel')}, with {training.n_trees} trees and the random seed "
            f"{training.seed}; results differ a little from those that ilastik showed."
            + "".join(f" {warning}" for warning in problems)
        ),
    )
    return trained, training


def _trained(training: TrainingSet) -> tuple[PixelClassificationProject, list[Problem]]:
    try:
        project, examples, _ = train_project(training)
    finally:
        for item in training.images:
            item.image.close()
    return project, training_warnings(training, examples)


def _found(file: ProjectFile, stored: StoredTraining, places: Places) -> tuple[list[LabelledImage], list[MissingImage]]:
    images: list[LabelledImage] = []
    missing: list[MissingImage] = []
    for number, (lane, blocks) in enumerate(zip(stored.lanes, stored.blocks, strict=True)):
        try:
            place = None if number not in places else os.fspath(places[number])
            images.append(LabelledImage(_open(file, lane, blocks, place), blocks))
        except BatchPredictionError as error:
            lane = _at_home(file.path, lane)
            missing.append(MissingImage(number=number, lane=lane, blocks=blocks, reason=str(error)))
    return images, missing


def _training_set(
    file: ProjectFile,
    stored: StoredTraining,
    images: list[LabelledImage],
    missing: list[MissingImage],
    selection: FeatureSelection,
    seed: int = 0,
) -> TrainingSet:
    return TrainingSet(
        images=tuple(images),
        class_names=stored.class_names,
        class_colors=stored.class_colors,
        selection=selection,
        n_trees=stored.n_trees,
        seed=seed,
        missing=tuple(missing),
        export=read_export_settings(file, training_axes(images[-1].image) if images else stored.lanes[-1].axes or ""),
    )


def _open(file: ProjectFile, lane: Lane, blocks: tuple[LabelBlock, ...], place: str | None) -> Image:
    """Return an image that opens its file when it is read."""
    with open_training_image(file, lane, place=place) as image:
        for block in blocks:
            ends = [a + n for a, n in zip(block.start, block.labels.shape, strict=True)]
            if any(end > image.extents[key] for key, end in zip(SPATIAL, ends, strict=True)):
                raise ProjectError(f"the labels reach beyond the training image {image.location}")
        return image


def _selection(stored: StoredTraining, images: list[LabelledImage]) -> FeatureSelection:
    last = stored.lanes[-1]
    if images:
        # Projects of before 1.3.2 leave it to the image whether features are in 2D.
        last = replace(last, axes=images[-1].image.axes, shape=images[-1].image.shape)
    return stored.selection(last)


def _at_home(project: Path, lane: Lane) -> Lane:
    """Return a lane with an absolute path, also if it is one of Windows."""
    if lane.path is None or lane.is_inside or PureWindowsPath(lane.path).drive:
        return lane
    return replace(lane, path=str(absolute_path(project.parent / lane.path.replace("\\", "/"))))
