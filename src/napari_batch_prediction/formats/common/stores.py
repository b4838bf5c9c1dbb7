"""Folders that are one image: what may be in them, so that nothing else is replaced together with them."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
    second
        Finds what such a folder holds besides one image, such as its labels; returns None if there is nothing.
    """

    markers: tuple[str, ...]
    others: re.Pattern[str]
    second: Callable[[Path], Path | None]

    def stranger(self, folder: Path) -> Path | None:
        """Return what must not be replaced with a folder; None if it is one image and nothing else.

        That is the folder if it is not of this format, else a file in it that is not of the format, else another image.

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
        return self.second(folder)

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


def no_chunks(folder: Path, fill: object) -> str:
    """Return the warning that an array has metadata and no chunk."""
    return (
        f"'{folder}' has metadata, but not a single chunk: every pixel is {fill}. If it was copied or uploaded, that "
        "broke off; copy it again."
    )
