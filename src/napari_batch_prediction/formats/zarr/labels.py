"""Labels inside the OME-Zarr image they belong to."""

import json
import os
from pathlib import Path
from typing import Any, Literal

from napari_batch_prediction.formats.common.files import temporary_path, writing

FOLDER = "labels"


def find_image(location: Path) -> Path | None:
    """Return the OME-Zarr image that an input is, or is a level of; None if it is none."""
    for place in (location, location.parent):
        if "multiscales" in _facts(place):
            return place
    return None


def image_version(image: Path) -> Literal["0.4", "0.5"]:
    """Return the version of OME-Zarr to write into an image: 0.5 in Zarr 3, else 0.4."""
    return "0.5" if (image / "zarr.json").is_file() else "0.4"


def label_facts(version: str, colors: tuple[tuple[int, int, int], ...]) -> dict[str, object]:
    """Return what OME-Zarr says of labels: whose they are, and the colour of each."""
    return {
        "version": version,
        "source": {"image": "../../"},
        "colors": [{"label-value": i, "rgba": [*color, 255]} for i, color in enumerate(colors, start=1)],
    }


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
    names = [*_facts(folder).get("labels", [])]
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


def _facts(group: Path) -> dict[str, Any]:
    """Return what OME-Zarr says of a group; nothing if it is none."""
    for name in ("zarr.json", ".zattrs"):
        try:
            attributes = json.loads((group / name).read_text())
        except (OSError, ValueError):
            continue  # not there, or not readable: not an image
        attributes = attributes.get("attributes", attributes)
        facts: dict[str, Any] = attributes.get("ome", attributes)
        return facts
    return {}


def _write(path: Path, content: object) -> None:
    temporary = temporary_path(path)
    temporary.write_text(json.dumps(content, indent=2))
    os.replace(temporary, path)  # noqa: PTH105 - replaces on every system
