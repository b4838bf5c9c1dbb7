"""Labels inside an OME-Zarr image."""

import json
import os
from pathlib import Path
from typing import Literal

from napari_batch_prediction.formats.common.files import temporary_path, writing
from napari_batch_prediction.formats.zarr.metadata import ome_attributes
from napari_batch_prediction.formats.zarr.store import stored_attributes

FOLDER = "labels"


def image_version(image: Path) -> Literal["0.4", "0.5"]:
    """Return the version of OME-Zarr to write into an image: 0.5 in Zarr 3, else 0.4."""
    return "0.5" if (image / "zarr.json").is_file() else "0.4"


def register(label: Path) -> None:
    """Add labels to the list of their image.

    Parameters
    ----------
    label
        The folder of the labels, ``IMAGE/labels/NAME``.

    Raises
    ------
    ExportError
        If the list cannot be written.
    """
    folder = label.parent
    names = [*ome_attributes(stored_attributes(folder)).get("labels", [])]
    if label.name in names:
        return
    names.append(label.name)
    with writing(folder):
        if image_version(folder.parent) == "0.5":
            facts = {"version": "0.5", "labels": names}
            _write(folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"ome": facts}})
        else:
            _write(folder / ".zgroup", {"zarr_format": 2})
            _write(folder / ".zattrs", {"labels": names})


def _write(path: Path, content: object) -> None:
    temporary = temporary_path(path)
    temporary.write_text(json.dumps(content, indent=2))
    os.replace(temporary, path)  # noqa: PTH105 - replaces on every system
