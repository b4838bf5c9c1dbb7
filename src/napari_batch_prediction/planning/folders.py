"""Looking into the folders of inputs and outputs, into each once however many files it has."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from napari_batch_prediction.problems import Problem

# From this number of names on, one look at the whole folder is faster than one at each name.
_MANY = 16


def same(text: str) -> str:
    """Return a text that is equal for names some file system takes for one: other case, other composition."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def nearest(folder: Path) -> Path:
    """Return the folder, or the deepest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place) or place == place.parent)


class Folder:
    """A folder, which need not exist, and the names in it.

    Parameters
    ----------
    path
        The folder.
    n_names
        How many names will be asked for.

    Attributes
    ----------
    problem
        Why files cannot be made in it; None if they can.
    """

    def __init__(self, path: str, n_names: int) -> None:
        self._path = path
        self._key = same(os.path.realpath(path))
        self._listed = _listed(path) if n_names >= _MANY else None
        self._problem: Problem | None = None
        self._is_asked = False

    @property
    def problem(self) -> Problem | None:
        """Why files cannot be made in the folder; None if they can."""
        if not self._is_asked:
            self._is_asked, self._problem = True, _problem(Path(self._path))
        return self._problem

    def path(self, name: str) -> Path:
        """Return the path of a name in the folder."""
        return Path(self._path, name)

    def holds(self, name: str) -> bool:
        """Return whether there is a file, folder or link of this name."""
        # Whether names that differ in case are the same is the file system's to say.
        may_be = self._listed is None or same(name) in self._listed
        return may_be and os.path.lexists(f"{self._path}/{name}")

    def key(self, name: str) -> str:
        """Return a text that is equal for paths that some file system takes for the same."""
        return f"{self._key}/{same(name)}"

    def real_key(self, name: str) -> str:
        """Return the same for the file that a path leads to, through links."""
        may_be_link = self._listed is None or self._listed.get(same(name), False) or name in {"", ".", ".."}
        return same(os.path.realpath(f"{self._path}/{name}")) if may_be_link else self.key(name)


class Folders:
    """Folders by their paths.

    Parameters
    ----------
    files
        All files that will be asked for.
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


def parted(file: Path, here: str) -> tuple[str, str]:
    """Return the folder of a file, seen from the root, and the file's name; relative paths start ``here``."""
    folder, name = os.path.split(file)
    return os.path.join(here, folder) if folder else here, name  # noqa: PTH118 - thousands of files


def _listed(folder: str) -> dict[str, bool] | None:
    """Return for each name in a folder whether it is a link; None if the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return {same(entry.name): entry.is_symlink() for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:  # no permission to list it: each name is asked for
        return None


def _problem(folder: Path) -> Problem | None:
    """Return why files cannot be made in a folder, which need not exist yet; None if they can."""
    place = nearest(folder)
    if not place.is_dir():
        text = f"The folder {folder} cannot be made: {place} is not a folder. Choose another folder."
        return Problem("output", text, "folder", folder)
    if not os.access(place, os.W_OK | os.X_OK):
        text = f"The folder {place} cannot be written to. Choose another folder."
        return Problem("output", text, "folder", place)
    return None
