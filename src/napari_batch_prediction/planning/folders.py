"""Folders of inputs and outputs, each read at most once for any number of files."""

import os
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from napari_batch_prediction.disk import MAX_NAME, MAX_PATH, path_fault, shown, text_fault
from napari_batch_prediction.problems import Problem

# From this number of names on, listing the folder is faster than looking at each name.
_MANY = 16

# The most bytes of a folder: files in it have temporary names, and stores have folders in them.
_LONGEST_FOLDER = MAX_PATH - 2 * MAX_NAME


def same(text: str) -> str:
    """Return a text that is equal for names that some file system takes for one: ignoring case and composition."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def nearest(folder: Path) -> Path:
    """Return the folder, or the deepest existing folder above it."""
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path) or path == path.parent)


class Folder:
    """A folder, which need not exist, and the names in it.

    Parameters
    ----------
    path
        The folder.
    n_names
        Number of names that will be asked for.

    Attributes
    ----------
    problem
        The problem that files cannot be made in it; None if they can.
    """

    def __init__(self, path: str, n_names: int) -> None:
        self._path = path
        self._key = same(os.path.realpath(path))
        self._listed = _listed(path) if n_names >= _MANY else None
        self._problem: Problem | None = None
        self._is_asked = False

    @property
    def problem(self) -> Problem | None:
        """The problem that files cannot be made in the folder; None if they can."""
        if not self._is_asked:
            self._is_asked, self._problem = True, _problem(Path(self._path))
        return self._problem

    def path(self, name: str) -> Path:
        """Return the path of a name in the folder."""
        return Path(self._path, name)

    def holds(self, name: str) -> bool:
        """Return True if there is a file, folder or link of this name."""
        # The list ignores case, so the file system decides.
        may_be = self._listed is None or same(name) in self._listed
        return may_be and os.path.lexists(f"{self._path}/{name}")

    def key(self, name: str) -> str:
        """Return a text that is equal for paths that some file system takes for one."""
        return f"{self._key}/{same(name)}"

    def real_key(self, name: str) -> str:
        """Return the key of the file that a name leads to through links."""
        may_be_link = self._listed is None or self._listed.get(same(name), False) or name in {"", ".", ".."}
        return same(os.path.realpath(f"{self._path}/{name}")) if may_be_link else self.key(name)


class Folders:
    """Folders by their paths.

    Parameters
    ----------
    files
        Folder and name of each file that will be asked for.
    """

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        self._counts: dict[str, int] = {}
        self._folders: dict[str, Folder] = {}
        for folder, _ in files:
            self._counts[folder] = self._counts.get(folder, 0) + 1

    def __getitem__(self, path: str) -> Folder:
        if path not in self._folders:
            self._folders[path] = Folder(path, self._counts.get(path, 0))
        return self._folders[path]


def absolute_parts(file: Path, here: str) -> tuple[str, str]:
    """Return the absolute folder of a file, and the file's name; relative paths start ``here``."""
    folder, name = os.path.split(file)
    return os.path.join(here, folder) if folder else here, name  # noqa: PTH118 - thousands of files


def _listed(folder: str) -> dict[str, bool] | None:
    """Return the names in a folder, with True for links; None if the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return {same(entry.name): entry.is_symlink() for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:  # without permission to list it, each name is looked at
        return None


def _problem(folder: Path) -> Problem | None:
    """Return the problem that files cannot be made in a folder, which need not exist yet; None if they can."""
    existing = nearest(folder)
    if not existing.is_dir():
        text = f"The folder {folder} cannot be made: {existing} is not a folder. Choose another folder."
        return Problem("output", text, "folder", folder)
    if not os.access(existing, os.W_OK | os.X_OK):
        text = f"The folder {existing} cannot be written to. Choose another folder."
        return Problem("output", text, "folder", existing)
    return None


def place_problem(folder: Path, name: str) -> Problem | None:
    """Return the problem that no file can have a name in a folder, whatever is on disk; None if one can.

    A name that is too long is not looked at here, since those of a sequence differ.
    """
    if fault := _folder_fault(folder):
        return Problem("output", f"The folder '{shown(folder)}' {fault}. Choose another folder.", "folder")
    if fault := text_fault(name):
        return Problem("output", f"The name '{shown(name)}' {fault}. Choose another name.", "name")
    return None


@lru_cache(maxsize=1024)
def _folder_fault(folder: Path) -> str | None:
    fault = path_fault(folder)
    if fault is None and (n_bytes := len(os.fsencode(folder))) > _LONGEST_FOLDER:
        return f"is {n_bytes} bytes long, and one for outputs has at most {_LONGEST_FOLDER}"
    return fault
