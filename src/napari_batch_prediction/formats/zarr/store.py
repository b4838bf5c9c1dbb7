"""Which folders are Zarr stores."""

import os
from pathlib import Path

# Zarr needs no extension: these files make a folder an array or a group.
_MARKERS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(folder: Path) -> bool:
    """Say whether a folder is an array or a group of Zarr."""
    return any(os.path.isfile(folder / marker) for marker in _MARKERS)  # noqa: PTH113 - False for names too long
