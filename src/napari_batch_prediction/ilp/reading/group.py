"""A group in a project file: reads all spellings of text and numbers, and reports damage."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5s
from numpy.typing import NDArray

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.limits import MAX_MEMBERS, MAX_TEXT, MAX_VALUES, Limits
from napari_batch_prediction.ilp.reading.heap import attributes_are_readable, texts_are_readable
from napari_batch_prediction.ilp.reading.links import ElsewhereError, Member, opened, own_member

# The errors that h5py raises for files with damaged bytes.
H5PY_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, OverflowError, MemoryError)

_MAX_FAULT = 500


class ProjectGroup:
    """A group in a project file. Its methods raise :class:`ProjectError` for damaged contents.

    Parameters
    ----------
    path
        The project file, for messages.
    stored
        The group.
    limits
        The limits of the project.

    Attributes
    ----------
    path
        The project file.
    name
        The group's full name in the file.
    """

    def __init__(self, path: Path, stored: h5py.Group, limits: Limits) -> None:
        self.path = path
        self.name: str = stored.name
        self._stored = stored
        self._limits = limits

    def damaged(self, name: str, fault: object, attribute: str = "") -> ProjectError:
        """Return the error for a damaged member, or for the group itself if the name is empty."""
        member = f"{self.name.rstrip('/')}/{name}" if name else self.name
        return ProjectError(
            f"{self.path} is damaged at {member[:_MAX_FAULT]}{attribute and f' (attribute {attribute})'}: "
            f"{str(fault)[:_MAX_FAULT]}. "
            "Take an intact copy of the file, or open it in ilastik and save it again."
        )

    def has(self, name: str) -> bool:
        """Return True if there is a member of this name."""
        return self._find(name) is not None

    def names(self) -> list[str]:
        """Return the names of all members, sorted."""
        try:
            n_members = len(self._stored)
            names = sorted(self._stored) if n_members <= MAX_MEMBERS else []
        except H5PY_ERRORS as error:
            raise self.damaged("", error) from error
        if n_members > MAX_MEMBERS:
            raise self.damaged("", f"it has {n_members} members, expected at most {MAX_MEMBERS}")
        return names

    def group(self, name: str) -> "ProjectGroup | None":
        """Return a subgroup, or None if there is none."""
        member = self._find(name)
        if member is not None and not isinstance(member, h5g.GroupID):
            raise self.damaged(name, "expected a group, found a dataset")
        return None if member is None else ProjectGroup(self.path, h5py.Group(member), self._limits)

    def subgroups(self) -> dict[str, "ProjectGroup"]:
        """Return all subgroups in the order of their names."""
        members = ((name, self._find(name)) for name in self.names())
        return {
            name: ProjectGroup(self.path, h5py.Group(member), self._limits)
            for name, member in members
            if isinstance(member, h5g.GroupID)
        }

    def numbered_subgroups(self) -> list["ProjectGroup"]:
        """Return all subgroups in the order of the numbers in their names."""
        return [member for _, member in sorted(self.subgroups().items(), key=lambda item: _number(item[0]))]

    def dataset(self, name: str) -> h5py.Dataset | None:
        """Return a dataset, or None if there is none."""
        member = self._find_dataset(name)
        return None if member is None else h5py.Dataset(member)

    def attribute(self, member: str, name: str) -> Any:
        """Return an attribute of a member, or of the group itself if the member's name is empty.

        Returns
        -------
        The value, as a scalar if it has one element and as str if it is text; None if it is missing.
        """
        found = self._find(member) if member else self._stored.id
        if found is None:
            return None
        try:
            item = opened(found)
            if name not in item.attrs:
                return None
            stored = item.attrs.get_id(name)
            readable = stored.shape in ((), (1,)) and stored.dtype.itemsize <= MAX_TEXT
            readable = readable and attributes_are_readable(item.file, stored)
            value = item.attrs[name] if readable else None
        except H5PY_ERRORS as error:
            raise self.damaged(member, error, name) from error
        if not readable:
            raise self.damaged(member, "expected one value", name)
        if isinstance(value, np.ndarray):
            value = value.ravel()[0]
        if isinstance(value, h5py.Empty):
            return None
        return _decoded(value) if isinstance(value, bytes) else value

    def array(self, name: str, most: int | None = None, copies: int = 1) -> NDArray[Any] | None:
        """Return a dataset's values, or None if it is missing or empty.

        Parameters
        ----------
        name
            The dataset.
        most
            Number of values beyond which it counts as damaged.
        copies
            Number of times the values are going to be in memory.
        """
        stored = self._find_dataset(name)
        if stored is None:
            return None
        try:
            fault = self._limits.check(stored, most, copies)
            if not fault and stored.dtype.hasobject and not texts_are_readable(h5py.Dataset(stored)):
                fault = "its text is lost"
            values = None if fault else _values(stored)
        except H5PY_ERRORS as error:
            raise self.damaged(name, error) from error
        if fault:
            raise self.damaged(name, fault)
        return None if isinstance(values, h5py.Empty) else np.asarray(values)

    def texts(self, name: str, most: int = MAX_VALUES, longest: int = MAX_TEXT) -> tuple[str, ...] | None:
        """Return a list of texts (vlen, fixed width or opaque), or None if it is missing or empty.

        More texts than ``most``, or longer ones than ``longest``, count as damaged.
        """
        values = self.array(name, most)
        # ilastik stores an empty list as one arbitrary float with an attribute.
        if values is None or values.size == 0 or values.dtype.kind == "f":
            return None
        if values.ndim > 1 or not all(isinstance(value, (str, bytes, np.void)) for value in values.ravel()):
            raise self.damaged(name, f"expected text, found {values.dtype} of shape {values.shape}")
        texts = tuple(_decoded(value) for value in values.ravel())
        if (length := max(map(len, texts))) > longest:
            raise self.damaged(name, f"it has a text of {length} characters, expected at most {longest}")
        return texts

    def text(self, name: str, longest: int = MAX_TEXT) -> str | None:
        """Return one text, stored as a scalar or a list of one, or None if it is missing or empty."""
        values = self.texts(name, longest=longest)
        if values is not None and len(values) != 1:
            raise self.damaged(name, f"expected one text, found {len(values)}")
        return values[0] if values and values[0] else None

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of whole numbers, whatever their dtype, or None if it is missing or empty."""
        values = self.array(name, MAX_VALUES)
        if values is None or values.size == 0:
            return None
        if values.ndim > 1 or values.dtype.kind not in "biuf":
            raise self.damaged(name, f"expected numbers, found {values.dtype} of shape {values.shape}")
        numbers = values.ravel().tolist()
        if not all(np.isfinite(number) and number == int(number) for number in numbers):
            raise self.damaged(name, f"expected whole numbers, found {numbers[:5]}")
        return tuple(int(number) for number in numbers)

    def integer(self, name: str) -> int | None:
        """Return one whole number, stored as a scalar or a list of one, or None if it is missing."""
        values = self.integers(name)
        if values is not None and len(values) != 1:
            raise self.damaged(name, f"expected one number, found {len(values)}")
        return values[0] if values else None

    def _find_dataset(self, name: str) -> h5d.DatasetID | None:
        member = self._find(name)
        if member is not None and not isinstance(member, h5d.DatasetID):
            raise self.damaged(name, "expected a dataset, found a group")
        try:
            _ = member is None or (member.shape, member.dtype)
        except H5PY_ERRORS as error:
            raise self.damaged(name, error) from error
        return member

    def _find(self, name: str) -> Member | None:
        try:
            return own_member(self._stored.id, name)
        except ElsewhereError as error:
            raise ProjectError(
                f"{self.path} is not a project as ilastik saves it: {self.name.rstrip('/')}/{name[:_MAX_FAULT]} is "
                f"{error}, which is not followed. Open it in ilastik and save it again, as one file."
            ) from None
        except H5PY_ERRORS as error:
            raise self.damaged(name, error) from error


def _values(stored: h5d.DatasetID) -> Any:
    """Return what a dataset holds as h5py has it."""
    shape, dtype = stored.shape, stored.dtype
    if dtype.kind not in "iuf" or not shape or 0 in shape:
        return h5py.Dataset(stored)[()]
    values = np.empty(shape, dtype)
    stored.read(h5s.ALL, h5s.ALL, values)
    return values


def _number(name: str) -> int:
    digits = re.search(r"\d{1,18}", name)
    return int(digits[0]) if digits else -1


def _decoded(value: str | bytes | np.void) -> str:
    """Return text read by h5py as str; bytes that are not UTF-8 become replacement characters."""
    if isinstance(value, np.void):
        value = value.tobytes()
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return value.rstrip("\0")
