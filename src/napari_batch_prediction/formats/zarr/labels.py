"""Labels inside an OME-Zarr image."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from napari_batch_prediction.axes import KEYS
from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.files import writing
from napari_batch_prediction.formats.common.json_files import read_json, write_json
from napari_batch_prediction.formats.zarr.consolidated import update_copies
from napari_batch_prediction.formats.zarr.metadata import OmeImage, ome_attributes, stored_version
from napari_batch_prediction.formats.zarr.store import stored_attributes
from napari_batch_prediction.turns import Turn

FOLDER = "labels"
TABLES = "tables"
"""Folders of an image, for its labels and its tables."""

# Several labels of an image, or of images in one store, may be complete at once.
_LOCK = threading.Lock()

# Of groups that may copy the metadata of an image, and the name of a temporary file in the outermost one.
_GROUPS = (".zgroup", ".zmetadata", "zarr.json")
_TURN = ".labels.part"


def image_of(label: Path) -> Path:
    """Return the image that labels are in, ``IMAGE/labels/NAME``; a name may have folders."""
    around = [folder.parent for folder in label.parents if folder.name == FOLDER]
    images = (image for image in around if "multiscales" in ome_attributes(stored_attributes(image)))
    return next(images, around[0] if around else label.parents[1])


def image_version(image: Path) -> Literal["0.4", "0.5"]:
    """Return the version of OME-Zarr to write into an image: 0.5 in Zarr 3, else 0.4."""
    return "0.5" if (image / "zarr.json").is_file() else "0.4"


def n_levels(image: Path) -> int:
    """Return the number of levels of an image, which its labels must have as well.

    It is so in OME-Zarr from 0.2 on ("labels" of the specification).
    """
    parsed = OmeImage.parse(stored_attributes(image))
    return len(parsed.levels) if parsed is not None else 1


def label_axes(image: Path) -> str:
    """Return the axes of the labels of an image: those of the image but ``c``.

    All five if they are in another order than ``t c z y x``.
    """
    parsed = OmeImage.parse(stored_attributes(image))
    axes = "" if parsed is None else "".join(axis.key for axis in parsed.axes)
    in_order = "".join(key for key in KEYS if key in axes)
    return in_order.replace("c", "") if axes == in_order != "" else KEYS


def why_no_labels(image: Path) -> str | None:
    """Return the reason why labels cannot be written into an image; None if they can."""
    version = stored_version(stored_attributes(image))
    if version.startswith("0.6"):
        return f"{image} is OME-Zarr {version}, into which labels cannot be written. Use a folder of their own."
    try:
        read_list(image / FOLDER)
    except ExportError as error:
        return str(error)
    return None


def read_list(folder: Path) -> list[str]:
    """Return the names of the labels of an image, given the folder of its labels.

    Raises
    ------
    ExportError
        If it is there, and is no list of names.
    """
    return _names(folder, _contents(folder))


def register(label: Path) -> None:
    """Add labels to the list of their image, and to the copies of its metadata in groups above.

    All else in the metadata stays.

    Parameters
    ----------
    label
        The folder of the labels, ``IMAGE/labels/NAME``.

    Raises
    ------
    ExportError
        If the list cannot be read or written.
    """
    image = image_of(label)
    folder = image / FOLDER
    with writing(folder), changing(image):
        groups = [group for group in label.parents if group.is_relative_to(folder)]
        for group in groups:
            make_group(group, image_version(image))
        contents = _contents(folder)
        name = label.relative_to(folder).as_posix()
        names = _names(folder, contents)
        if name not in names:
            _write_list(folder, contents, [*names, name])
        update_copies(image, label, groups)


@contextmanager
def changing(image: Path) -> Iterator[None]:
    """Let no one else change the metadata of an image, and of the groups above, inside the block."""
    with _LOCK, _turn(image):
        yield


@contextmanager
def _turn(image: Path) -> Iterator[None]:
    """Let no other process in."""
    groups = [folder for folder in image.parents if any((folder / name).is_file() for name in _GROUPS)]
    turn = Turn((groups or [image])[-1] / _TURN)
    turn.take()
    try:
        yield
    finally:
        turn.give_back()


def make_group(folder: Path, version: str) -> None:
    """Make a folder of an image a group, if it is none."""
    if version == "0.5":
        if not (folder / "zarr.json").exists():
            write_json(folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {}})
    elif not (folder / ".zgroup").exists():
        write_json(folder / ".zgroup", {"zarr_format": 2})


def _contents(folder: Path) -> dict[str, Any]:
    """Return what the file with the attributes of a group holds; empty if there is none."""
    path = folder / ("zarr.json" if image_version(folder.parent) == "0.5" else ".zattrs")
    try:
        contents = read_json(path)
    except (OSError, ValueError) as error:
        raise ExportError(f"{path}, with the list of labels, cannot be read: {error}. Mend it first.") from error
    if contents is None:
        return {}
    attributes = contents.get("attributes", {}) if path.name == "zarr.json" and isinstance(contents, dict) else contents
    if not isinstance(contents, dict) or not isinstance(attributes, dict):
        raise ExportError(f"{path} holds no metadata of a group. Mend it first.")
    return contents


def _names(folder: Path, contents: Mapping[str, Any]) -> list[str]:
    attributes = contents.get("attributes", {}) if image_version(folder.parent) == "0.5" else contents
    names = ome_attributes(attributes).get("labels", [])
    if not isinstance(names, list):
        raise ExportError(f"The list of labels in {folder} is no list, but {names!r}. Mend it first.")
    return names


def _write_list(folder: Path, contents: dict[str, Any], names: list[str]) -> None:
    if image_version(folder.parent) == "0.5":
        attributes = contents.get("attributes", {})
        ome = {"version": "0.5", **ome_attributes(attributes if "ome" in attributes else {}), "labels": names}
        group = {"zarr_format": 3, "node_type": "group"}
        write_json(folder / "zarr.json", {**group, **contents, "attributes": {**attributes, "ome": ome}})
    elif "ome" in contents:
        write_json(folder / ".zattrs", {**contents, "ome": {**ome_attributes(contents), "labels": names}})
    else:
        write_json(folder / ".zattrs", {**contents, "labels": names})
