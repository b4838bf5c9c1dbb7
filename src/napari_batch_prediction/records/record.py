"""The ledger of a run: a file of JSON lines, written as it happens."""

import errno
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from napari_batch_prediction.classifiers.base import COUNTS
from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import BatchPredictionError, ExportError, SettingsError
from napari_batch_prediction.formats.table.writer import Cell, table_bytes
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.ledger import Ledger, LedgerRow, Table
from napari_batch_prediction.turns import Turn

SUFFIX = ".ledger.jsonl"

FORMAT = 1
"""Version of the layout of a ledger."""


class RecordExistsError(SettingsError):
    """The name of a new ledger is taken."""


class Record:
    """A ledger to be written, locked against other runs until closed.

    Parameters
    ----------
    path
        The file, which must exist if ``continued``, and must not exist otherwise.
    continued
        True to continue the ledger of an earlier run.

    Attributes
    ----------
    size
        Bytes of the whole lines that were there when it was opened.

    Raises
    ------
    RecordExistsError
        If its name is taken although ``continued`` is False.
    SettingsError
        If another run is writing to it.
    ExportError
        If it cannot be written.
    """

    def __init__(self, path: Path, *, continued: bool = False) -> None:
        self.path = path
        refuse_special(path, SettingsError)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("r+b" if continued else "x+b")
        except OSError as error:
            if isinstance(error, FileExistsError) and os.path.lexists(path):
                kind = "is a folder. Name another file" if path.is_dir() else "exists. Resume it, name another file"
                text = f"The ledger {path} {kind}, or remove it."
                raise RecordExistsError(text, setting="ledger", path=path) from None
            reason = f"{path.parent} is a file" if path.parent.is_file() else error.strerror
            raise ExportError(
                f"The ledger {path} cannot be written: {reason}. Name another file.", setting="ledger", path=path
            ) from error
        self._turn: Turn | None = None
        try:
            self._lock()
        except BatchPredictionError:
            self._file.close()
            raise
        self.size = _end_of_whole_lines(self._file)
        if self._file.seek(0, os.SEEK_END) != self.size:
            self._file.truncate(self._file.seek(self.size))
        self._synced = time.monotonic()

    def write(self, kind: str, **values: object) -> None:
        """Add a line and hand it to the system; about once a second, sync it to the disk.

        So a killed process loses nothing, and a loss of power at most about a second.

        Raises
        ------
        ExportError
            If it cannot be written.
        """
        if self._turn is not None and not self._turn.is_taken():
            raise ExportError(
                f"The ledger {self.path} is written by another run now, since this one stood still. Resume it once "
                "that has ended."
            )
        line = json.dumps({"kind": kind, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values})
        try:
            self._file.write(f"{line}\n".encode())
            self._file.flush()
            if time.monotonic() - self._synced > 1:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise ExportError(f"The ledger {self.path} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file, and unlock it for other runs."""
        # Closing retries a failed write, whose error has been raised already.
        with suppress(OSError):
            self._file.close()
        if self._turn is not None:
            self._turn.give_back()

    def _lock(self) -> None:
        """Lock the file: by the system, or where the disk has no locks, by a file beside it that says who writes."""
        taken = SettingsError(f"Another run is writing to the ledger {self.path}. Wait for it to end.")
        try:
            _lock(self._file)
        except OSError as error:
            if error.errno in _TAKEN:
                raise taken from None
        else:
            return
        sign = self.path.with_name(f".{self.path.name[-200:]}.lock")
        self._turn = Turn(sign, endless=True)
        if not self._turn.take():
            if sign.exists():
                raise taken
            raise ExportError(
                f"The ledger {self.path} cannot be locked: its disk has no locks, and {sign} cannot be made. Name "
                "another file.",
                setting="ledger",
                path=self.path,
            )


def _end_of_whole_lines(file: IO[bytes]) -> int:
    """Return the end of the last whole line; a killed run may have left part of a line."""
    file.seek(0)
    return file.read().rfind(b"\n") + 1


# What the system says of a lock that another process has.
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

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
    """One input in a ledger.

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
    beside
        The texts of the locations of its second images, by the job's field.
    """

    input: str
    own: frozenset[Path] = frozenset()
    begun: bool = False
    row: LedgerRow | None = None
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """The contents of a ledger.

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
    size
        Bytes of its whole lines.
    tokens
        The tokens in the names of the temporary files of its runs.
    hashes
        SHA-256 of the tables and summaries that its runs wrote, or were about to write.
    tables
        The file of each table that its last run wrote, by its export's name.
    """

    path: Path
    job: BatchJob
    classifier_sha256: str
    inputs: tuple[RecordedInput, ...]
    size: int = 0
    tokens: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    tables: Mapping[str, Path] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the inputs that have ended."""
        rows = tuple(item.row for item in self.inputs if item.row is not None)
        return Ledger(rows, self.path, self.tables)


def note_tables(tables: Mapping[str, Table]) -> dict[str, object]:
    """Return the tables as entries of a line; counts have an entry without columns, as in older ledgers."""
    counts = tables[COUNTS].rows if COUNTS in tables else ()
    others = {name: asdict(table) for name, table in tables.items() if name != COUNTS}
    return {"counts": counts, **({"tables": others} if others else {})}


def summary(rows: Sequence[LedgerRow]) -> bytes:
    """Return a CSV table with a line for each input."""
    lines: list[tuple[Cell, ...]] = [("input", "status", "reason", "seconds", "outputs", "count")]
    for row in rows:
        outputs = "; ".join(str(output) for output in row.outputs.values())
        lines.append((row.input, row.status, row.reason, f"{row.seconds:.2f}", outputs, row.count))
    return table_bytes(lines, end="\r\n")
