"""Zarr stores on disk: which folders are such, and what their attributes say, without a library."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_batch_prediction.formats.format import PROGRAM
from napari_batch_prediction.formats.zarr.metadata import OmeImage, ome_attributes

# Zarr needs no extension: these files make a folder an array or a group.
_MARKERS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(folder: Path) -> bool:
    """Say whether a folder is an array or a group of Zarr."""
    return any(os.path.isfile(folder / marker) for marker in _MARKERS)  # noqa: PTH113 - False for names too long


def stored_attributes(group: Path) -> Mapping[str, Any]:
    """Return the attributes of a group; nothing if it is none."""
    for name in ("zarr.json", ".zattrs"):
        try:
            content = json.loads((group / name).read_text())
        except (OSError, ValueError):
            continue  # not there, or not readable: not an image
        attributes = content.get("attributes", content) if isinstance(content, dict) else {}
        return attributes if isinstance(attributes, dict) else {}
    return {}


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return what an output says of how it was made."""
    return dict(stored_attributes(path)[PROGRAM])


def find_image(location: Path) -> Path | None:
    """Return the OME-Zarr image that an input is, or is a level of; None if it is none."""
    for group in (location, location.parent):
        if "multiscales" in ome_attributes(stored_attributes(group)):
            return group
    return None


def coarser_levels(level: Path) -> list[Path]:
    """Return the levels of an OME-Zarr image that are coarser than one of them, from fine to coarse."""
    group = find_image(level)
    image = OmeImage.parse(stored_attributes(group)) if group is not None else None
    if group is None or image is None:
        return []
    paths, own = image.paths(""), level.relative_to(group).as_posix()
    return [group / path for path in paths[paths.index(own) + 1 :]] if own in paths else []
