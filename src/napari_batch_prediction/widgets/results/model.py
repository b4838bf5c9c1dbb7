"""The model of the table of results: the state of each image of a run."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal

from napari_batch_prediction.classifiers.base import COUNTS
from napari_batch_prediction.classifiers.derived import AREAS
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import Event, FileFinished, FileStarted, TileDone
from napari_batch_prediction.records.ledger import LedgerRow, Status, totals
from napari_batch_prediction.widgets.canvas.predicted_layers import count_text
from napari_batch_prediction.widgets.parts.words import short_name, tip
from napari_batch_prediction.widgets.results.quantities import COUNT, Quantity, Values, details, shares, values_of

IMAGE, STATUS, TIME, REASON = ("Image", "Status", "Time", "Reason")

Column = str | Quantity

# Letters of a heading: the whole name is in its tooltip.
_LONGEST = 12

# From so many images on, their number takes more room than a tab has.
_MANY = 1000

NEVER_ENDED = "The run was stopped before this image was done."


class ResultsModel(QAbstractTableModel):
    """Table of the images of a run and their progress.

    It has a column for each quantity that is shown, and one of reasons if there is room.

    Parameters
    ----------
    parent
        The owner.

    Attributes
    ----------
    locations
        The images, row by row.
    quantities
        What is counted or measured in the images.
    quantities_changed
        There are others.
    """

    quantities_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.locations: tuple[str, ...] = ()
        self.quantities: tuple[Quantity, ...] = ()
        self._columns: tuple[Column, ...] = (IMAGE, STATUS, TIME)
        self._rows: dict[str, int] = {}
        self._states: list[str] = []
        self._ended: dict[int, LedgerRow] = {}
        self._values: dict[int, dict[Quantity, Values]] = {}
        self._numbers: Counter[Status] = Counter()
        self._total: float = 0
        self._of_series = self._has_reasons = False
        self._longest: dict[Column, tuple[int, int]] = {}

    def set_plan(self, plan: Plan | None) -> None:
        """Begin anew with the images of a plan."""
        rows = plan.rows if plan is not None else ()
        exports = plan.exports if plan is not None else ()
        counts = any(export.of_objects or export.source.name == COUNTS for export in exports)
        classes = next((export.source.classes for export in exports if export.source.name == AREAS), ())
        self.set_rows([row.input for row in rows], {}, (*([COUNT] if counts else []), *shares(classes)))

    def set_rows(
        self, locations: Sequence[str], ended: Mapping[int, LedgerRow], expected: Sequence[Quantity] = ()
    ) -> None:
        """Begin anew.

        Parameters
        ----------
        locations
            The images.
        ended
            The rows of the ledger, by the index of their image.
        expected
            What is counted or measured.
        """
        self.beginResetModel()
        self.locations = tuple(locations)
        self._rows = {location: i for i, location in enumerate(self.locations)}
        self._states = ["waiting"] * len(self.locations)
        self._ended, self._values = {}, {}
        self._numbers = Counter()
        self._total, self._of_series, self._has_reasons = 0, False, False
        self._longest = {}
        self.quantities = tuple(expected)
        for i, row in ended.items():
            self._end(i, row)
        self._columns = tuple(each for each in self._columns if not isinstance(each, Quantity))
        self.endResetModel()
        self.quantities_changed.emit()

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
                    if self._end(event.index, event.row):
                        self.quantities_changed.emit()
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

    def show_columns(self, shown: Collection[Column]) -> None:
        """Show these quantities and reasons, if they are among them, and no others."""
        wanted: tuple[Column, ...] = (IMAGE, STATUS, TIME, *(each for each in self.quantities if each in shown))
        wanted = (*wanted, REASON) if REASON in shown else wanted
        for i in reversed(range(len(self._columns))):
            if self._columns[i] not in wanted:
                self.beginRemoveColumns(QModelIndex(), i, i)
                self._columns = (*self._columns[:i], *self._columns[i + 1 :])
                self.endRemoveColumns()
        for i, column in enumerate(wanted):
            if column not in self._columns:
                self.beginInsertColumns(QModelIndex(), i, i)
                self._columns = (*self._columns[:i], column, *self._columns[i:])
                self.endInsertColumns()

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are shown."""
        return self._columns

    def heading(self, column: Column) -> str:
        """Return the heading of a column: of a long name of a class its start."""
        name = column.name if isinstance(column, Quantity) else column
        return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"

    def longest(self, column: Column) -> int | None:
        """Return the row that has had the longest text in a column, among images that have ended."""
        return self._longest[column][1] if column in self._longest else None

    def text(self, row: int, column: Column) -> str:
        """Return the text of a cell, also of a column that is not shown."""
        ended = self._ended.get(row)
        if column == IMAGE:
            return short_name(self.locations[row])
        if column == STATUS:
            return self._states[row]
        if ended is None:
            return ""
        if isinstance(column, Quantity):
            return column.text(self.values(row, column))
        return _time_text(ended) if column == TIME else " ".join(ended.reason.split())

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

    def values(self, row: int, quantity: Quantity) -> Values:
        """Return the values of an image at each of its time points; empty if it has none, or has not ended."""
        return self._values.get(row, {}).get(quantity, ())

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
        if not self._of_series and self._total:
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
        if orientation == Qt.Orientation.Horizontal:
            column = self._columns[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return self.heading(column)
            if role == Qt.ItemDataRole.ToolTipRole and isinstance(column, Quantity):
                return tip(column.label)
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text or the tooltip of a cell."""
        i = index.row()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(i, self._columns[index.column()])
        if role == Qt.ItemDataRole.ToolTipRole:
            ended = self._ended.get(i)
            lines = [ended.reason, *details(ended)] if ended is not None else []
            return tip("\n\n".join(filter(None, [self.locations[i], *lines])))
        return None

    def _end(self, i: int, row: LedgerRow) -> bool:
        """Note the end of an image; return True if it has quantities that no other had."""
        before = self._ended.get(i)
        if before is not None:
            self._numbers[before.status] -= 1
            self._total -= sum(before.counts)
        self._ended[i], self._values[i] = row, values_of(row)
        self._states[i] = row.status
        self._numbers[row.status] += 1
        self._total += sum(row.counts)
        self._of_series |= len(row.counts) > 1
        self._has_reasons |= bool(row.reason)
        columns: tuple[Column, ...] = (STATUS, TIME, *self._values[i])
        for column in columns:
            self._longest[column] = max(self._longest.get(column, (0, i)), (len(self.text(i, column)), i))
        new = [each for each in self._values[i] if each not in self.quantities]
        # The count is first.
        order = lambda each: -1 if each.number is None else each.number  # noqa: E731
        self.quantities = tuple(sorted([*self.quantities, *new], key=order))
        return bool(new)

    def _tell(self, changed: Sequence[int]) -> None:
        if changed:
            self.dataChanged.emit(self.index(min(changed), 1), self.index(max(changed), len(self._columns) - 1))


def _time_text(row: LedgerRow) -> str:
    return f"{row.seconds:.1f} s" if row.seconds else ""
