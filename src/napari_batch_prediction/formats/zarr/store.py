"""Recognising Zarr stores on disk and reading their attributes, without a library."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.json_files import read_json
from napari_batch_prediction.formats.common.stores import StoreNames
from napari_batch_prediction.formats.zarr.metadata import OmeImage, ome_attributes
from napari_batch_prediction.images.base import reading

# Files that make a folder an array or a group of Zarr, with any extension.
_MARKERS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(folder: Path) -> bool:
    """Return True if a folder is an array or a group of Zarr."""
    return any(os.path.isfile(folder / marker) for marker in _MARKERS)  # noqa: PTH113 - False for names too long


def _second_image(store: Path) -> Path | None:
    """Return a group or an array in a store that is no level of its image; None if there is none."""
    image = None
    with suppress(ImageReadError), reading(f"'{store}' as Zarr"):
        contents = read_json(store / "zarr.json")
        if contents.get("node_type") == "array" if isinstance(contents, dict) else (store / ".zarray").is_file():
            return None
        image = OmeImage.parse(stored_attributes(store))
    own = {path.split("/")[0] for path in image.paths("")} if image is not None else set()
    inner = sorted(path for path in store.iterdir() if path.is_dir() and is_zarr(path))
    return next((path for path in inner if path.name not in own), None)


NAMES = StoreNames(
    _MARKERS, re.compile(r"\.zattrs|\.zmetadata|(c[./])?\d+(\.\d+)*|c|METADATA\.ome\.xml"), _second_image
)
"""Metadata, and chunks named by their place."""


def stored_attributes(group: Path) -> Mapping[str, Any]:
    """Return the attributes of a group; empty for other folders."""
    for name in ("zarr.json", ".zattrs"):
        try:
            content = read_json(group / name)
        except (OSError, ValueError):
            continue  # not readable, so no image
        if content is None:
            continue
        attributes = content.get("attributes", content) if isinstance(content, dict) else {}
        return attributes if isinstance(attributes, dict) else {}
    return {}


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    return dict(stored_attributes(path)[PROGRAM])


def find_image(location: Path) -> Path | None:
    """Return the OME-Zarr image at a location, or around it in its store, as around a level; None if there is none."""
    for group in chain((location,), location.parents):
        if "multiscales" in ome_attributes(stored_attributes(group)):
            return group
        if group != location and not is_zarr(group):
            break
    return None


def label_properties(location: Path) -> tuple[Mapping[str, object], ...]:
    """Return the properties of each label in OME-Zarr at a location, or around it; see :class:`.OmeImage`."""
    group = find_image(location)
    image = OmeImage.parse(stored_attributes(group)) if group is not None else None
    return image.label_properties if image is not None else ()


def coarser_levels(level: Path) -> list[Path]:
    """Return the levels of an OME-Zarr image after one of them, from fine to coarse."""
    group = find_image(level)
    image = OmeImage.parse(stored_attributes(group)) if group is not None else None
    if group is None or image is None:
        return []
    paths, own = image.paths(""), level.relative_to(group).as_posix()
    return [group / path for path in paths[paths.index(own) + 1 :]] if own in paths else []
