"""Small files of metadata in JSON."""

import json
import os
from pathlib import Path
from typing import Any

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.files import temporary_path

# More is no metadata: a group that copies those of 100,000 arrays has less.
_MOST_BYTES = 2**28


def read_json(path: Path) -> Any:
    """Return what a file of metadata holds; None if there is no such file.

    Raises
    ------
    ImageReadError
        If it is no file, or is too large.
    ValueError
        If it is not JSON.
    OSError
        If it cannot be read.
    """
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    refuse_special(path, ImageReadError, state.st_mode)
    if state.st_size > _MOST_BYTES:
        raise ImageReadError(f"'{path}' has {state.st_size:,} bytes, which is too large for metadata.", path=path)
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError(f"'{path}' is nested too deeply") from None


def write_json(path: Path, content: object) -> None:
    """Write a small file of metadata, whole or not at all."""
    temporary = temporary_path(path)
    try:
        temporary.write_text(json.dumps(content, indent=2), "utf-8")
        os.replace(temporary, path)  # noqa: PTH105 - replaces on every system
    finally:
        temporary.unlink(missing_ok=True)
