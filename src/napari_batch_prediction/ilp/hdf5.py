"""Reading the HDF5 of a project file: opened read-only and unlocked, every spelling of text and numbers.

Whatever h5py raises about a damaged file becomes a :class:`ProjectError` here, and nowhere else.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.heap import texts_are_readable

_SIGNATURE = b"\x89HDF\r\n\x1a\n"

# What h5py is known to raise for files with damaged bytes.
_H5PY_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError)


@contextmanager
def open_project(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file read-only and without a lock, so that others may have it open at the same time.

    Raises
    ------
    ProjectError
        If the file is missing, may not be read, is a folder, is not HDF5, or is damaged.
    """
    path = Path(path)
    if path.is_dir():
        raise ProjectError(f"{path} is a folder. Choose the project file (.ilp) itself.")
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_SIGNATURE))
    except FileNotFoundError as error:
        raise ProjectError(f"There is no project file {path}. Check the path.") from error
    except PermissionError as error:
        raise ProjectError(f"{path} may not be read. Ask its owner for permission to read it.") from error
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} cannot be read: {error}.") from error
    if start != _SIGNATURE:
        raise ProjectError(
            f"{path} is not an ilastik project: expected an HDF5 file, but it begins with {start!r}. "
            "Choose the file with the ending .ilp that ilastik saved."
        )
    try:
        file = h5py.File(path, "r", locking=False)
    except _H5PY_ERRORS as error:
        raise ProjectError(f"{path} is truncated or damaged ({error}). Take an intact copy of the file.") from error
    with file:
        yield file


def damaged(parent: h5py.Group, name: str, found: object) -> ProjectError:
    """Return the error for something in the file that is not as it must be."""
    where = f"{parent.name.rstrip('/')}/{name}" if name else parent.name
    return ProjectError(
        f"{parent.file.filename} is damaged at {where}: {found}. "
        "Take an intact copy of the file, or open it in ilastik and save it again."
    )


def has(parent: h5py.Group, name: str) -> bool:
    """Whether a group has a member of this name."""
    try:
        return name in parent
    except _H5PY_ERRORS as error:
        raise damaged(parent, name, error) from error


def group(parent: h5py.Group, name: str) -> h5py.Group | None:
    """Return a subgroup, or None if there is none.

    Raises
    ------
    ProjectError
        If the member cannot be read or is not a group.
    """
    found = _member(parent, name)
    if found is not None and not isinstance(found, h5py.Group):
        raise damaged(parent, name, "expected a group, found a dataset")
    return found


def dataset(parent: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a dataset, or None if there is none.

    Raises
    ------
    ProjectError
        If the member cannot be read or is not a dataset.
    """
    found = _member(parent, name)
    if found is not None and not isinstance(found, h5py.Dataset):
        raise damaged(parent, name, "expected a dataset, found a group")
    return found


def subgroups(parent: h5py.Group) -> dict[str, h5py.Group]:
    """Return all subgroups in the order of their names."""
    members = ((name, _member(parent, name)) for name in names(parent))
    return {name: member for name, member in members if isinstance(member, h5py.Group)}


def names(parent: h5py.Group) -> list[str]:
    """Return the names of all members, sorted."""
    try:
        return sorted(parent)
    except _H5PY_ERRORS as error:
        raise damaged(parent, "", error) from error


def attribute(item: h5py.Group | h5py.Dataset, name: str) -> Any:
    """Return an attribute; a single value if it has one element, text as str, None if it is not there."""
    try:
        value = item.attrs.get(name)
    except _H5PY_ERRORS as error:
        raise damaged(item.file, f"{item.name} (attribute {name})".lstrip("/"), error) from error
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    return _decoded(value) if isinstance(value, bytes) else value


def array(parent: h5py.Group, name: str) -> NDArray[Any] | None:
    """Return a dataset's values, or None if it is missing or has none.

    Raises
    ------
    ProjectError
        If the member cannot be read or is not a dataset.
    """
    found = dataset(parent, name)
    if found is None:
        return None
    try:
        readable = texts_are_readable(found)
        values = found[()] if readable else None
    except _H5PY_ERRORS as error:
        raise damaged(parent, name, error) from error
    if not readable:
        raise damaged(parent, name, "its text is lost")
    return None if isinstance(values, h5py.Empty) else np.asarray(values)


def texts(parent: h5py.Group, name: str) -> tuple[str, ...] | None:
    """Return a list of texts (vlen, fixed width or opaque), or None if it is missing or empty."""
    values = array(parent, name)
    # For an empty list ilastik stores one arbitrary float, and an attribute that says so.
    if values is None or values.size == 0 or values.dtype.kind == "f":
        return None
    if values.ndim > 1 or not all(isinstance(value, (str, bytes, np.void)) for value in values.ravel()):
        raise damaged(parent, name, f"expected text, found {values.dtype} of shape {values.shape}")
    return tuple(_decoded(value) for value in values.ravel())


def text(parent: h5py.Group, name: str) -> str | None:
    """Return one text, stored as a scalar or a list of one, or None if it is missing or empty."""
    values = texts(parent, name)
    if values is not None and len(values) != 1:
        raise damaged(parent, name, f"expected one text, found {len(values)}")
    return values[0] if values and values[0] else None


def integers(parent: h5py.Group, name: str) -> tuple[int, ...] | None:
    """Return a list of whole numbers, whatever their dtype, or None if it is missing or empty."""
    values = array(parent, name)
    if values is None or values.size == 0:
        return None
    if values.ndim > 1 or values.dtype.kind not in "biuf":
        raise damaged(parent, name, f"expected numbers, found {values.dtype} of shape {values.shape}")
    numbers = values.ravel().tolist()
    if not all(np.isfinite(number) and number == int(number) for number in numbers):
        raise damaged(parent, name, f"expected whole numbers, found {numbers[:5]}")
    return tuple(int(number) for number in numbers)


def integer(parent: h5py.Group, name: str) -> int | None:
    """Return one whole number, stored as a scalar or a list of one, or None if it is missing."""
    values = integers(parent, name)
    if values is not None and len(values) != 1:
        raise damaged(parent, name, f"expected one number, found {len(values)}")
    return values[0] if values else None


def _member(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    try:
        if name not in parent:
            return None
        return parent[name]
    except _H5PY_ERRORS as error:
        raise damaged(parent, name, error) from error


def _decoded(value: str | bytes | np.void) -> str:
    """Return text from what h5py gives for it; bytes that are not UTF-8 become replacement characters."""
    if isinstance(value, np.void):
        value = value.tobytes()
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return value.rstrip("\0")
