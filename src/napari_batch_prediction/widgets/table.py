"""How the tables of the window look and feel."""

from qtpy.QtCore import QAbstractItemModel, QItemSelection, QModelIndex, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPalette, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

VISIBLE_ROWS = 3

# Readable on a dark and on a light background. The error colour of napari's dark theme is not, as text.
FAILED_ON_DARK = QColor("#ff8a80")
FAILED_ON_LIGHT = QColor("#b00020")


class Table(QTableView):
    """Whole rows are selected; the first column takes the room the others leave; long texts lose their start.

    Parameters
    ----------
    model
        What is shown.

    Attributes
    ----------
    rows_selected
        Other rows are selected.
    """

    rows_selected = Signal()

    def __init__(self, model: QAbstractItemModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The start of a path says less than its end.
        self.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            height = self.fontMetrics().height() + 6
            rows.setDefaultSectionSize(height)
            columns.setHighlightSections(False)
            # Only what is in sight is measured.
            columns.setResizeContentsPrecision(0)
            columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            self.setMinimumHeight(height * (VISIBLE_ROWS + 1) + 8)

    def sizeHint(self) -> QSize:
        """Return the smallest height, so that the window scrolls only if it must."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the selected row in sight."""
        super().resizeEvent(event)
        if self.selected_rows():
            self.scrollTo(self.currentIndex())

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Tell of it."""
        super().selectionChanged(selected, deselected)
        self.rows_selected.emit()

    def selected_rows(self) -> list[int]:
        """Return the rows that are selected, from the top."""
        selection = self.selectionModel()
        return sorted(index.row() for index in selection.selectedRows()) if selection is not None else []


class StatusDelegate(QStyledItemDelegate):
    """Shows in red what went wrong."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Choose the colour of the text."""
        super().initStyleOption(option, index)
        if option is not None and index.data() in ("failed", "problem"):
            dark = option.palette.color(QPalette.ColorRole.Base).lightness() < 128
            color = FAILED_ON_DARK if dark else FAILED_ON_LIGHT
            for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
                option.palette.setColor(role, color)
