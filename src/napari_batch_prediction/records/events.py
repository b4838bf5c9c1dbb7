"""What a run says while it works."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import NDArray

from napari_batch_prediction.records.ledger import Ledger, LedgerRow


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """The run begins. Tiles of inputs that fail in the plan are not counted."""

    n_files: int
    n_tiles: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know while waiting, as a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class FileStarted:
    """The tiles of one input are being worked on."""

    index: int
    n_tiles: int


@dataclass(frozen=True, slots=True)
class TileDone:
    """One more tile is predicted and written."""

    index: int
    done: int
    n_tiles: int
    batch_done: int
    batch_tiles: int


@dataclass(frozen=True, slots=True)
class FileFinished:
    """One input has reached its end, good or bad.

    Attributes
    ----------
    index, row
        Which, and what happened.
    arrays
        For an input in memory, what was predicted: the values of each export of an image, by its name and in the
        order of the plan, in the axes that a file would have. They are nowhere else.
    """

    index: int
    row: LedgerRow
    arrays: Mapping[str, NDArray] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """The last event of every run."""

    ledger: Ledger


Event = BatchStarted | Notice | FileStarted | TileDone | FileFinished | BatchFinished
