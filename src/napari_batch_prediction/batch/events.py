"""What a run says while it works."""

from typing import NamedTuple

from napari_batch_prediction.batch.ledger import Ledger, LedgerRow


class BatchStarted(NamedTuple):
    """The run begins. Tiles of inputs that fail in the plan are not counted."""

    n_files: int
    n_tiles: int


class Notice(NamedTuple):
    """Something the user should know while waiting, as a sentence."""

    text: str


class FileStarted(NamedTuple):
    """The tiles of one input are being worked on."""

    index: int
    n_tiles: int


class TileDone(NamedTuple):
    """One more tile is predicted and written."""

    index: int
    done: int
    n_tiles: int
    batch_done: int
    batch_tiles: int


class FileFinished(NamedTuple):
    """One input has reached its end, good or bad."""

    index: int
    row: LedgerRow


class BatchFinished(NamedTuple):
    """The last event of every run."""

    ledger: Ledger


Event = BatchStarted | Notice | FileStarted | TileDone | FileFinished | BatchFinished
