"""Skeletons of writers and readers of tables, part by part: a table may have more rows than memory holds."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.files import make_folder, publish, remove, sync, temporary_path, writing

Columns = Mapping[str, NDArray[Any]]
"""Columns of a table by name: whole numbers, floats, or texts as objects."""

MANY = 2**16
"""Rows that are written at once."""


class Picture(NamedTuple):
    """An array that goes into the file of a table.

    Attributes
    ----------
    path, attributes
        Its name in the file, and its attributes.
    shape, dtype
        Its shape and type.
    parts
        Its values, region by region.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    attributes: Mapping[str, str]
    parts: Iterator[tuple[tuple[slice, ...], NDArray]]


class TableReader(ABC):
    """Reads back a table that was written by a :class:`RowWriter`.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    columns
        The names of the columns, in their order.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """

    columns: tuple[str, ...]

    def __init__(self, path: Path) -> None:
        self.path = path

    def parts(self, numbers: Sequence[str], texts: Sequence[str] = ()) -> Iterator[Columns]:
        """Yield some columns, part of the rows by part; the others are not read.

        Parameters
        ----------
        numbers
            Columns that are returned as 64-bit floats, with NaN for no value.
        texts
            Columns that are returned as texts.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, has no such column, or has texts among the numbers.
        """
        if missing := [name for name in (*numbers, *texts) if name not in self.columns]:
            raise ValueError(f"it has no column {missing[0]}, but {', '.join(self.columns)}")
        return self._parts(numbers, texts)

    @abstractmethod
    def _parts(self, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Columns]:
        """Yield columns that are there."""

    @abstractmethod
    def runs(self) -> Iterator[tuple[str, object]]:
        """Yield the runs of rows of one image: its name, and what :meth:`RowWriter.append_again` takes."""


class RowWriter(ABC):
    """Writes a table whose rows come in parts; it has its name when it is whole.

    Parameters
    ----------
    path
        The file.
    columns
        The names of the columns.
    token
        The mark of the run in the names of temporary files.

    Attributes
    ----------
    labels
        The name of the labels that the rows are about, if they are in the same image.
    pictures
        Pictures of the rows, for formats that can hold them.
    """

    labels: str = ""
    pictures: Iterable[Picture] = ()

    def __init__(self, path: Path, columns: Sequence[str], token: str = "") -> None:
        self.path, self.columns = path, tuple(columns)
        self.temporary = temporary_path(path, token)

    def append(self, rows: Columns) -> None:
        """Add rows.

        Raises
        ------
        ExportError
            If they cannot be written.
        """
        make_folder(self.path.parent)
        with writing(self.path):
            self._append({name: rows[name] for name in self.columns})

    def complete(self) -> Path:
        """Write the end of the file, and return its temporary path.

        Raises
        ------
        ExportError
            If it cannot be written.
        """
        make_folder(self.path.parent)
        with writing(self.path):
            self._close()
            sync(self.temporary)
        return self.temporary

    def publish(self, *, replace: bool) -> None:
        """Give the completed file its name.

        Raises
        ------
        OutputExistsError
            If the name is taken and ``replace`` is False.
        """
        publish(self.temporary, self.path, replace=replace)

    def abort(self) -> None:
        """Remove the temporary file, if it is there."""
        self._release()
        remove(self.temporary)

    @abstractmethod
    def _append(self, rows: Columns) -> None:
        """Write rows; the file is made before the first."""

    @abstractmethod
    def append_again(self, rows: object) -> None:
        """Add rows that were read from an earlier file of this format."""

    @abstractmethod
    def _close(self) -> None:
        """Write the end, also of a table without rows, and close the file."""

    @abstractmethod
    def _release(self) -> None:
        """Close the file; may be called several times."""


class ImageRowWriter(RowWriter):
    """The skeleton of writers of tables of one image, whose rows come at once and are written at the end."""

    def __init__(self, path: Path, columns: Sequence[str], token: str = "") -> None:
        super().__init__(path, columns, token)
        self._rows: Columns = {}

    def _append(self, rows: Columns) -> None:
        if self._rows:
            raise TypeError("the rows of a table of one image come at once")
        self._rows = rows

    def append_again(self, rows: object) -> None:
        """Do not: a table of one image is not made of an earlier one."""
        raise TypeError("a table of one image has the rows of this image")

    def _release(self) -> None:
        self._rows = {}


def parts_of(n_rows: int) -> Iterator[slice]:
    """Yield the rows that are written at once, and are a chunk in formats that have them."""
    for start in range(0, n_rows, MANY):
        yield slice(start, min(start + MANY, n_rows))


def coded(texts: NDArray[Any]) -> tuple[list[str], NDArray[np.int32]]:
    """Return each text of a column once, sorted, and the number of each row's."""
    values = texts.tolist()
    categories = sorted(set(values))
    numbers = {text: number for number, text in enumerate(categories)}
    return categories, np.fromiter((numbers[text] for text in values), np.int32, len(values))
