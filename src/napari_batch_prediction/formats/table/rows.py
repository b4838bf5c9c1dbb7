"""Writing tables as text, column by column and part by part."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.files import writing
from napari_batch_prediction.formats.common.rows import Columns, RowWriter
from napari_batch_prediction.formats.table.writer import as_bytes, line_of
from napari_batch_prediction.wording import harmless, plain

# Rows that become text at once.
_MANY = 2**14


class CsvRows(RowWriter):
    """Writes a table as text: numbers as Python writes them, nothing for NaN, no text that a spreadsheet runs."""

    def __init__(self, path: Path, columns: Sequence[str], token: str = "") -> None:
        super().__init__(path, columns, token)
        self._file: io.BufferedWriter | None = None

    def _open(self) -> io.BufferedWriter:
        if self._file is None:
            self._file = self.temporary.open("xb")
            self._file.write(as_bytes(line_of([*map(harmless, self.columns)]) + "\n"))
        return self._file

    def _append(self, rows: Columns) -> None:
        file = self._open()
        n = len(next(iter(rows.values()), ()))
        for start in range(0, n, _MANY):
            texts = [self._texts(column[start : start + _MANY]) for column in rows.values()]
            file.write(as_bytes("".join(",".join(line) + "\n" for line in zip(*texts, strict=True))))

    def _texts(self, column: NDArray[Any]) -> list[str]:
        """Return the cells of a column as text."""
        return texts_of(column)

    def append_again(self, rows: object) -> None:
        """Add lines of an earlier file."""
        lines = cast("Iterable[Sequence[str]]", rows)
        with writing(self.path):
            # Their texts are harmless already.
            self._open().write(as_bytes("".join(line_of(cells) + "\n" for cells in lines)))

    def _close(self) -> None:
        self._open()
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()


def texts_of(column: NDArray[Any]) -> list[str]:
    """Return the cells of a column as text: floats with the digits that their type has, nothing for NaN."""
    if column.dtype == np.float64:
        return ["" if value != value else repr(value) for value in column.tolist()]
    if column.dtype.kind == "f":
        return ["" if text == "nan" else text for text in column.astype(str).tolist()]
    if column.dtype.kind in "iub":
        return list(map(str, column.tolist()))
    # Texts are the same again and again.
    texts = {text: line_of([harmless(text)]) if text else "" for text in set(column.tolist())}
    return [texts[text] for text in column.tolist()]


def csv_rows(path: Path) -> tuple[list[str], Iterator[tuple[str, object]]]:
    """Return the columns of a table as text, and its rows by image, as a row reader does."""
    with _as_text(path) as file:
        columns = next(csv.reader(file), [])
    return columns, _runs(path, columns.index("image"))


def _runs(path: Path, at: int) -> Iterator[tuple[str, object]]:
    """Yield each run of lines with the same image, whose name is in this column: the name, and their cells."""
    with _as_text(path) as file:
        lines = islice(csv.reader(file), 1, None)
        while some := list(islice(lines, _MANY)):
            for name, run in groupby(some, key=itemgetter(at)):
                yield plain(name), list(run)


def _as_text(path: Path) -> io.TextIOWrapper:
    return path.open(encoding="utf-8", errors="surrogateescape", newline="")
