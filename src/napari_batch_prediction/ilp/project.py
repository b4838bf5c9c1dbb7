"""Reading ilastik's project files (.ilp). Nothing is ever unpickled."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import h5py

from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.ilp.features import read_selection
from napari_batch_prediction.ilp.forests import TRAIN_AGAIN, read_forests
from napari_batch_prediction.ilp.hdf5 import array, damaged, has, open_project, text
from napari_batch_prediction.ilp.input import TrainingImage, read_training_image
from napari_batch_prediction.ilp.labels import (
    channel_of_column,
    read_label_colors,
    read_label_names,
)

PIXEL_CLASSIFICATION = "Pixel Classification"
COUNTING = "Cell Density Counting"
AUTOCONTEXT = {"Autocontext (2-stage)": 2, "Autocontext (3-stage)": 3, "Autocontext (4-stage)": 4}
"""The workflows of Autocontext, as ilastik's window names them, and their numbers of stages."""

_SUPPORTED = (PIXEL_CLASSIFICATION, COUNTING, *AUTOCONTEXT)

# A project that was made by a program, not in the window, is named after the class of its workflow; Autocontext is
# always.
_CLASS_NAMES = {
    "PixelClassificationWorkflow": PIXEL_CLASSIFICATION,
    "CountingWorkflow": COUNTING,
    **dict(zip(("AutocontextTwoStage", "AutocontextThreeStage", "AutocontextFourStage"), AUTOCONTEXT, strict=True)),
}

_OLDEST = (0, 6)


@dataclass(frozen=True)
class PixelClassificationProject:
    """A trained Pixel Classification project, or one stage of an Autocontext project.

    Attributes
    ----------
    path
        The file.
    version
        Version of ilastik that saved it.
    label_names
        Names of the classes; one output channel each.
    label_colors
        Red, green and blue (0 to 255) of each class.
    axes
        Axes of the last training image in stored order: ``y`` and ``x``, ``t`` and ``z`` unless of extent 1,
        and ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images; for later stages of Autocontext, and the probabilities before.
    dtype
        Name of the training image's dtype if the file tells, which it does for an image copied into it.
    selection
        The features of each channel.
    trees
        The trees of all forests, of equal weight.
    column_labels
        Label value (from 1) of each column of the trees' probabilities.
    channel_of_column
        Output channel (from 0) of each column. Channels that are not listed are 0 everywhere.
    """

    path: Path
    version: str
    label_names: tuple[str, ...]
    label_colors: tuple[Color, ...]
    axes: str
    n_channels: int
    dtype: str | None
    selection: FeatureSelection
    trees: tuple[Tree, ...]
    column_labels: tuple[int, ...]
    channel_of_column: tuple[int, ...]


def workflow_name(path: str | os.PathLike[str]) -> str:
    """Return ilastik's name of a project's workflow, for example ``"Pixel Classification"``.

    Raises
    ------
    ProjectError
        If the file is not a project of ilastik 0.6 or newer.
    """
    with open_project(path) as file:
        _read_version(file)
        return _read_workflow(file)


def read_project(path: str | os.PathLike[str]) -> PixelClassificationProject:
    """Read a Pixel Classification project.

    The file is opened read-only and without a lock: any number of processes may read it at once, also while
    ilastik has it open.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message says why and what to do.
    """
    with open_project(path) as file:
        version, workflow = _read_version(file), _read_workflow(file)
        if workflow != PIXEL_CLASSIFICATION:
            raise _other_workflow(path, workflow, PIXEL_CLASSIFICATION)
        return _read_stage(file, Path(path), version, 1, ())


def read_stages(path: str | os.PathLike[str]) -> tuple[PixelClassificationProject, ...]:
    """Read the stages of an Autocontext project; see :func:`read_project`.

    Each is a Pixel Classification of its own, with the probabilities of the one before as further channels.
    """
    with open_project(path) as file:
        version, workflow = _read_version(file), _read_workflow(file)
        if workflow not in AUTOCONTEXT:
            raise _other_workflow(path, workflow, "Autocontext")
        stages: tuple[PixelClassificationProject, ...] = ()
        for number in range(1, AUTOCONTEXT[workflow] + 1):
            stages += (_read_stage(file, Path(path), version, number, stages),)
        return stages


def _read_stage(
    file: h5py.File, path: Path, version: str, number: int, before: tuple[PixelClassificationProject, ...]
) -> PixelClassificationProject:
    """Read the pixel classification with this number, from 1, that follows some others."""
    suffix = "" if number == 1 else f"{number - 1:02}"
    forests = read_forests(file, f"PixelClassification{suffix}")
    applet = file[f"PixelClassification{suffix}"]
    image = read_training_image(file)
    n_more = len(before[-1].label_names) if before else 0
    selection = read_selection(file, f"FeatureSelections{suffix}", image, forests.n_features, n_more)
    n_channels = _n_channels(path, image, selection, forests.n_features, n_more)
    if before and n_channels != before[0].n_channels + n_more:
        raise damaged(
            applet, "", f"expected a forest for {before[0].n_channels} channels and {n_more} probabilities, found "
            f"{forests.n_features} features for {n_channels}",
        )  # fmt: skip
    label_names = read_label_names(applet, forests.labels)
    return PixelClassificationProject(
        path=path,
        version=version,
        label_names=label_names,
        label_colors=read_label_colors(applet, len(label_names)),
        axes=_axes(image, selection, n_channels - n_more),
        n_channels=n_channels,
        dtype=image.dtype,
        selection=selection,
        trees=forests.trees,
        column_labels=forests.labels,
        channel_of_column=channel_of_column(applet, forests.labels, len(label_names)),
    )


def _other_workflow(path: str | os.PathLike[str], workflow: str, expected: str) -> ProjectError:
    if workflow in _SUPPORTED:
        return ProjectError(f"{os.fspath(path)} is a project of the workflow '{workflow}', expected '{expected}'.")
    return ProjectError(
        f"{os.fspath(path)} is a project of the workflow '{workflow}', which is not supported. "
        f"Choose a project of one of these workflows: {', '.join(_SUPPORTED)}."
    )


def _read_version(file: h5py.File) -> str:
    path = file.filename
    stored = array(file, "ilastikVersion")
    if stored is None and not any(has(file, name) for name in ("Project", "workflowName", "PixelClassification")):
        raise ProjectError(
            f"{path} is an HDF5 file, but not an ilastik project: it has no 'ilastikVersion'. "
            "Choose the file with the ending .ilp that ilastik saved."
        )
    # ilastik 0.5 stored its version as a number, or not at all.
    version = text(file, "ilastikVersion") if stored is not None and stored.dtype.kind not in "biuf" else "0.5"
    numbers = re.match(r"(\d+)\.(\d+)", version or "")
    if version is None or numbers is None:
        raise damaged(file, "ilastikVersion", f"expected a version such as 1.4.1, found {version!r}")
    if (int(numbers[1]), int(numbers[2])) < _OLDEST:
        raise ProjectError(
            f"{path} was saved by ilastik {version}, but projects are read from version 0.6 on. Import it "
            "into a new project in ilastik 1.x, train (Live Update on), save, and choose the new file."
        )
    return version


def _read_workflow(file: h5py.File) -> str:
    name = text(file, "workflowName")
    if name is None:
        if not has(file, "PixelClassification"):
            raise damaged(file, "workflowName", "the name of the workflow is missing")
        return PIXEL_CLASSIFICATION
    return _CLASS_NAMES.get(name, name)


def _n_channels(path: Path, image: TrainingImage, selection: FeatureSelection, n_columns: int, n_more: int) -> int:
    """Return the number of channels, checked against the number of features the forest was trained on.

    ``n_more`` of them are probabilities, which the training image does not have.
    """
    for_one, stored = selection.n_features(), image.extent("c")
    n_channels = stored + n_more if stored else max(1, n_columns // for_one)
    if n_channels * for_one != n_columns:
        channels = f"{n_channels} channel{'s' if n_channels > 1 else ''}"
        raise ProjectError(
            f"{path}: the classifier was trained on {n_columns} features, but the feature selection gives "
            f"{n_channels * for_one} for {channels}. {TRAIN_AGAIN}"
        )
    return n_channels


def _axes(image: TrainingImage, selection: FeatureSelection, n_channels: int) -> str:
    stored = image.axes or ("yxc" if selection.all_in_2d else "zyxc")
    dropped = {key for key in "tz" if image.axes and image.extent(key) == 1}
    if n_channels == 1:
        dropped.add("c")
    # Files that do not store the shape have been decided on by z: in 2D it is of extent 1.
    if image.extent("z") is None and selection.all_in_2d:
        dropped.add("z")
    return "".join(key for key in stored if key not in dropped)
