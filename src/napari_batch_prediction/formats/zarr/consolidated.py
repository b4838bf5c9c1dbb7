"""Copies of metadata in the groups above (consolidated metadata), which many programs read instead of the originals.

In Zarr 2 they are the file ``.zmetadata`` of a group, in Zarr 3 ``consolidated_metadata`` in its ``zarr.json``, as
zarr-python writes it.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from napari_batch_prediction.formats.common.json_files import read_json, write_json

_V2_NAMES = (".zgroup", ".zarray", ".zattrs")


def update_copies(image: Path, node: Path, groups: Iterable[Path]) -> None:
    """Bring copies up to date after a node was written or replaced in an image; all else in them stays.

    Parameters
    ----------
    image
        The image.
    node
        The new node.
    groups
        The groups between the two, whose attributes may have changed.

    Raises
    ------
    OSError
        If a copy cannot be written.
    """
    groups = [*groups]
    # A group above may copy the metadata of images that it does not know by a file of its own.
    for root in (*groups, image, *image.parents):
        inner = [group for group in groups if group != root and group.is_relative_to(root)]
        is_above = root not in groups and root != image
        _update_v2(root, image if is_above else None, node, inner)
        _update_v3(root, image if is_above else None, node, inner)


def _update_v2(root: Path, image: Path | None, node: Path, groups: Iterable[Path]) -> None:
    path = root / ".zmetadata"
    contents = _read(path)
    copies = contents.get("metadata")
    if not isinstance(copies, dict):
        return
    if image is not None and not any(_key(root, image, name) in copies for name in _V2_NAMES):
        return
    kept = {key: value for key, value in copies.items() if not key.startswith(f"{_key(root, node)}/")}
    for folder in (*groups, *_nodes(node)):
        for name in _V2_NAMES:
            if (value := _read(folder / name)) or (folder / name).is_file():
                kept[_key(root, folder, name)] = value
    write_json(path, {**contents, "metadata": kept})


def _update_v3(root: Path, image: Path | None, node: Path, groups: Iterable[Path]) -> None:
    path = root / "zarr.json"
    contents = _read(path)
    consolidated = contents.get("consolidated_metadata")
    copies = consolidated.get("metadata") if isinstance(consolidated, dict) else None
    if not isinstance(consolidated, dict) or not isinstance(copies, dict):
        return
    if image is not None and _key(root, image) not in copies:
        return
    at = _key(root, node)
    kept = {key: value for key, value in copies.items() if key != at and not key.startswith(f"{at}/")}
    for folder in (*groups, *_nodes(node)):
        if value := _read(folder / "zarr.json"):
            if value.get("node_type") == "group":
                value["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": {}}
            kept[_key(root, folder)] = value
    write_json(path, {**contents, "consolidated_metadata": {**consolidated, "metadata": kept}})


def _read(path: Path) -> dict[str, Any]:
    """Return the contents of a file; empty if there is none, or it is no metadata, which is left as it is."""
    try:
        contents = read_json(path)
    except (OSError, ValueError):
        return {}
    return contents if isinstance(contents, dict) else {}


def _key(root: Path, folder: Path, *name: str) -> str:
    return folder.joinpath(*name).relative_to(root).as_posix()


def _nodes(node: Path) -> Iterator[Path]:
    """Yield a group or array and all in it, but for the folders of chunks."""
    pending = [node]
    while pending:
        folder = pending.pop()
        yield folder
        if not (folder / ".zarray").is_file() and _read(folder / "zarr.json").get("node_type") != "array":
            with os.scandir(folder) as entries:
                pending += (Path(entry.path) for entry in entries if entry.is_dir())
