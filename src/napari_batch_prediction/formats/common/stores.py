"""Folders that are one image: their metadata, and what may be in them, so that nothing else is replaced with them."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError

# More is no metadata: a group that copies those of 100,000 arrays has less.
_MOST_METADATA = 2**28

# Files of this program, and of file managers.
_EVERYWHERE = re.compile(r"\..*\.part|\.DS_Store|\.directory|desktop\.ini|Thumbs\.db", re.DOTALL)


def is_everywhere(name: str) -> bool:
    """Return True for the names of files that may be in any folder: temporary ones, and those of file managers."""
    return _EVERYWHERE.fullmatch(name) is not None


@dataclass(frozen=True)
class StoreNames:
    """Names of the files of a format whose images are folders.

    Attributes
    ----------
    markers
        Files of which one is in every such folder.
    others
        Names of all other files.
    """

    markers: tuple[str, ...]
    others: re.Pattern[str]

    def stranger(self, folder: Path) -> Path | None:
        """Return the folder if it is not of this format, else a file in it that is not of the format, if there is one.

        Raises
        ------
        OSError
            If a folder cannot be looked into.
        """
        if not any((folder / marker).is_file() for marker in self.markers):
            return folder
        pending = [os.fspath(folder)]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif not self._is_own(entry.name) or entry.is_symlink():
                        return Path(entry.path)
        return None

    def holds_chunks(self, folder: Path) -> bool:
        """Return True if there is a file besides metadata in the folder of an array, or below."""
        pending = [os.fspath(folder)]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        pending.append(entry.path)
                    elif entry.name not in self.markers and not entry.name.startswith("."):
                        return True
        return False

    def _is_own(self, name: str) -> bool:
        return bool(name in self.markers or self.others.fullmatch(name) or is_everywhere(name))


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
    if state.st_size > _MOST_METADATA:
        raise ImageReadError(f"'{path}' has {state.st_size:,} bytes, which is too large for metadata.", path=path)
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError:
        raise ValueError(f"'{path}' is nested too deeply") from None


def no_chunks(folder: Path, fill: object) -> str:
    """Return the warning that an array has metadata and no chunk."""
    return (
        f"'{folder}' has metadata, but not a single chunk: every pixel is {fill}. If it was copied or uploaded, that "
        "broke off; copy it again."
    )
