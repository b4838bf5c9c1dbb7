"""What became of each image of a run, as a table."""

from typing import Any, get_args

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_batch_prediction.batch.events import Event, FileFinished, FileStarted, TileDone
from napari_batch_prediction.batch.ledger import LedgerRow, Status
from napari_batch_prediction.batch.plan import Plan, PlanRow
from napari_batch_prediction.widgets.inputs_model import short_name

COLUMNS = ("Image", "Status", "Time")


class ResultsModel(QAbstractTableModel):
    """The rows of a plan and their fate as the run tells it.

    Parameters
    ----------
    parent
        The owner.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.plan: Plan | None = None
        self._rows: tuple[PlanRow, ...] = ()
        self._states: list[str] = []
        self._ended: dict[int, LedgerRow] = {}

    def set_plan(self, plan: Plan | None) -> None:
        """Begin anew with the images of a plan."""
        self.beginResetModel()
        self.plan = plan
        self._rows = plan.rows if plan is not None else ()
        self._states = ["waiting"] * len(self._rows)
        self._ended = {}
        self.endResetModel()

    def take(self, event: Event) -> None:
        """Note what the run says of one image."""
        match event:
            case FileStarted():
                state = "running"
            case TileDone():
                state = f"{100 * event.done // event.n_tiles} %"
            case FileFinished():
                state = event.row.status
                self._ended[event.index] = event.row
            case _:
                return
        self._states[event.index] = state
        self.dataChanged.emit(self.index(event.index, 1), self.index(event.index, len(COLUMNS) - 1))

    def ended(self, row: int | None) -> LedgerRow | None:
        """Return what became of an image; None if that is still open, or for no image."""
        return self._ended.get(row) if row is not None else None

    def summary(self) -> str:
        """Return how many images ended in which way."""
        ended = [row.status for row in self._ended.values()]
        return ", ".join(f"{ended.count(status)} {status}" for status in get_args(Status) if status in ended)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of images."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tooltip of a cell; the status to a delegate that colours it."""
        i = index.row()
        ended = self._ended.get(i)
        if role == Qt.ItemDataRole.DisplayRole:
            seconds = f"{ended.seconds:.1f} s" if ended is not None and ended.seconds else ""
            return (short_name(self._rows[i].input), self._states[i], seconds)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            reason = ended.reason if ended is not None else ""
            return "\n\n".join(filter(None, [self._rows[i].input, reason]))
        return None
