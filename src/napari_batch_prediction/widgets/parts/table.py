"""Look and feel of the tables of the window."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from qtpy.QtCore import QAbstractItemModel, QItemSelection, QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from napari_batch_prediction.widgets.parts.colors import Kind, color_of

VISIBLE_ROWS = 3

# Room for the hint.
EMPTY_ROWS = 2

_KINDS: Mapping[str, Kind] = {"failed": "problem", "problem": "problem", "warning": "warning"}

# The least width of all columns but the first; the greatest is a quarter of the table.
LEAST_WIDTH = 60


class Table(QTableView):
    """A table that selects whole rows; its first column takes the spare room, and long texts lose their middle.

    Parameters
    ----------
    model
        The rows.
    sortable
        Sort at a click on a heading: up, down, and back to the order of the model.
    hint
        The text shown while there are no rows.
    spare
        Columns to hide, each with the width in pixels below which it is hidden; the tooltip of the first column should
        have their texts.
    rows
        The least number of rows in sight, once there are any.

    Attributes
    ----------
    rows_selected
        The selection has changed.
    """

    rows_selected = Signal()

    def __init__(
        self,
        model: QAbstractItemModel,
        *,
        sortable: bool = False,
        hint: str = "",
        spare: Mapping[int, int] | None = None,
        rows: int = VISIBLE_ROWS,
    ) -> None:
        super().__init__()
        self._hint = hint
        self._spare = dict(spare or {})
        self._n_rows = rows
        self._height = self.fontMetrics().height() + 6
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Names of one experiment begin alike; their ends tell them apart.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        sides, columns = self.verticalHeader(), self.horizontalHeader()
        if sides is not None and columns is not None:
            sides.hide()
            sides.setDefaultSectionSize(self._height)
            columns.setHighlightSections(False)
            # Measure only the rows in sight.
            columns.setResizeContentsPrecision(0)
            columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            if sortable:
                columns.setSortIndicatorClearable(True)
                columns.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
                self.setSortingEnabled(True)
        for changed in (model.modelReset, model.rowsInserted, model.rowsRemoved):
            changed.connect(self._set_least_height)
        self._set_least_height()

    def sizeHint(self) -> QSize:
        """Return the smallest height, so that the window scrolls only if it must."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the rows, or the hint if there are none."""
        super().paintEvent(event)
        model, viewport = self.model(), self.viewport()
        if self._hint and model is not None and viewport is not None and not model.rowCount():
            painter = QPainter(viewport)
            painter.setPen(self.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.Text))
            painter.setOpacity(0.6)
            flags = Qt.AlignmentFlag.AlignCenter.value | Qt.TextFlag.TextWordWrap.value
            painter.drawText(viewport.rect().adjusted(8, 0, -8, 0), flags, self._hint)
            painter.end()

    def sizeHintForColumn(self, column: int) -> int:
        """Return the width that a column needs, but not so much that none is left for the first."""
        return min(super().sizeHintForColumn(column), max(self.width() // 4, LEAST_WIDTH))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the selected row in sight, and leave room for the first column."""
        for column, least in self._spare.items():
            self.setColumnHidden(column, self.width() < least)
        super().resizeEvent(event)
        self.show_selected()

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Emit that the selection has changed."""
        super().selectionChanged(selected, deselected)
        self.rows_selected.emit()

    def _set_least_height(self) -> None:
        model = self.model()
        n_rows = self._n_rows if model is not None and model.rowCount() else EMPTY_ROWS
        self.setMinimumHeight(self._height * (n_rows + 1) + 8)
        self.updateGeometry()

    def selected_rows(self) -> list[int]:
        """Return the rows that are selected, from the top."""
        selection = self.selectionModel()
        if selection is None:
            return []
        # Qt's own list of rows asks the model tens of thousands of times if there are thousands.
        selected = selection.selection()
        ranges = (selected[i] for i in range(len(selected)))
        return sorted({row for rows in ranges for row in range(rows.top(), rows.bottom() + 1)})

    def show_selected(self) -> None:
        """Scroll to the selected rows; if they are more than fit, to the first of them."""
        model, selection = self.model(), self.selectionModel()
        if model is None or selection is None or not selection.hasSelection():
            return
        selected = selection.selection()
        ranges = [selected[i] for i in range(len(selected))]
        for row in (max(rows.bottom() for rows in ranges), min(rows.top() for rows in ranges)):
            self.scrollTo(model.index(row, 0))

    def go_to(self, row: int) -> None:
        """Let the arrow keys start from a row, without selecting it; without effect if there is no such row."""
        model, selection = self.model(), self.selectionModel()
        if model is not None and selection is not None and 0 <= row < model.rowCount():
            selection.setCurrentIndex(model.index(row, 0), QItemSelectionModel.SelectionFlag.NoUpdate)

    def select_rows(self, rows: Iterable[int]) -> None:
        """Select these rows and no others, and scroll to them."""
        ordered, model, selection = sorted(rows), self.model(), self.selectionModel()
        if model is None or selection is None:
            return
        ranges = QItemSelection()
        # A range for each run of neighbours: Qt is slow with one for each row.
        for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
            run = [row for _, row in group]
            ranges.select(model.index(run[0], 0), model.index(run[-1], model.columnCount() - 1))
        flags = QItemSelectionModel.SelectionFlag
        if ordered:
            self.go_to(ordered[0])
        # The ranges are whole rows already; letting Qt extend each takes twice the time.
        selection.select(ranges, flags.ClearAndSelect)
        self.show_selected()


class StartDelegate(QStyledItemDelegate):
    """Delegate that leaves out the end of a long text, not its start."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Put the dots at the end."""
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideRight


class StatusDelegate(QStyledItemDelegate):
    """Delegate that shows problems in red and warnings in amber."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Choose the colour of the text."""
        super().initStyleOption(option, index)
        kind = _KINDS.get(str(index.data()))
        if option is None or kind is None:
            return
        color = color_of(kind, dark=option.palette.color(QPalette.ColorRole.Base).lightness() < 128)
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
            option.palette.setColor(role, color)
