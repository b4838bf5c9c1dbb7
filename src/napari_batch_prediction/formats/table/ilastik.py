"""Tables of objects as ilastik lays them out: as text, and in HDF5."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.rows import Columns, ImageRowWriter, TableReader, coded, parts_of
from napari_batch_prediction.formats.table.rows import CsvRows, texts_of

_NAME = "table"


class IlastikRows(CsvRows):
    """Writes a table as text with numbers as ilastik writes them: ``nan`` as such."""

    def _texts(self, column: NDArray[Any]) -> list[str]:
        return column.astype(str).tolist() if column.dtype.kind == "f" else texts_of(column)


class IlastikHdf5Rows(ImageRowWriter):
    """Writes a table as one dataset of HDF5 with a field for each column, and pictures beside it."""

    def _close(self) -> None:
        columns = {name: _bytes(column) if column.dtype == object else column for name, column in self._rows.items()}
        n = len(next(iter(columns.values())))
        kind = [(name, column.dtype) for name, column in columns.items()]
        with h5py.File(self.temporary, "x") as file:
            table = file.create_dataset(_NAME, (n,), kind)
            for rows in parts_of(n):
                part = np.empty(rows.stop - rows.start, kind)
                for name, column in columns.items():
                    part[name] = column[rows]
                table[rows] = part
            for picture in self.pictures:
                dataset = file.create_dataset(picture.path, picture.shape, picture.dtype)
                dataset.attrs.update(picture.attributes)
                for region, values in picture.parts:
                    dataset[region] = values


class IlastikHdf5Reader(TableReader):
    """Reads a table that is one dataset of HDF5 with a field for each column."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with h5py.File(path) as file:
            table = file.get(_NAME)
            if not isinstance(table, h5py.Dataset) or table.dtype.names is None:
                raise ValueError(f"it has no table '{_NAME}'")
            self.columns = table.dtype.names

    def _parts(self, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Columns]:
        with h5py.File(self.path) as file:
            rows = file[_NAME].fields([*numbers, *texts])[()]
        found = {name: rows[name].astype(np.float64) for name in numbers}
        yield found | {name: np.array([text.decode() for text in rows[name].tolist()], object) for name in texts}

    def runs(self) -> Iterator[tuple[str, object]]:
        """Do not: these tables are of one image each."""
        raise TypeError("a table of ilastik has the rows of one image")


def _bytes(column: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return texts as bytes of equal length, at least one, in UTF-8."""
    categories, codes = coded(column)
    encoded = [text.encode() for text in categories]
    return np.array(encoded, f"S{max([1, *map(len, encoded)])}")[codes]
