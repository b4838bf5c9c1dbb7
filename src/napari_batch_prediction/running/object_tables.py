"""Writing the tables of objects of a batch as its images end: in the order of the plan, without keeping all rows."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.rows import RowWriter, coded
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.table.choice import row_writer, table_reader
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.objects.table import ObjectTable, with_image
from napari_batch_prediction.planning.folders import nearest
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.running.recorder import Recorder
from napari_batch_prediction.running.tables import publish_table


class ObjectTables:
    """The tables of objects of a batch.

    Parameters
    ----------
    plan
        The checked job.
    token
        The mark of the run in the names of temporary files.
    """

    def __init__(self, plan: Plan, token: str) -> None:
        self._plan, self._token = plan, token
        self._next = 0
        self._ended: dict[int, LedgerRow] = {}
        self._waiting = _Waiting([*plan.tables.values()])
        exports = [export for export in plan.exports if export.of_objects and export.name in plan.tables]
        self._tables = {export.name: _Table(plan, export.name, token) for export in exports}

    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def end(self, index: int, row: LedgerRow, table: ObjectTable | None) -> None:
        """Take the table of an image that has ended; None if it has none."""
        if not self._tables:
            return
        self._ended[index] = row
        if table is not None and row.status == "done":
            if index == self._next:
                self._add(row, table)
            else:
                self._waiting.put(index, table)
        while self._next in self._ended:
            row = self._ended.pop(self._next)
            if (late := self._waiting.take(self._next)) is not None:
                self._add(row, late)
            elif self._plan.rows[self._next].kept is not None and row.status == "done":
                for each in self._tables.values():
                    each.add_kept(row)
            self._next += 1

    def write(self, name: str, recorder: Recorder | None) -> bool:
        """Complete a table and give it its name; return True if it was written.

        Raises
        ------
        ExportError
            If it cannot be written, or could not before.
        """
        return self._tables[name].finish(recorder)

    def close(self) -> None:
        """Remove temporary files."""
        self._waiting.close()
        for table in self._tables.values():
            table.close()

    def _add(self, row: LedgerRow, table: ObjectTable) -> None:
        for each in self._tables.values():
            each.add(with_image(table, absolute(row.input)))


class _Table:
    """One table; its first error is kept until it is finished, so that images go on."""

    def __init__(self, plan: Plan, name: str, token: str) -> None:
        self._path = plan.tables[name]
        self._may_replace = plan.job.existing == "overwrite"
        (self._export,) = (export for export in plan.exports if export.name == name)
        self._token = token
        self._writer: RowWriter | None = None
        self._error: ExportError | None = None
        kept = {absolute(row.input) for row in plan.rows if row.kept is not None and row.kept.status == "done"}
        self._earlier: _Earlier | None = None
        try:
            self._earlier = _Earlier(self._path, self._export.format, kept) if kept else None
        except (OSError, ValueError) as error:
            self._error = ExportError(f"{self._path} cannot be read: {error}")

    def add(self, table: ObjectTable) -> None:
        try:
            if self._writer is None:
                self._writer = row_writer(self._export.format, self._path, [*table], self._token)
            self._writer.append(table)
        except ExportError as error:
            self._error = self._error or error

    def add_kept(self, row: LedgerRow) -> None:
        """Add the rows that an earlier part of the run has written for an image."""
        try:
            if self._earlier is None:
                return
            if self._writer is None:
                self._writer = row_writer(self._export.format, self._path, self._earlier.columns, self._token)
            for rows in self._earlier.rows_of(absolute(row.input)):
                self._writer.append_again(rows)
        except (ExportError, OSError, ValueError) as error:
            self._error = self._error or ExportError(f"{self._path} cannot be read: {error}")

    def finish(self, recorder: Recorder | None) -> bool:
        if self._error is not None:
            raise self._error
        if self._writer is None:
            return False
        publish_table(self._writer, recorder, may_replace=self._may_replace)
        return True

    def close(self) -> None:
        if self._writer is not None:
            with suppress(ExportError):
                self._writer.abort()


class _Earlier:
    """The rows of a table that an earlier part of the run has written, in the order of its images."""

    def __init__(self, path: Path, export_format: ExportFormat, kept: set[str]) -> None:
        reader = table_reader(export_format, path)
        self.columns, self._rows = reader.columns, reader.runs()
        self._kept = kept
        self._waiting: tuple[str, object] | None = None

    def rows_of(self, image: str) -> Iterator[object]:
        """Yield the rows of an image; images come in their order."""
        while True:
            self._waiting = self._waiting or next(self._rows, None)
            if self._waiting is None:
                return
            name, rows = self._waiting
            if name != image and name in self._kept:
                return
            self._waiting = None
            if name == image:
                yield rows


class _Waiting:
    """Tables that came before their turn, in a temporary file."""

    def __init__(self, paths: list[Path]) -> None:
        self._folder = nearest(paths[0].parent) if paths else None
        self._file: IO[bytes] | None = None
        self._places: dict[int, int] = {}

    def put(self, index: int, table: ObjectTable) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by close
        file = self._file
        self._places[index] = file.seek(0, os.SEEK_END)
        file.write(f"{json.dumps([(name, column.dtype == object) for name, column in table.items()])}\n".encode())
        for column in table.values():
            if column.dtype != object:
                np.save(file, column, allow_pickle=False)
                continue
            # Texts without pickles: each once, and the number of each row's.
            texts, numbers = coded(column)
            file.write(f"{json.dumps(texts)}\n".encode())
            np.save(file, numbers, allow_pickle=False)

    def take(self, index: int) -> ObjectTable | None:
        if self._file is None or index not in self._places:
            return None
        file = self._file
        file.seek(self._places.pop(index))
        columns = {}
        for name, is_text in json.loads(file.readline()):
            texts = np.array(json.loads(file.readline()), object) if is_text else None
            values = np.load(file, allow_pickle=False)
            columns[name] = values if texts is None else texts[values]
        if not self._places:
            file.truncate(0)
        return ObjectTable(columns)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
