"""Paths on disk, split into a file or store and a dataset in it."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from napari_batch_prediction.disk import MAX_PATH, shown, text_fault
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import FileFormat
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.zarr.format import ZARR
from napari_batch_prediction.formats.zarr.store import is_zarr

Kind = Literal["file", "store", "folder", "other", "missing"]


# Of two letters or more: one is a drive. Copied paths may have lost a slash.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class SplitPath(NamedTuple):
    """A path, split into a file, store or folder and a dataset in it.

    Attributes
    ----------
    path
        The file, store or folder.
    dataset
        The path of the dataset in it; None if none is named.
    kind
        Kind of ``path`` on disk.
    is_link
        True if ``path`` itself is a symbolic link.
    """

    path: Path
    dataset: str | None = None
    kind: Kind = "file"
    is_link: bool = False


def split_path(text: str) -> SplitPath:
    """Split a text into a file (or store) and a dataset; the file need not exist."""
    path = Path(text)
    for file in path.parents:
        # Most datasets are in a file of such a name: one look at the disk is enough.
        if _can_hold_datasets(file):
            kind, is_link = _look(file)
            if kind == "file":
                return _in_store(path) or _inside(path, file, kind, is_link)
    kind, is_link = _look(path)
    if kind == "file":
        return SplitPath(path, None, kind, is_link)
    if (split := _in_store(path)) is not None:
        return split
    if kind == "folder":
        root = path
        while is_store(root) and is_store(root.parent):
            root = root.parent
        return _inside(path, root, "store" if is_store(root) else "folder", is_link and root == path)
    for file in path.parents if kind == "missing" else ():
        file_kind, is_link = _look(file)
        if file_kind == "file" or (file_kind == "folder" and is_store(file)):
            return _inside(path, file, "file" if file_kind == "file" else "store", is_link)
    file, dataset = next(iter(dataset_splits(path)), (path, None))
    return SplitPath(file, dataset, kind)


def _in_store(path: Path) -> SplitPath | None:
    """Split a path after its outermost folder that is a store and has the extension of one; None if there is none."""
    for folder in reversed((path, *path.parents)):
        if _has_store_name(folder) and is_store(folder):
            _, is_link = _look(folder)
            return _inside(path, folder, "store", is_link)
    return None


def _inside(path: Path, file: Path, kind: Kind, is_link: bool) -> SplitPath:
    return SplitPath(file, None if path == file else path.relative_to(file).as_posix(), kind, is_link)


def _look(path: Path) -> tuple[Kind, bool]:
    """Return the kind of a path and whether it is a link; "missing" if the disk cannot be asked."""
    is_link = False
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            is_link = True
            mode = path.stat().st_mode
    except (OSError, ValueError):
        return "missing", is_link  # or the name is too long, or permission is missing: opening it says so
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other", is_link


def dataset_splits(path: Path) -> list[tuple[Path, str]]:
    """Return the ways to split a path after the name of a file with datasets, outermost first.

    Existing folders are no such files, whatever their names.
    """
    splits = []
    for file in reversed(path.parents):
        file_format = known_format(file)
        if file_format is not None and file_format.has_datasets and not is_true(Path.is_dir, file):
            splits.append((file, path.relative_to(file).as_posix()))
    return splits


def store_format(folder: Path) -> FileFormat | None:
    """Return the format of a folder that users treat as a file, Zarr or N5; None if it is a plain folder.

    The name alone makes none: a folder called ``x.zarr`` may hold images.
    """
    if is_zarr(folder):
        return ZARR
    named = known_format(folder)
    if named is None or not named.is_folder:
        return None
    if named is ZARR:
        # Without its marker it is a damaged store, and opening it says so.
        return ZARR if is_true(Path.is_file, folder / ".zattrs") else None
    from napari_batch_prediction.formats.n5.store import is_n5

    return named if is_n5(folder) else None


def is_store(folder: Path) -> bool:
    """Return True for an existing folder that users treat as a file: Zarr or N5."""
    return store_format(folder) is not None


def why_no_store(folder: Path) -> str:
    """Return a sentence about a plain folder that is called like a store; empty for another name."""
    named = known_format(folder)
    if named is None or not named.is_folder:
        return ""
    markers = "zarr.json, .zgroup, .zarray" if named is ZARR else "attributes.json"
    return f" It is called like {named.name}, but is none: it has none of {markers}. If it was copied, copy it again."


def outside_stores(folder: Path) -> Path:
    """Return a folder, or if it is in a store, the one that the store is in; the folder need not exist."""
    inside = [around for around in (folder, *folder.parents) if is_store(around)]
    return inside[-1].parent if inside else folder


def _has_store_name(folder: Path) -> bool:
    file_format = known_format(folder)
    return file_format is not None and file_format.is_folder


def _can_hold_datasets(file: Path) -> bool:
    file_format = known_format(file)
    return file_format is not None and file_format.has_datasets and not file_format.is_folder


def is_true(test: Callable[[Path], bool], path: Path) -> bool:
    """Apply a test to a path; False if the name is too long or permission is missing, which opening reports."""
    try:
        return test(path)
    except OSError:
        return False


def is_url(text: str) -> bool:
    """Return True for a URL, such as ``https://example.org/a.zarr``."""
    return _URL.match(text) is not None


def require_name(text: str, what: str = "input") -> None:
    """Raise :class:`SettingsError` if a text names no file, pattern or ``"dataset"``, whatever is on disk."""
    if is_url(text):
        raise SettingsError(
            f"The input '{shown(text)}' is a URL, and URLs are not read. Download it, and name the file or folder.",
            setting="inputs",
        )
    # An empty text would be the current folder, with all its images: a variable of a script may have no value.
    fault = text_fault(text) if text.strip() else "is empty"
    # The path of a dataset may follow that of its file.
    if fault is None and len(text) > (longest := 2 * MAX_PATH):
        fault = f"is {len(text)} characters long, and has at most {longest}"
    if fault is not None:
        setting = "inputs" if what == "input" else what
        raise SettingsError(f"The {what} '{shown(text)}' {fault}. Correct its name.", setting=setting)


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path. Symbolic links stay, so that users recognise it."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def real_path(path: str | os.PathLike[str]) -> str:
    """Return a path without symbolic links, in lower case where the system ignores case."""
    return os.path.normcase(os.path.realpath(path))
