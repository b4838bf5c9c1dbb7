"""Events of a run, in the order of their happening."""

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
    """A sentence for the user while waiting."""

    text: str


@dataclass(frozen=True, slots=True)
class FileStarted:
    """Work on the tiles of one input begins."""

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
    """One input has ended, in any status.

    Attributes
    ----------
    index, row
        The index of the input, and its row of the ledger.
    arrays
        The outputs of an input in memory, which are stored nowhere else: the values of each export of an image, by its
        name and in the order of the plan, with the axes of a file.
    """

    index: int
    row: LedgerRow
    arrays: Mapping[str, NDArray] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """The last event of every run."""

    ledger: Ledger


Event = BatchStarted | Notice | FileStarted | TileDone | FileFinished | BatchFinished
