"""The record of what happened to each input."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum
from pathlib import Path
from typing import Literal, NamedTuple

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.problems import Problem

Status = Literal["done", "failed", "skipped", "cancelled"]

CANCELLED = "The run was cancelled."


class Written(NamedTuple):
    """An output when it was written: its files (one, or those of a sequence), their bytes and their SHA-256."""

    paths: tuple[Path, ...]
    size: int
    sha256: str


class Count(NamedTuple):
    """How many objects there are in one time point of an image: the sum of the density.

    Attributes
    ----------
    time
        Index of the time point, from 0.
    whole
        Over the whole image.
    region
        Over the region asked for; None if that does not contain the time point.
    """

    time: int
    whole: float
    region: float | None


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
    counts
        How many objects there are in each time point, if the batch counts.
    """

    input: str
    status: Status
    reason: str = ""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    trace: str = ""
    written: Mapping[str, Written] = field(default_factory=dict)
    counts: tuple[Count, ...] = ()

    @property
    def count(self) -> float | None:
        """The number of objects in all time points; None if the batch does not count or the input is not done."""
        return fsum(count.whole for count in self.counts) if self.counts else None


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
