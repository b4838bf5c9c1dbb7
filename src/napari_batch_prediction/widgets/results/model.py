"""The model of the table of results: the state of each image of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_batch_prediction.classifiers.base import COUNT_IN_REGION, COUNTS
from napari_batch_prediction.classifiers.derived import AREAS
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import Event, FileFinished, FileStarted, TileDone
from napari_batch_prediction.records.ledger import LedgerRow, Status, totals
from napari_batch_prediction.widgets.canvas.predicted_layers import count_text
from napari_batch_prediction.widgets.parts.words import short_name, tip

IMAGE, STATUS, TIME, COUNT, REASON = COLUMNS = ("Image", "Status", "Time", "Count", "Reason")

# From so many images on, their number takes more room than a tab has.
_MANY = 1000

NEVER_ENDED = "The run was stopped before this image was done."


class ResultsModel(QAbstractTableModel):
    """Table of the images of a run and their progress.

    It has a column of counts once something is counted, and one of reasons if there is room.

    Parameters
    ----------
    parent
        The owner.

    Attributes
    ----------
    locations
        The images, row by row.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.locations: tuple[str, ...] = ()
        self._columns: tuple[str, ...] = (IMAGE, STATUS, TIME)
        self._rows: dict[str, int] = {}
        self._states: list[str] = []
        self._ended: dict[int, LedgerRow] = {}
        self._numbers: Counter[Status] = Counter()
        self._total: float = 0
        self._of_series = self._has_reasons = False
        self._longest: dict[str, tuple[int, int]] = {}

    def set_plan(self, plan: Plan | None) -> None:
        """Begin anew with the images of a plan."""
        rows = plan.rows if plan is not None else ()
        counts = plan is not None and any(export.of_objects or export.source.name == COUNTS for export in plan.exports)
        self.set_rows([row.input for row in rows], {}, counts=counts)

    def set_rows(self, locations: Sequence[str], ended: Mapping[int, LedgerRow], *, counts: bool = False) -> None:
        """Begin anew.

        Parameters
        ----------
        locations
            The images.
        ended
            The rows of the ledger, by the index of their image.
        counts
            True if objects are counted.
        """
        self.beginResetModel()
        self.locations = tuple(locations)
        self._rows = {location: i for i, location in enumerate(self.locations)}
        self._states = ["waiting"] * len(self.locations)
        self._ended = {}
        self._numbers = Counter()
        self._total, self._of_series, self._has_reasons = 0, False, False
        self._longest = {}
        for i, row in ended.items():
            self._end(i, row)
        has_counts = counts or any(row.counts for row in ended.values())
        hidden = {name for name, shown in ((COUNT, has_counts), (REASON, REASON in self._columns)) if not shown}
        self._columns = tuple(column for column in COLUMNS if column not in hidden)
        self.endResetModel()

    def take(self, events: Iterable[Event]) -> None:
        """Take in events of the run, with one signal for all, because every signal is slow."""
        changed = []
        for event in events:
            match event:
                case FileStarted():
                    self._states[event.index] = "running"
                case TileDone():
                    self._states[event.index] = f"{100 * event.done // event.n_tiles} %"
                case FileFinished():
                    self._end(event.index, event.row)
                    if event.row.counts:
                        self.show_column(COUNT, True)
                case _:
                    continue
            changed.append(event.index)
        self._tell(changed)

    def finish(self) -> None:
        """End the run: images that have not ended are cancelled."""
        unfinished = [i for i in range(len(self.locations)) if i not in self._ended]
        for i in unfinished:
            self._end(i, LedgerRow(input=self.locations[i], status="cancelled", reason=NEVER_ENDED))
        self._tell(unfinished)

    def show_column(self, name: str, shown: bool) -> None:
        """Show or hide a column."""
        if shown == (name in self._columns):
            return
        names = {*self._columns, name} if shown else {*self._columns} - {name}
        columns = tuple(column for column in COLUMNS if column in names)
        index = (columns if shown else self._columns).index(name)
        if shown:
            self.beginInsertColumns(QModelIndex(), index, index)
            self._columns = columns
            self.endInsertColumns()
        else:
            self.beginRemoveColumns(QModelIndex(), index, index)
            self._columns = columns
            self.endRemoveColumns()

    def column(self, name: str) -> int | None:
        """Return the index of a column; None if it is not shown."""
        return self._columns.index(name) if name in self._columns else None

    def longest(self, name: str) -> int | None:
        """Return the row that has had the longest text in a column, among images that have ended."""
        return self._longest[name][1] if name in self._longest else None

    @property
    def has_reasons(self) -> bool:
        """True if any image has a reason."""
        return self._has_reasons

    def row(self, location: str) -> int | None:
        """Return the row of an image; None if it is not among them."""
        return self._rows.get(location)

    def ended(self, row: int | None) -> LedgerRow | None:
        """Return an image's row of the ledger; None if it has not ended, or for no image."""
        return self._ended.get(row) if row is not None else None

    def is_done(self, row: int) -> bool:
        """Return True if an image is done."""
        return self._states[row] == "done"

    def only_failed(self) -> int | None:
        """Return the first row that failed or had a problem, if none is done."""
        bad = ("failed", "problem")
        if self._numbers["done"]:
            return None
        return next((i for i in range(len(self.locations)) if self._states[i] in bad), None)

    def short_summary(self) -> str:
        """Return how many images are done, of thousands in percent, with a mark if any failed."""
        if not self.locations:
            return ""
        n_done, n = self._numbers["done"], len(self.locations)
        done = f"{n_done}/{n}" if n < _MANY else f"{100 * n_done // n} %"
        return f"{done} !" if self._numbers["failed"] else done

    def summary(self) -> str:
        """Return the number of images of each status, and the count in all of them."""
        texts = [text] if (text := totals(self._numbers)) else []
        # Frames show the same objects again, so their counts are not added up.
        if COUNT in self._columns and not self._of_series and self._total:
            texts.append(f"{count_text([self._total])} counted")
        return ", ".join(texts)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of images."""
        return 0 if parent.isValid() else len(self.locations)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the heading of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tooltip of a cell."""
        i, column = index.row(), self._columns[index.column()]
        ended = self._ended.get(i)
        if role == Qt.ItemDataRole.DisplayRole:
            if column == IMAGE:
                return short_name(self.locations[i])
            if column == STATUS:
                return self._states[i]
            if ended is None:
                return ""
            if column == TIME:
                return _time_text(ended)
            return count_text(ended.counts) if column == COUNT else " ".join(ended.reason.split())
        if role == Qt.ItemDataRole.ToolTipRole:
            details = _details(ended) if ended is not None else ()
            return tip("\n\n".join(filter(None, [self.locations[i], *details])))
        return None

    def _end(self, i: int, row: LedgerRow) -> None:
        before = self._ended.get(i)
        if before is not None:
            self._numbers[before.status] -= 1
            self._total -= sum(before.counts)
        self._ended[i] = row
        self._states[i] = row.status
        self._numbers[row.status] += 1
        self._total += sum(row.counts)
        self._of_series |= len(row.counts) > 1
        self._has_reasons |= bool(row.reason)
        for column, text in ((STATUS, row.status), (TIME, _time_text(row)), (COUNT, count_text(row.counts))):
            self._longest[column] = max(self._longest.get(column, (0, i)), (len(text), i))

    def _tell(self, changed: Sequence[int]) -> None:
        if changed:
            self.dataChanged.emit(self.index(min(changed), 1), self.index(max(changed), len(self._columns) - 1))


def _time_text(row: LedgerRow) -> str:
    return f"{row.seconds:.1f} s" if row.seconds else ""


def _details(row: LedgerRow) -> list[str]:
    """Return the reason why an image is not done, its counts, and the areas of its classes."""
    counts = []
    if len(row.counts) == 1:
        (whole,), in_region = row.counts, next(iter(row.column(COUNT_IN_REGION)), None)
        counts.append(f"{count_text(row.counts)} in the whole image")
        if in_region is not None and in_region != whole:
            counts.append(f"{in_region:.1f} in the region")
    elif row.counts:
        mean = sum(row.counts) / len(row.counts)
        counts.append(f"{mean:.1f} on average in {len(row.counts)} frames, {count_text(row.counts)}")
    return [row.reason, ", ".join(counts), *_areas(row)]


def _areas(row: LedgerRow) -> list[str]:
    """Return the share of each class as a line of one text; of a time series its mean."""
    table = row.tables.get(AREAS)
    if table is None:
        return []
    shares: dict[str, list[float]] = {}
    for name, share in zip(table.column("class"), table.column("share"), strict=True):
        # There is no share of no pixels.
        if isinstance(share, int | float):
            shares.setdefault(str(name), []).append(share)
    return ["\n".join(f"{name}: {100 * sum(each) / len(each):.1f} %" for name, each in shares.items())]
