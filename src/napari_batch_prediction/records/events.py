"""Events of a run, in the order of their happening."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_batch_prediction.records.ledger import Ledger, LedgerRow


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """The run begins.

    Attributes
    ----------
    n_files
        The number of inputs to predict, without those that have a problem or are skipped or kept.
    n_tiles, n_pixels
        The number of their tiles, and of the pixels in these. The work on a pixel is much the same for all inputs.
    """

    n_files: int
    n_tiles: int
    n_pixels: int


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
    """One more tile is predicted and written.

    Attributes
    ----------
    index
        The index of the input.
    done, n_tiles
        The number of its tiles that are done, and of all.
    batch_done, batch_tiles
        The same for the whole run.
    pixels_done, n_pixels
        The same in pixels. The time that a run takes goes with these, as tiles differ in size.
    """

    index: int
    done: int
    n_tiles: int
    batch_done: int
    batch_tiles: int
    pixels_done: int
    n_pixels: int

    @property
    def share(self) -> float:
        """The share of the work of the whole run that is done, from 0 to 1."""
        return self.pixels_done / max(self.n_pixels, 1)


@dataclass(frozen=True, slots=True)
class FileFinished:
    """One input has ended, in any status.

    Attributes
    ----------
    index, row
        The index of the input, and its row of the ledger.
    arrays
        The outputs of an input in memory, which are stored nowhere else: the values of each export of an image, by its
        name and in the order of the plan, with the axes of a file; and the columns of each table of objects.
    """

    index: int
    row: LedgerRow
    arrays: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """The last event of every run."""

    ledger: Ledger


Event = BatchStarted | Notice | FileStarted | TileDone | FileFinished | BatchFinished
