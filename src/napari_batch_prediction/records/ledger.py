"""The ledger in memory: a row with the outcome of each input."""

import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from math import fsum
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from napari_batch_prediction.classifiers.base import COUNT
from napari_batch_prediction.errors import BatchPredictionError, MissingLibraryError
from napari_batch_prediction.formats.table.writer import Cell
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import count, shortened

Status = Literal["done", "failed", "problem", "skipped", "cancelled"]

BAD: tuple[Status, ...] = ("failed", "problem")
"""The statuses of inputs that have no outputs although they were wanted."""

_LONGEST_TRACE = 20_000

CANCELLED = "The run was cancelled."


class Written(NamedTuple):
    """The state of an output when written: its file or files, their size in bytes and their SHA-256."""

    paths: tuple[Path, ...]
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of one image.

    Attributes
    ----------
    columns
        Names of the columns.
    rows
        A cell for each column of each row.

    Raises
    ------
    ValueError
        If a row is not as long as the columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row does not fit the columns {', '.join(self.columns)}")

    def column(self, name: str) -> tuple[Cell, ...]:
        """Return the cells of a column; none if there is no such column."""
        return tuple(row[self.columns.index(name)] for row in self.rows) if name in self.columns else ()


@dataclass(frozen=True)
class LedgerRow:
    """The outcome of one input.

    Attributes
    ----------
    input
        The text of its location.
    status
        ``"done"``; ``"failed"`` if it was begun and could not be finished; ``"problem"`` if the plan found that it
        cannot be predicted, so that it was not begun; ``"skipped"`` or ``"cancelled"``.
    reason
        Reason why it is not done; empty if it is.
    outputs
        The file, or the pattern of a sequence of files, of each whole output, by its export's name.
    seconds
        Wall time from opening the input to its last output.
    trace
        Stack trace of an unexpected failure; else empty.
    written
        Files, size and hash of each output, by its export's name.
    tables
        Tables of the image, by source.
    beside
        The hash of the pixels of each second image that was read, such as a mask, by the job's field.
    arrays
        The values of each export of an image in memory, by its export's name, of a job that ran in Python; else empty.
    """

    input: str
    status: Status
    reason: str = ""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    trace: str = ""
    written: Mapping[str, Written] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def column(self, name: str) -> tuple[Cell, ...]:
        """Return the cells of a column in the first table that has it; empty if none has."""
        return next(filter(None, (table.column(name) for table in self.tables.values())), ())

    @property
    def counts(self) -> tuple[float, ...]:
        """The number of objects at each time point; empty if the batch does not count or the input is not done."""
        return tuple(count for count in self.column(COUNT) if isinstance(count, float | int))

    @property
    def count(self) -> float | None:
        """The number of objects at all time points; None if the batch does not count or the input is not done."""
        if not self.counts:
            return None
        # Numbers of objects are whole, sums of densities are not.
        return sum(self.counts) if all(isinstance(count, int) for count in self.counts) else fsum(self.counts)


@dataclass(frozen=True, repr=False)
class Ledger:
    """The outcome of a run: a row for each input.

    Iterating goes through the rows; ``print`` shows them as a table.

    Attributes
    ----------
    rows
        One row for each input, in their order.
    path
        File of the ledger, from which the run can be resumed; None if nothing was run, or only images
        in memory.
    tables
        The file of each written table, by its export's name.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> ledger = nbp.BatchJob("nuclei.ilp", ["nuclei_01.png", "gone.png"], folder="results").run()
    >>> ledger
    <Ledger: 2 inputs: 1 done, 1 with a problem>
    >>> for row in ledger:
    ...     print(row.input, row.status, row.reason)
    nuclei_01.png done
    gone.png problem There is no file 'gone.png'. Check its name and folder.
    >>> ledger.to_dataframe()[["input", "status"]].to_dict("list")
    {'input': ['nuclei_01.png', 'gone.png'], 'status': ['done', 'problem']}
    """

    rows: tuple[LedgerRow, ...]
    path: Path | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)

    def __iter__(self) -> Iterator[LedgerRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> LedgerRow:
        return self.rows[index]

    def __repr__(self) -> str:
        return (
            f"<Ledger: {count(len(self.rows), 'input')}: {totals(Counter(row.status for row in self.rows)) or 'none'}>"
        )

    def __str__(self) -> str:
        # By name: data do not depend on code that shows them.
        return str(import_module("napari_batch_prediction.report").ledger_text(self))

    def count(self, *statuses: Status) -> int:
        """Return the number of inputs with this status, or with one of several."""
        return sum(row.status in statuses for row in self.rows)

    def to_dataframe(self) -> Any:
        """Return a pandas ``DataFrame`` with a row for each input.

        Its columns are ``input``, ``status``, ``reason``, ``seconds``; ``count``, the number of objects at all time
        points, if the batch counts; and the file of each output, as text, by its export's name.

        Raises
        ------
        MissingLibraryError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingLibraryError("A data frame needs pandas. Install it: pip install pandas.") from None
        names = dict.fromkeys(name for row in self.rows for name in row.outputs)
        has_counts = any(row.count is not None for row in self.rows)
        columns = {
            "input": [row.input for row in self.rows],
            "status": [row.status for row in self.rows],
            "reason": [row.reason for row in self.rows],
            "seconds": [row.seconds for row in self.rows],
            **({"count": [row.count for row in self.rows]} if has_counts else {}),
            **{name: [str(row.outputs.get(name, "")) for row in self.rows] for name in names},
        }
        return pd.DataFrame(columns)


def totals(numbers: Mapping[Status, int]) -> str:
    """Return how many inputs ended in each status, as in ``3 done, 1 failed, 2 with a problem``."""
    names = {status: "with a problem" if status == "problem" else status for status in get_args(Status)}
    return ", ".join(f"{numbers[status]} {name}" for status, name in names.items() if numbers.get(status))


def explain(error: BaseException) -> tuple[Problem, str]:
    """Return an error as a problem, with the stack trace if it is unexpected, else an empty text."""
    if isinstance(error, MemoryError):
        return Problem.of(error, f"Not enough memory. Use fewer workers. {error}".strip()), ""
    if isinstance(error, (BatchPredictionError, OSError)):
        return Problem.of(error), ""
    text = f"Unexpected {type(error).__name__}{_message(error)}"
    return Problem.of(error, text), shortened("".join(traceback.format_exception(error)), _LONGEST_TRACE)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as fault:  # a fault in the error's own class must not hide the error
        text = f"it has no message, because of {type(fault).__name__}"
    return f": {text}" if text else ""
