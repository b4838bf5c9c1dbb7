"""The record of what happened to each input."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from napari_batch_prediction.errors import BatchPredictionError

Status = Literal["done", "failed", "skipped", "cancelled"]

CANCELLED = "The run was cancelled."


class Written(NamedTuple):
    """An output when it was written: its files (one, or those of a sequence), their bytes and their SHA-256."""

    paths: tuple[Path, ...]
    size: int
    sha256: str


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
    """

    input: str
    status: Status
    reason: str = ""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    trace: str = ""
    written: Mapping[str, Written] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """What happened to every input of a run, in the order of the inputs.

    Attributes
    ----------
    rows
        One for each input.
    path
        The file with the record of the run, from which it can be resumed; None if nothing was run.
    """

    rows: tuple[LedgerRow, ...]
    path: Path | None = None

    def count(self, status: Status) -> int:
        """Return the number of inputs with this status."""
        return sum(row.status == status for row in self.rows)


def explain(error: BaseException) -> tuple[str, str]:
    """Return why something failed, as a sentence, and the stack trace if it was not foreseen."""
    if isinstance(error, MemoryError):
        return f"Not enough memory. Use fewer workers. {error}".strip(), ""
    if isinstance(error, (BatchPredictionError, OSError)):
        return str(error), ""
    return f"Unexpected {type(error).__name__}: {error}", "".join(traceback.format_exception(error))
