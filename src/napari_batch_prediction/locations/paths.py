"""Paths on disk: where a file or a store ends and the name of a dataset begins."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.zarr.store import is_zarr

Kind = Literal["file", "store", "folder", "other", "missing"]


class Place(NamedTuple):
    """A file, a store or a folder, and the dataset in it that is named.

    Attributes
    ----------
    path
        The file, store or folder.
    dataset
        The path of the dataset in it; None if none is named.
    kind
        What ``path`` is on disk.
    is_link
        Whether ``path`` itself is a symbolic link.
    """

    path: Path
    dataset: str | None = None
    kind: Kind = "file"
    is_link: bool = False


def find_place(text: str) -> Place:
    """Find the file (or store) and the dataset that a text names; the file need not exist."""
    path = Path(text)
    for file in path.parents:
        # Most datasets are in such a file: a single look tells.
        if _can_hold_datasets(file):
            kind, is_link = _look(file)
            if kind == "file":
                return _in_store(path) or _inside(path, file, kind, is_link)
    kind, is_link = _look(path)
    if kind == "file":
        return Place(path, None, kind, is_link)
    if (place := _in_store(path)) is not None:
        return place
    if kind == "folder":
        root = path
        while is_store(root) and is_store(root.parent):
            root = root.parent
        return _inside(path, root, "store" if is_store(root) else "folder", is_link and root == path)
    for file in path.parents if kind == "missing" else ():
        found, is_link = _look(file)
        if found == "file" or (found == "folder" and is_store(file)):
            return _inside(path, file, "file" if found == "file" else "store", is_link)
    file, dataset = next(iter(dataset_splits(path)), (path, None))
    return Place(file, dataset, kind)


def _in_store(path: Path) -> Place | None:
    """Return the outermost folder with the extension of a store; None if the path goes through none."""
    for folder in reversed((path, *path.parents)):
        if _has_store_name(folder):
            kind, is_link = _look(folder)
            if kind == "folder":
                return _inside(path, folder, "store", is_link)
    return None


def _inside(path: Path, file: Path, kind: Kind, is_link: bool) -> Place:
    return Place(file, None if path == file else path.relative_to(file).as_posix(), kind, is_link)


def _look(path: Path) -> tuple[Kind, bool]:
    """Return the kind of a path and whether it is a link; a name that cannot be looked at is missing."""
    is_link = False
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            is_link = True
            mode = path.stat().st_mode
    except (OSError, ValueError):
        return "missing", is_link  # also too long a name, or one without permission: opening it says so
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other", is_link


def dataset_splits(path: Path) -> list[tuple[Path, str]]:
    """Return the ways to split a path after a name that can be a file with datasets, outermost first.

    Folders that exist are no such files, whatever their names.
    """
    splits = []
    for file in reversed(path.parents):
        file_format = known_format(file)
        if file_format is not None and file_format.has_datasets and not is_true(Path.is_dir, file):
            splits.append((file, path.relative_to(file).as_posix()))
    return splits


def is_store(folder: Path) -> bool:
    """Say whether a folder that exists is one image, or one file of several, to the user: Zarr or N5."""
    return is_true(Path.is_dir, folder) and (_has_store_name(folder) or is_zarr(folder))


def _has_store_name(folder: Path) -> bool:
    file_format = known_format(folder)
    return file_format is not None and file_format.is_folder


def _can_hold_datasets(file: Path) -> bool:
    file_format = known_format(file)
    return file_format is not None and file_format.has_datasets and not file_format.is_folder


def is_true(test: Callable[[Path], bool], path: Path) -> bool:
    """Apply a test to a path; too long a name, or one without permission, is False. Opening it says so."""
    try:
        return test(path)
    except OSError:
        return False


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """Return a path from the root on. Symbolic links stay: the user sees files where they are named."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def real_path(path: str | os.PathLike[str]) -> str:
    """Return a path without symbolic links, in the case that the system compares names in."""
    return os.path.normcase(os.path.realpath(path))
