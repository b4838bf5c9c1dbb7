"""Writing and reading tables as text, part by part."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import MissingLibraryError
from napari_batch_prediction.formats.common.files import writing
from napari_batch_prediction.formats.common.rows import Columns, RowWriter, TableReader
from napari_batch_prediction.formats.table.writer import as_bytes, line_of
from napari_batch_prediction.wording import harmless, plain

# Rows that become text at once, and rows whose columns are read at once.
_MANY = 2**14
_MANY_TO_READ = 2**16


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
            file.write(as_bytes("\n".join(map(",".join, zip(*texts, strict=True)))))
            file.write(b"\n")

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


class CsvReader(TableReader):
    """Reads a table as text. Columns are read by pandas, which napari installs: it passes over others fast."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._as_text() as file:
            lines = csv.reader(file)
            self.columns = tuple(map(plain, next(lines, [])))
            self._has_rows = next(lines, None) is not None

    def _parts(self, numbers: Sequence[str], texts: Sequence[str]) -> Iterator[Columns]:
        try:
            import pandas as pd
        except ImportError:
            raise MissingLibraryError("A column of a table needs pandas. Install it: pip install pandas.") from None
        if not self._has_rows:
            return
        of_numbers = {name: self.columns.index(name) for name in numbers}
        of_texts = {name: self.columns.index(name) for name in texts}
        wanted = of_numbers | of_texts
        with pd.read_csv(
            self.path,
            # By number, as pandas gives equal names others.
            names=range(len(self.columns)),
            header=0,
            usecols=sorted(wanted.values()),
            dtype=dict.fromkeys(of_numbers.values(), np.float64) | dict.fromkeys(of_texts.values(), "category"),
            keep_default_na=False,
            na_values={i: ["", "nan"] for i in of_numbers.values()},
            # Whatever the bytes are: pandas has no surrogates.
            encoding="latin-1",
            chunksize=_MANY_TO_READ,
        ) as parts:
            for part in parts:
                yield {name: part[i].to_numpy() for name, i in of_numbers.items()} | {
                    name: _plain(part[i].cat) for name, i in of_texts.items()
                }

    def runs(self) -> Iterator[tuple[str, object]]:
        """Yield each run of lines with the same image: its name, and their cells."""
        at = self.columns.index("image")
        with self._as_text() as file:
            lines = islice(csv.reader(file), 1, None)
            while some := list(islice(lines, _MANY)):
                for name, run in groupby(some, key=itemgetter(at)):
                    yield plain(name), list(run)

    def _as_text(self) -> io.TextIOWrapper:
        return self.path.open(encoding="utf-8", errors="surrogateescape", newline="")


def _plain(column: Any) -> NDArray[Any]:
    """Return the texts of a categorical column of pandas, without what makes them harmless."""
    cells = [text.encode("latin-1").decode(errors="surrogateescape") for text in map(str, column.categories)]
    categories = np.array([*map(plain, cells), ""], object)[:-1]
    texts: NDArray[Any] = categories[column.codes.to_numpy()]
    return texts
