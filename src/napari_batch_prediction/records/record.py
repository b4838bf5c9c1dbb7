"""The record of a run: a file of JSON lines, written as it happens."""

import csv
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS
from napari_batch_prediction.errors import ExportError, SettingsError
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.ledger import LedgerRow, Table, Written

FORMAT = 1
"""Version of the layout of a record."""

SUFFIX = ".ledger.jsonl"


class Record:
    """A record to be written, locked against other runs until closed.

    Parameters
    ----------
    path
        The file, which must exist if ``continued``, and must not exist otherwise.
    continued
        True to continue the record of an earlier run.

    Raises
    ------
    SettingsError
        If the file exists although ``continued`` is False, or another run is writing to it.
    ExportError
        If it cannot be written.
    """

    def __init__(self, path: Path, *, continued: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("r+b" if continued else "x+b")
        except FileExistsError:
            raise SettingsError(
                f"The record {path} exists. Resume it, name another file, or remove it.", setting="ledger", path=path
            ) from None
        except OSError as error:
            raise ExportError(
                f"The record {path} cannot be written: {error.strerror}. Name another file.",
                setting="ledger",
                path=path,
            ) from error
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise SettingsError(f"Another run is writing to the record {path}. Wait for it to end.") from None
        self._file.seek(_end_of_whole_lines(self._file))
        self._file.truncate()
        self._synced = time.monotonic()

    def write(self, kind: str, **values: object) -> None:
        """Add a line and hand it to the system; about once a second, sync it to the disk.

        So a killed process loses nothing, and a loss of power at most about a second.

        Raises
        ------
        ExportError
            If it cannot be written.
        """
        line = json.dumps({"kind": kind, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values})
        try:
            self._file.write(f"{line}\n".encode())
            self._file.flush()
            if time.monotonic() - self._synced > 1:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise ExportError(f"The record {self.path} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file, and unlock it for other runs."""
        # Closing retries a failed write, whose error has been raised already.
        with suppress(OSError):
            self._file.close()


def _end_of_whole_lines(file: IO[bytes]) -> int:
    """Return the end of the last whole line; a killed run may have left part of a line."""
    file.seek(0)
    return file.read().rfind(b"\n") + 1


if os.name == "nt":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(2**30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass
class RecordedInput:
    """One input in a record.

    Attributes
    ----------
    input
        The text of its location.
    own
        Paths of outputs that did not exist before the run, so that files there now are the run's own.
    begun
        True if its prediction began.
    row
        Its outcome; None if it did not end.
    """

    input: str
    own: frozenset[Path] = frozenset()
    begun: bool = False
    row: LedgerRow | None = None


@dataclass(frozen=True)
class Recorded:
    """The contents of a record.

    Attributes
    ----------
    path
        The file.
    job
        The job.
    classifier_sha256
        Hash of the classifier.
    inputs
        The inputs, in their order.
    """

    path: Path
    job: BatchJob
    classifier_sha256: str
    inputs: tuple[RecordedInput, ...]


def read_record(path: Path) -> Recorded:
    """Read the record of a run, finished or not; an incomplete last line is ignored.

    Raises
    ------
    SettingsError
        If the file is missing or is not a record.
    """
    job, classifier_hash = None, ""
    inputs: dict[int, RecordedInput] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            kind = line["kind"]
            if kind == "run":
                if line["format"] != FORMAT:
                    raise ValueError(f"format {line['format']}, expected {FORMAT}")
                job, classifier_hash = BatchJob.model_validate(line["job"]), line["classifier_sha256"]
            elif kind == "input" and line["index"] not in inputs:
                outputs = line["outputs"].values()
                own = frozenset(Path(path) for output in outputs for path in output["new"])
                inputs[line["index"]] = RecordedInput(input=line["input"], own=own)
            elif kind == "begin":
                inputs[line["index"]].begun = True
            elif kind == "end":
                inputs[line["index"]].row = _row(inputs[line["index"]].input, line)
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"Line {number} of {path} is not one of a record: {error}.") from error
    if job is None:
        raise SettingsError(
            f"{path} is not the record of a run: it does not begin with a run. Choose a file *{SUFFIX}."
        )
    return Recorded(
        path=path,
        job=job,
        classifier_sha256=classifier_hash,
        inputs=tuple(inputs[i] for i in sorted(inputs)),
    )


def _row(name: str, line: Mapping[str, Any]) -> LedgerRow:
    outputs = {source: Path(output["path"]) for source, output in line["outputs"].items()}
    written = {
        source: Written(paths=tuple(map(Path, output["files"])), size=output["size"], sha256=output["sha256"])
        for source, output in line["outputs"].items()
    }
    return LedgerRow(
        input=name,
        status=line["status"],
        reason=line["reason"],
        outputs=outputs,
        seconds=line["seconds"],
        trace=line["trace"],
        written=written,
        tables=_read_tables(line),
    )


def note_tables(tables: Mapping[str, Table]) -> dict[str, object]:
    """Return the tables as entries of a line; counts have an entry without columns, as in older records."""
    counts = tables[COUNTS].rows if COUNTS in tables else ()
    others = {name: asdict(table) for name, table in tables.items() if name != COUNTS}
    return {"counts": counts, **({"tables": others} if others else {})}


def _read_tables(line: Mapping[str, Any]) -> dict[str, Table]:
    # Older records may have no counts.
    counts = {COUNTS: {"columns": COUNT_COLUMNS, "rows": line["counts"]}} if line.get("counts") else {}
    tables = {**counts, **line.get("tables", {})}
    return {name: Table(tuple(table["columns"]), tuple(map(_numbers, table["rows"]))) for name, table in tables.items()}


def _numbers(values: Iterable[Any]) -> tuple[float | None, ...]:
    return tuple(value if value is None or isinstance(value, int) else float(value) for value in values)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The record {path} cannot be read: {error.strerror}.") from error
    whole = content[: content.rfind(b"\n") + 1]
    for number, text in enumerate(whole.splitlines(), start=1):
        try:
            yield json.loads(text)
        except ValueError as error:
            raise SettingsError(f"Line {number} of {path} is not one of a record: {error}.") from error


def write_summary(path: Path, rows: Sequence[LedgerRow]) -> None:
    """Write a CSV table with a line for each input.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    try:
        # Bytes of names that are not UTF-8 stay as they are.
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            table = csv.writer(file)
            table.writerow(("input", "status", "reason", "seconds", "outputs", "count"))
            for row in rows:
                outputs = "; ".join(str(output) for output in row.outputs.values())
                count = "" if row.count is None else str(row.count)
                table.writerow((row.input, row.status, row.reason, f"{row.seconds:.2f}", outputs, count))
    except OSError as error:
        raise ExportError(f"The summary {path} cannot be written: {error.strerror}.") from error
