"""Writing and reading tables as Parquet, by pyarrow (the extra ``parquet``)."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.files import make_folder, writing
from napari_batch_prediction.formats.common.rows import Columns, RowWriter, TableReader

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

# Rows of a row group.
_MANY = 2**17


class ParquetRows(RowWriter):
    """Writes a table as Parquet: NaN is null, texts are strings."""

    def __init__(self, path: Path, columns: Sequence[str], token: str = "") -> None:
        super().__init__(path, columns, token)
        self._writer: pyarrow.parquet.ParquetWriter | None = None

    def _append(self, rows: Columns) -> None:
        import pyarrow

        for start in range(0, max(1, len(rows[self.columns[0]])), _MANY):
            arrays = {}
            for name, column in rows.items():
                kind = pyarrow.string() if column.dtype.kind in "OU" else pyarrow.from_numpy_dtype(column.dtype)
                part = np.ascontiguousarray(column[start : start + _MANY])
                arrays[name] = pyarrow.array(part, kind, from_pandas=True)
            self._write(pyarrow.table(arrays))

    def append_again(self, rows: object) -> None:
        """Add rows of an earlier file."""
        make_folder(self.path.parent)
        with writing(self.path):
            self._write(cast("pyarrow.Table", rows))

    def _write(self, table: "pyarrow.Table") -> None:
        import pyarrow.parquet

        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self.temporary, table.schema)
        self._writer.write_table(table, row_group_size=_MANY)

    def _close(self) -> None:
        import pyarrow

        if self._writer is None:
            self._write(pyarrow.table({name: pyarrow.array([], pyarrow.null()) for name in self.columns}))
        self._release()

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.close()


class ParquetReader(TableReader):
    """Reads a table as Parquet."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        super().__init__(path)
        self.columns = tuple(pyarrow.parquet.read_schema(path).names)

    def _parts(self, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Columns]:
        for part in self._batches([*numbers, *texts]):
            found: dict[str, NDArray[Any]] = {}
            for name in numbers:
                column = part.column(name)
                if column.type == "string":
                    raise ValueError(f"its column {name} has texts, not numbers")
                found[name] = column.to_numpy().astype(np.float64, copy=False)
            for name in texts:
                column = part.column(name).combine_chunks().dictionary_encode()
                each = np.array([*column.dictionary.to_pylist(), ""], object)[:-1]
                found[name] = each[column.indices.to_numpy()]
            yield found

    def runs(self) -> Iterator[tuple[str, object]]:
        """Yield each run of rows with the same image: its name, and the rows."""
        for table in self._batches():
            start = 0
            for name, run in groupby(table.column("image").to_pylist()):
                n = sum(1 for _ in run)
                yield name, table.slice(start, n)
                start += n

    def _batches(self, columns: Sequence[str] | None = None) -> "Iterator[pyarrow.Table]":
        import pyarrow
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_MANY, columns=columns):
                yield pyarrow.Table.from_batches([batch])
