"""Folders that are one image: what may be in them, so that nothing else is replaced together with them."""

import os
import re
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

    def _is_own(self, name: str) -> bool:
        return bool(name in self.markers or self.others.fullmatch(name) or is_everywhere(name))
