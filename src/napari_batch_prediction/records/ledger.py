"""The record of what happened to each input."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum
from pathlib import Path
from typing import Literal, NamedTuple

from napari_batch_prediction.classifiers.base import COUNT
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.problems import Problem

Status = Literal["done", "failed", "skipped", "cancelled"]

CANCELLED = "The run was cancelled."


class Written(NamedTuple):
    """An output when it was written: its files (one, or those of a sequence), their bytes and their SHA-256."""

    paths: tuple[Path, ...]
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of numbers that was made of one image.

    Attributes
    ----------
    columns
        Their names.
    rows
        One number for each column; None where there is none.

    Raises
    ------
    ValueError
        If a row is not as long as the columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[float | None, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row does not fit the columns {', '.join(self.columns)}")

    def column(self, name: str) -> tuple[float | None, ...]:
        """Return the numbers of a column; none if there is no such column."""
        return tuple(row[self.columns.index(name)] for row in self.rows) if name in self.columns else ()


@dataclass(frozen=True)
class LedgerRow:
    """What happened to one input.

    Attributes
    ----------
    input
        The input as the user named it.
    status
        ``"done"``, ``"failed"``, ``"skipped"`` or ``"cancelled"``.
    reason
        Why it is not done; empty if it is.
    outputs
        The file written for each source, or the pattern of a sequence of files; only what is whole.
    seconds
        Wall time from opening the input to its last output.
    trace
        The whole stack trace of an unexpected failure; empty otherwise.
    written
        Files, size and hash of the output written for each source.
    tables
        The tables of the image, by the names of their sources.
    """

    input: str
    status: Status
    reason: str = ""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    trace: str = ""
    written: Mapping[str, Written] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)

    def column(self, name: str) -> tuple[float | None, ...]:
        """Return the numbers in a column of its tables, of the first that has such a column."""
        return next(filter(None, (table.column(name) for table in self.tables.values())), ())

    @property
    def counts(self) -> tuple[float, ...]:
        """The number of objects in each time point; none if the batch does not count or the input is not done."""
        return tuple(count for count in self.column(COUNT) if count is not None)

    @property
    def count(self) -> float | None:
        """The number of objects in all time points; None if the batch does not count or the input is not done."""
        return fsum(self.counts) if self.counts else None


@dataclass(frozen=True)
class Ledger:
    """What happened to every input of a run, in the order of the inputs.

    Attributes
    ----------
    rows
        One for each input.
    path
        The file with the record of the run, from which it can be resumed; None if nothing was run, or only images
        in memory were.
    tables
        The file of each table that was written, by the name of its export.
    """

    rows: tuple[LedgerRow, ...]
    path: Path | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)

    def count(self, status: Status) -> int:
        """Return the number of inputs with this status."""
        return sum(row.status == status for row in self.rows)


def explain(error: BaseException) -> tuple[Problem, str]:
    """Return why something failed, and the stack trace if it was not foreseen."""
    if isinstance(error, MemoryError):
        return Problem.of(error, f"Not enough memory. Use fewer workers. {error}".strip()), ""
    if isinstance(error, (BatchPredictionError, OSError)):
        return Problem.of(error), ""
    text = f"Unexpected {type(error).__name__}{_message(error)}"
    return Problem.of(error, text), "".join(traceback.format_exception(error))


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as fault:  # of the class of the error: what went wrong is said all the same
        text = f"it has no message, because of {type(fault).__name__}"
    return f": {text}" if text else ""
