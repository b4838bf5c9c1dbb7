"""Tables of objects: columns by name, one value an object."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ObjectTable(Mapping[str, NDArray[Any]]):
    """The columns of a table of objects by their names, each an array with one value for each object.

    ``pandas.DataFrame(dict(table))`` is the same as a data frame, and ``features=dict(table)`` gives it to a layer of
    napari.

    Parameters
    ----------
    columns
        The columns, all of the same length.

    Attributes
    ----------
    n_objects
        The number of objects.
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = dict(columns)
        lengths = {len(column) for column in self._columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of a table have one length, got {sorted(lengths)}")
        self.n_objects = lengths.pop() if lengths else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"<ObjectTable: {self.n_objects} objects, {', '.join(self._columns)}>"

    def part(self, rows: slice) -> "ObjectTable":
        """Return some of the rows."""
        return ObjectTable({name: column[rows] for name, column in self._columns.items()})


def with_image(table: ObjectTable, image: str) -> ObjectTable:
    """Return a table with the name of the image as its first column."""
    return ObjectTable({"image": np.full(table.n_objects, image, object), **table})


def joined(tables: Sequence[ObjectTable]) -> ObjectTable:
    """Return the rows of tables with the same columns, one after the other; there is at least one table."""
    return ObjectTable({name: np.concatenate([table[name] for table in tables]) for name in tables[0]})


def with_classes(
    table: ObjectTable, classes: Sequence[str], probabilities: NDArray[np.float32], originals: NDArray[Any] | None
) -> ObjectTable:
    """Return a table with the class of each object, the probability of each class, and its number in a label image.

    Parameters
    ----------
    table
        A table with a column of classes, of which these take the place.
    classes
        The names of the classes.
    probabilities
        By object and class.
    originals
        The numbers in the label image, by the number of an object, with 0 for the background; None if there is none.
    """
    names = np.array([*classes, ""], object)[:-1]
    columns: dict[str, NDArray[Any]] = {}
    for name, column in table.items():
        columns[name] = names[probabilities.argmax(axis=1)] if name == "class" else column
        if name == "class":
            for k, of_class in enumerate(classes):
                columns[unused(f"probability_{of_class}", columns, "{}_{}")] = probabilities[:, k]
        if name == "label" and originals is not None:
            columns["original_label"] = originals[1:]
    return ObjectTable(columns)


def unused(name: str, columns: Container[str], numbered: str = "{} ({})") -> str:
    """Return a name for a column beside others: of two classes of one name, the second gets a number."""
    number, new = 2, name
    while new in columns:
        new, number = numbered.format(name, number), number + 1
    return new


def as_ilastik(table: ObjectTable) -> ObjectTable:
    """Return a table of classified objects with the columns that begin ilastik's own."""
    n = table.n_objects
    names = {"time": "timestep", "object": "labelimage_oid", "class": "Predicted Class"}
    columns: dict[str, NDArray[Any]] = {"object_id": np.arange(n)}
    for name, column in table.items():
        if name == "class":
            columns["User Label"] = np.full(n, "0", object)
        columns[names.get(name, name)] = column
    return ObjectTable(columns)
