"""The export settings in a project file, as fields of an export."""

from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.limits import MAX_NAME
from napari_batch_prediction.ilp.project import COUNTING, OBJECTS, PIXEL_AND_OBJECT
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup

_GROUPS = {COUNTING: "Density Export", **dict.fromkeys((PIXEL_AND_OBJECT, *OBJECTS), "Object Information Export")}
_DTYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64")
IMAGE_FOLDER = "{dataset_dir}/"
"""The folder of each image, at the beginning of a name."""

DEFAULTS = {"format": "compressed hdf5", "internal_path": "exported_data", "name": "{nickname}_{result_type}"}
"""ilastik's defaults, which are those of an export."""

NO_END = -1
"""Stands for no start and no end of a region along an axis."""


def read_export_settings(file: ProjectFile, axes: str) -> dict[str, Any]:
    """Return the export settings in a project that differ from ilastik's defaults, as fields of an export.

    What is damaged, or no setting of an export here, is left out: the classifier can be used without it. ilastik does
    not store which source they were made for.

    Parameters
    ----------
    file
        The project.
    axes
        Axes of its images.
    """
    try:
        group = file.group(_GROUPS.get(file.workflow, "Prediction Export"))
    except ProjectError:
        return {}
    if group is None:
        return {}
    fields: dict[str, Any] = {}
    for read in (_dtype, _ranges, _axes, _texts, _name, lambda group: _region(group, axes)):
        try:
            fields |= read(group)
        except ProjectError:
            continue
    return {name: value for name, value in fields.items() if value != DEFAULTS.get(name)}


def _dtype(group: ProjectGroup) -> Mapping[str, Any]:
    dtype = group.text("ExportDtype", MAX_NAME)
    return {"dtype": dtype} if dtype in _DTYPES else {}


def _ranges(group: ProjectGroup) -> Mapping[str, Any]:
    """Return the ranges; ilastik rescales only if all four ends are stored."""
    ends = [_number(group, name) for name in ("InputMin", "InputMax", "ExportMin", "ExportMax")]
    numbers = [end for end in ends if end is not None]
    if len(numbers) < len(ends) or numbers[0] > numbers[1] or numbers[2] > numbers[3]:
        return {}
    return {"input_range": (numbers[0], numbers[1]), "output_range": (numbers[2], numbers[3])}


def _number(group: ProjectGroup, name: str) -> float | None:
    stored = group.array(name, 1)
    if stored is None or stored.size != 1 or stored.dtype.kind not in "biuf" or group.attribute(name, "isEmpty"):
        return None
    number = float(stored.ravel()[0])
    return number if np.isfinite(number) else None


def _axes(group: ProjectGroup) -> Mapping[str, Any]:
    order = group.text("OutputAxisOrder", MAX_NAME)
    return {"output_axes": order} if order else {}


def _texts(group: ProjectGroup) -> Mapping[str, Any]:
    stored = {
        "format": group.text("OutputFormat", MAX_NAME),
        "internal_path": group.text("OutputInternalPath", MAX_NAME),
    }
    return {name: text for name, text in stored.items() if text}


def read_stored_place(path: Path) -> Mapping[str, Any]:
    """Return folder and name of an export as a project has them, the name with its extension if it has one.

    Raises
    ------
    ProjectError
        If the project cannot be read.
    """
    with ProjectFile(path) as file:
        group = file.group(_GROUPS.get(file.workflow, "Prediction Export"))
        stored = group.text("OutputFilenameFormat", MAX_NAME) if group is not None else None
        return place_of(stored, file.path.parent) if stored else {"name": DEFAULTS["name"]}


def _name(group: ProjectGroup) -> Mapping[str, Any]:
    """Return folder and name; the format decides the extension."""
    stored = group.text("OutputFilenameFormat", MAX_NAME)
    if not stored:
        return {}
    place = place_of(stored, group.path.parent)
    return {**place, "name": without_extension(place["name"])}


def without_extension(name: str) -> str:
    """Return a name without its extension, which no placeholder is part of."""
    head, slash, last = name.rpartition("/")
    stem, dot, extension = last.rpartition(".")
    has_one = stem and dot and "{" not in extension and "}" not in extension
    return f"{head}{slash}{stem if has_one else last}"


def place_of(stored: str, project_folder: Path) -> dict[str, Any]:
    """Return folder and name of a path; a relative one starts in the project's folder."""
    path = stored.replace("\\", "/")
    if path.startswith(IMAGE_FOLDER):
        return {"name": path.removeprefix(IMAGE_FOLDER)}
    parts = path.split("/")
    if PureWindowsPath(path).drive and not Path(path).is_absolute():
        return {"name": parts[-1]}  # a folder of another system
    n_fixed = next((i for i, part in enumerate(parts[:-1]) if "{" in part), len(parts) - 1)
    folder = project_folder / ("/".join(parts[:n_fixed]) or ("/" if path.startswith("/") else "."))
    return {"folder": folder, "name": "/".join(parts[n_fixed:])}


def _region(group: ProjectGroup, axes: str) -> Mapping[str, Any]:
    """Return the region, whose ends are in the order of ilastik's axes, the channel last."""
    ends = [
        None if group.attribute(name, "isEmpty") else group.integers(name) for name in ("RegionStart", "RegionStop")
    ]
    starts, stops = ends
    order = region_axes(axes)
    if starts is None or stops is None or not len(starts) == len(stops) == len(order):
        return {}
    region = {}
    for key, start, stop in zip(order, starts, stops, strict=True):
        first, end = None if start in (0, NO_END) else start, None if stop in (0, NO_END) else stop
        if first is not None or end is not None:
            region[key] = (first, end)
    return {"region": region} if region else {}


def region_axes(axes: str) -> str:
    """Return the order in which ilastik stores the ends of a region of images with these axes."""
    return "".join(key for key in "tzyx" if key in axes) + "c"
