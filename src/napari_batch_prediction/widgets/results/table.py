"""The table of results: a row for each image of a run."""

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QHeaderView, QStyleOptionViewItem

from napari_batch_prediction.widgets.parts.table import StatusDelegate, Table
from napari_batch_prediction.widgets.results.model import IMAGE, REASON, STATUS, TIME, Column, ResultsModel
from napari_batch_prediction.widgets.results.quantities import COUNT, Quantity

HINT = "The result of each image is listed here."

# At least, in a window that is low.
VISIBLE_ROWS = 2

# The least width, in pixels, with a column of reasons.
WIDE = 440

# The least widths of the columns of names and of reasons, and the room around a text in the others.
_LEAST = {IMAGE: 110, REASON: 120}
_AROUND = 16


class ResultsTable(Table):
    """A table in which one row can be selected.

    All quantities have columns if there is room for them, else the count and the chosen one, or this alone. Reasons
    have a column if there are any, and room for it.

    Parameters
    ----------
    model
        The results.
    """

    def __init__(self, model: ResultsModel) -> None:
        super().__init__(model, hint=HINT, rows=VISIBLE_ROWS)
        self._model = model
        self._chosen: Quantity | None = None
        self.setSelectionMode(Table.SelectionMode.SingleSelection)
        self.setItemDelegate(_Delegate(self))
        model.columnsInserted.connect(self._fit_columns)
        model.columnsRemoved.connect(self._fit_columns)
        model.modelReset.connect(self._fit_columns)
        model.modelReset.connect(self._offer_columns)
        model.quantities_changed.connect(self._offer_columns)
        model.dataChanged.connect(self._on_changed)
        self.setAccessibleName("Results")
        self._fit_columns()

    def set_chosen(self, quantity: Quantity | None) -> None:
        """Set the quantity that has a column also where there is no room for all."""
        self._chosen = quantity
        self._offer_columns()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the columns that there is room for."""
        super().resizeEvent(event)
        self._offer_columns()

    def sizeHintForColumn(self, column: int) -> int:
        """Return a width that suffices for all rows, not only those in sight."""
        hint = super().sizeHintForColumn(column)
        row = self._model.longest(self._model.columns[column])
        if row is None:
            return hint
        # One more pixel for the line of the grid.
        return max(hint, self.sizeHintForIndex(self._model.index(row, column)).width() + 1)

    def _on_changed(self) -> None:
        self._offer_columns()
        self._fit_columns()

    def _offer_columns(self) -> None:
        room = self.width() - _LEAST[IMAGE] - self._needed(STATUS) - self._needed(TIME)
        found = self._model.quantities
        chosen = [self._chosen if self._chosen in found else found[0]] if found else []
        with_count = [each for each in found if each == COUNT or each in chosen]
        fitting = (each for each in (found, with_count) if sum(map(self._needed, each)) <= room)
        shown: list[Column] = [*next(fitting, chosen)]
        room -= sum(map(self._needed, shown))
        if self.width() >= WIDE and room >= _LEAST[REASON] and self._model.has_reasons:
            shown.append(REASON)
        if {*shown} == {*self._model.columns} - {IMAGE, STATUS, TIME}:
            return
        self._model.show_columns(shown)
        if selected := self.selected_rows():
            # The selection is extended to the new column; the selected row stays the same.
            was_blocked = self.blockSignals(True)
            self.selectRow(selected[0])
            self.blockSignals(was_blocked)

    def _needed(self, column: Column) -> int:
        """Return the width of the texts of a column."""
        row = self._model.longest(column)
        heading = self._model.heading(column)
        texts = [heading, *([self._model.text(row, column)] if row is not None else [])]
        # So that no column goes while shares come.
        texts += ["100.0 %"] if isinstance(column, Quantity) and column.number is not None else []
        return max(map(self.fontMetrics().horizontalAdvance, texts)) + _AROUND

    def _fit_columns(self) -> None:
        # Setting the mode of a column fits its width again.
        header = self.horizontalHeader()
        if header is None:
            return
        modes = QHeaderView.ResizeMode
        for i, column in enumerate(self._model.columns):
            header.setSectionResizeMode(i, modes.Stretch if column in _LEAST else modes.ResizeToContents)


class _Delegate(StatusDelegate):
    """Delegate that shows failures in red and cuts reasons at their end."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Choose the colour of the text, and the end at which it is cut."""
        super().initStyleOption(option, index)
        model = index.model()
        if option is not None and isinstance(model, ResultsModel) and model.columns[index.column()] == REASON:
            option.textElideMode = Qt.TextElideMode.ElideRight
