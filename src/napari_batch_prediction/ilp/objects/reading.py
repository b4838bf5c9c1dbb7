"""Reading what classifies objects in a project."""

from typing import Any

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.export_settings import read_export_settings
from napari_batch_prediction.ilp.forests import is_untrained, read_forests
from napari_batch_prediction.ilp.labels import read_label_colors, read_label_names
from napari_batch_prediction.ilp.lanes import last_lane, read_lanes
from napari_batch_prediction.ilp.limits import MAX_SIGMA
from napari_batch_prediction.ilp.objects.project import ObjectProject
from napari_batch_prediction.ilp.objects.table import read_table_export
from napari_batch_prediction.ilp.objects.thresholds import read_thresholds
from napari_batch_prediction.ilp.project import OBJECTS, PIXEL_AND_OBJECT, TRAIN_AGAIN, Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup
from napari_batch_prediction.objects.features.names import FEATURES
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.wording import count

_APPLET = "ObjectClassification"
_FEATURES = "ObjectExtraction/Features"
_MOST_CHANNELS = 100
_DIMENSIONS = 3

_Properties = dict[str, dict[str, dict[str, Any]]]


def read_object_project(file: ProjectFile) -> ObjectProject:
    """Read what classifies objects in a project.

    Raises
    ------
    ProjectError
        If the file is not a project of these workflows, or cannot serve as a classifier of objects. The message gives
        the reason and the remedy.
    """
    if file.workflow not in (*OBJECTS, PIXEL_AND_OBJECT):
        raise file.other_workflow("Object Classification")
    applet = file.group(_APPLET)
    if applet is None or is_untrained(applet):
        raise ProjectError(
            f"{file.path} was saved without a trained classifier of objects: there is no random forest at "
            f"/{_APPLET}/ClassifierForests. Label some objects of each class in ilastik's 'Object Classification', "
            "with Live Update on, and save the project again."
        )
    forests = read_forests(applet)
    lanes = read_lanes(file)
    image = last_lane(lanes)
    computed, names = _read_features(file, applet)
    selected = ObjectFeatures.make(computed, names)
    known = [(plugin, name) for plugin in computed for name in computed[plugin] if name in FEATURES.get(plugin, ())]
    n_channels, n_dims = _size(file, image, selected, forests.n_features)
    axes = _axes(image, n_channels, n_dims)
    label_names = read_label_names(applet, forests.labels)
    with_thresholds = file.workflow == PIXEL_AND_OBJECT or OBJECTS[file.workflow] == "prediction_maps"
    return ObjectProject(
        path=file.path,
        version=file.version,
        workflow=file.workflow,
        lanes=lanes,
        axes=axes,
        n_channels=n_channels,
        dtype=image.dtype,
        thresholds=read_thresholds(file) if with_thresholds else None,
        computed=ObjectFeatures.make(computed, known),
        selected=selected,
        label_names=label_names,
        label_colors=read_label_colors(applet, len(label_names)),
        trees=forests.trees,
        n_columns=len(forests.labels),
        table=read_table_export(applet),
        export=read_export_settings(file, axes),
    )


def _read_features(file: ProjectFile, applet: ProjectGroup) -> tuple[_Properties, list[tuple[str, str]]]:
    """Return all features with their properties, and the names of those that the forest looks at."""
    stored, selected = file.group(_FEATURES), applet.group("SelectedFeatures")
    if stored is None or selected is None:
        missing = _FEATURES if stored is None else f"{_APPLET}/SelectedFeatures"
        raise ProjectError(
            f"{file.path} was saved before features of objects were chosen: there is no group /{missing}. {TRAIN_AGAIN}"
        )
    # Older versions of ilastik put one group more around them.
    stored = stored.subgroups()["0"] if stored.names() == ["0"] and stored.subgroups() else stored
    computed = {
        plugin: {name: _properties(feature) for name, feature in features.subgroups().items()}
        for plugin, features in stored.subgroups().items()
    }
    names = [(plugin, name) for plugin, features in selected.subgroups().items() for name in features.names()]
    return computed, names


def _properties(feature: ProjectGroup) -> dict[str, Any]:
    margin = feature.integers("margin")
    if margin is None:
        return {}
    if len(margin) > _DIMENSIONS or not all(0 <= pixels <= MAX_SIGMA for pixels in margin):
        raise feature.damaged("margin", f"expected up to three numbers of pixels to {MAX_SIGMA}, found {margin[:5]}")
    return {"margin": margin}


def _size(file: ProjectFile, image: Lane, selected: ObjectFeatures, n_columns: int) -> tuple[int, int]:
    """Return the numbers of channels and of dimensions, with which there are as many features as the forest takes."""
    depth, channels = image.extent("z"), image.extent("c")
    dims = [2, 3] if depth is None else [3 if depth > 1 else 2]
    for n_dims in dims:
        for n_channels in range(1, _MOST_CHANNELS) if channels is None else [channels]:
            if len(selected.columns(n_channels, n_dims)) == n_columns:
                return n_channels, n_dims
    n_channels = channels or 1
    found = len(selected.columns(n_channels, dims[0]))
    raise ProjectError(
        f"{file.path}: the classifier of objects was trained on {n_columns} features, but the features chosen give "
        f"{found} for {count(n_channels, 'channel')} in {dims[0]}D. {TRAIN_AGAIN}"
    )


def _axes(image: Lane, n_channels: int, n_dims: int) -> str:
    stored = image.axes or ("zyxc" if n_dims == 3 else "yxc")
    dropped = {key for key in "tz" if image.axes and image.extent(key) == 1}
    if n_channels == 1:
        dropped.add("c")
    # If the file stores no shape, the forest tells if there is depth.
    if n_dims == 2:
        dropped.add("z")
    axes = "".join(key for key in stored if key not in dropped)
    return axes if "c" in axes or n_channels == 1 else f"{axes}c"
