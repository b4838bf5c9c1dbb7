"""The table of results: a row for each image of a run."""

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHeaderView, QStyleOptionViewItem

from napari_batch_prediction.widgets.parts.table import StatusDelegate, Table
from napari_batch_prediction.widgets.results.model import COUNT, REASON, STATUS, TIME, ResultsModel

HINT = "The result of each image is listed here."

# At least, in a window that is low.
VISIBLE_ROWS = 2

# Columns whose texts are short, and never cut.
LISTED = (STATUS, TIME, COUNT)

# The least width, in pixels, with a column of reasons.
WIDE = 440


class ResultsTable(Table):
    """A table in which one row can be selected. Reasons have a column if there are any, and room for it.

    Parameters
    ----------
    model
        The results.
    """

    def __init__(self, model: ResultsModel) -> None:
        super().__init__(model, hint=HINT, rows=VISIBLE_ROWS)
        self._model = model
        self.setSelectionMode(Table.SelectionMode.SingleSelection)
        self.setItemDelegate(_Delegate(self))
        model.columnsInserted.connect(self._fit_columns)
        model.columnsRemoved.connect(self._fit_columns)
        model.modelReset.connect(self._fit_columns)
        model.modelReset.connect(self._offer_reasons)
        model.dataChanged.connect(self._on_changed)
        self.setAccessibleName("Results")
        self._fit_columns()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the column of reasons if there is room."""
        super().resizeEvent(event)
        self._offer_reasons()

    def sizeHintForColumn(self, column: int) -> int:
        """Return a width that suffices for all rows, not only those in sight."""
        hint = super().sizeHintForColumn(column)
        row = next((self._model.longest(name) for name in LISTED if self._model.column(name) == column), None)
        if row is None:
            return hint
        # One more pixel for the line of the grid.
        return max(hint, self.sizeHintForIndex(self._model.index(row, column)).width() + 1)

    def _on_changed(self) -> None:
        self._offer_reasons()
        self._fit_columns()

    def _offer_reasons(self) -> None:
        shown = self.width() >= WIDE and self._model.has_reasons
        if shown == (self._model.column(REASON) is not None):
            return
        self._model.show_column(REASON, shown)
        if selected := self.selected_rows():
            # The selection is extended to the new column; the selected row stays the same.
            was_blocked = self.blockSignals(True)
            self.selectRow(selected[0])
            self.blockSignals(was_blocked)

    def _fit_columns(self) -> None:
        # Setting the mode of a column fits its width again.
        header = self.horizontalHeader()
        if header is None:
            return
        modes = QHeaderView.ResizeMode
        for column in range(self._model.columnCount()):
            wide = column in (0, self._model.column(REASON))
            header.setSectionResizeMode(column, modes.Stretch if wide else modes.ResizeToContents)


class _Delegate(StatusDelegate):
    """Delegate that shows failures in red and cuts reasons at their end."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Choose the colour of the text, and the end at which it is cut."""
        super().initStyleOption(option, index)
        model = index.model()
        if option is not None and isinstance(model, ResultsModel) and index.column() == model.column(REASON):
            option.textElideMode = Qt.TextElideMode.ElideRight
