"""Reading ilastik's Pixel Classification and Autocontext projects; nothing is unpickled."""

from dataclasses import replace

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.export_settings import read_export_settings
from napari_batch_prediction.ilp.features import read_selection
from napari_batch_prediction.ilp.forests import read_forests, untrained
from napari_batch_prediction.ilp.labels import channel_of_column, read_label_colors, read_label_names
from napari_batch_prediction.ilp.lanes import last_lane, read_lanes
from napari_batch_prediction.ilp.project import (
    AUTOCONTEXT,
    PIXEL_AND_OBJECT,
    PIXEL_CLASSIFICATION,
    TRAIN_AGAIN,
    Lane,
    PixelClassificationProject,
)
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.tensor import tensor_formula
from napari_batch_prediction.wording import count


def read_project(file: ProjectFile) -> PixelClassificationProject:
    """Read a Pixel Classification project, or that half of one that classifies pixels and objects.

    Raises
    ------
    ProjectError
        If the file is not a project of this workflow, or cannot serve as a classifier. The message gives the reason
        and the remedy.
    """
    if file.workflow not in (PIXEL_CLASSIFICATION, PIXEL_AND_OBJECT):
        raise file.other_workflow(PIXEL_CLASSIFICATION)
    return _read_stage(file, 1, ())


def read_stages(file: ProjectFile) -> tuple[PixelClassificationProject, ...]:
    """Read the stages of an Autocontext project; see :func:`read_project`.

    Each stage is a Pixel Classification with the probabilities of the stage before as additional channels.
    """
    if file.workflow not in AUTOCONTEXT:
        raise file.other_workflow("Autocontext")
    stages: tuple[PixelClassificationProject, ...] = ()
    for number in range(1, AUTOCONTEXT[file.workflow] + 1):
        stages += (_read_stage(file, number, stages),)
    return stages


def stage_group(number: int) -> str:
    """Return the group of the classification of a stage, by its number from 1."""
    return f"PixelClassification{_suffix(number)}"


def _suffix(number: int) -> str:
    return "" if number == 1 else f"{number - 1:02}"


def _read_stage(
    file: ProjectFile, number: int, before: tuple[PixelClassificationProject, ...]
) -> PixelClassificationProject:
    """Read a stage by its number, from 1, after the stages before it."""
    suffix = _suffix(number)
    applet = file.group(stage_group(number))
    if applet is None:
        raise untrained(file.path, f"/{stage_group(number)}", is_labelled=False)
    forests = read_forests(applet)
    lanes = before[0].lanes if before else read_lanes(file)
    image = last_lane(lanes)
    n_more = len(before[-1].label_names) if before else 0
    selection = read_selection(file, f"FeatureSelections{suffix}", image, forests.n_features, n_more)
    n_channels = _n_channels(file, image, selection, forests.n_features, n_more)
    if before and n_channels != before[0].n_channels + n_more:
        raise applet.damaged(
            "",
            f"expected a forest for {before[0].n_channels} channels and {n_more} probabilities, found "
            f"{forests.n_features} features for {n_channels}",
        )
    label_names = read_label_names(applet, forests.labels)
    axes = _axes(image, selection, n_channels - n_more)
    in_2d = any(selection.in_2d[j] for j in selection.used_scales)
    formula = tensor_formula(file.version, forests.feature_names, in_2d=in_2d)
    return PixelClassificationProject(
        path=file.path,
        version=file.version,
        lanes=lanes,
        label_names=label_names,
        label_colors=read_label_colors(applet, len(label_names)),
        axes=axes,
        n_channels=n_channels,
        dtype=image.dtype,
        selection=replace(selection, structure_tensor=formula.value),
        formula=formula,
        trees=forests.trees,
        column_labels=forests.labels,
        workflow=file.workflow,
        export=read_export_settings(file, axes),
        channel_of_column=channel_of_column(applet, forests.labels, len(label_names)),
    )


def _n_channels(file: ProjectFile, image: Lane, selection: FeatureSelection, n_columns: int, n_more: int) -> int:
    """Return the number of channels, checked against the number of features of the training.

    ``n_more`` of the channels are probabilities, which the training image does not have.
    """
    for_one, stored = selection.n_features(), image.extent("c")
    n_channels = stored + n_more if stored else max(1, n_columns // for_one)
    if n_channels * for_one != n_columns:
        raise ProjectError(
            f"{file.path}: the classifier was trained on {n_columns} features, but the feature selection gives "
            f"{n_channels * for_one} for {count(n_channels, 'channel')}. {TRAIN_AGAIN}"
        )
    return n_channels


def _axes(image: Lane, selection: FeatureSelection, n_channels: int) -> str:
    stored = image.axes or ("yxc" if selection.all_in_2d else "zyxc")
    dropped = {key for key in "tz" if image.axes and image.extent(key) == 1}
    if n_channels == 1:
        dropped.add("c")
    # If the file stores no shape, 2D features imply one z slice.
    if image.extent("z") is None and selection.all_in_2d:
        dropped.add("z")
    return "".join(key for key in stored if key not in dropped)
