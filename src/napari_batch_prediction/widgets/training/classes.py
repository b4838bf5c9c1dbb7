"""The list of classes: names, colours, numbers of labelled pixels, and the brush."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QStandardItem, QStandardItemModel
from qtpy.QtWidgets import QAbstractItemView, QColorDialog, QHBoxLayout, QPushButton

from napari_batch_prediction.ilp.project import MAX_LABEL
from napari_batch_prediction.session.training.image import PaintedClass
from napari_batch_prediction.training.training_set import COLORS
from napari_batch_prediction.widgets.parts.colors import swatch
from napari_batch_prediction.widgets.parts.fold import Fold
from napari_batch_prediction.widgets.parts.table import Table

NAMES = ("Background", "Foreground")
"""The names of the first classes."""

NAME, PIXELS = range(2)


def first_classes() -> tuple[PaintedClass, ...]:
    """Return the classes of a new training."""
    return tuple(PaintedClass(i, name, COLORS[i - 1]) for i, name in enumerate(NAMES, start=1))


class ClassesSection(Fold):
    """The classes, each with its colour; the selected one is painted.

    Attributes
    ----------
    changed
        Classes were added, renamed, recoloured or removed.
    brush_wanted
        A class was clicked: it is to be painted now; emitted with its label. 0 is the eraser.
    removed
        A class was removed; emitted with its label.
    """

    changed = Signal()
    brush_wanted = Signal(int)
    removed = Signal(int)

    def __init__(self) -> None:
        super().__init__("Classes")
        self._classes: list[PaintedClass] = list(first_classes())
        self._counts = np.zeros(MAX_LABEL + 1, np.int64)
        # The highest label that a class has had.
        self._highest = 0
        self._model = QStandardItemModel(0, 2)
        self._model.setHorizontalHeaderLabels(["Class", "Pixels"])
        self._table = Table(self._model)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self._table.clicked.connect(self._on_clicked)
        self._table.activated.connect(self._on_clicked)
        self._table.rows_selected.connect(self._show_buttons)
        self._model.itemChanged.connect(self._on_renamed)
        self._add = QPushButton("Add")
        self._add.setToolTip("Add a class.")
        self._color = QPushButton("Colour")
        self._remove = QPushButton("Remove")
        self._erase = QPushButton("Eraser")
        self._erase.setToolTip("Erase labels with the brush.")
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self._add, self._color, self._remove, self._erase):
            row.addWidget(button)
        row.addStretch(1)
        self.body.addWidget(self._table)
        self.body.addLayout(row)
        self._add.clicked.connect(self.add_class)
        self._color.clicked.connect(self._choose_color)
        self._remove.clicked.connect(self._remove_selected)
        self._erase.clicked.connect(lambda: self.brush_wanted.emit(0))
        self._show()
        self._table.select_rows([0])

    def value(self) -> tuple[PaintedClass, ...]:
        """Return the classes."""
        return tuple(self._classes)

    def setValue(self, classes: Sequence[PaintedClass]) -> None:
        """Set the classes."""
        self._classes = list(classes)
        self._show()
        self._table.select_rows([0] if classes else [])
        self.changed.emit()

    def selected(self) -> PaintedClass | None:
        """Return the selected class."""
        rows = self._table.selected_rows()
        return self._classes[rows[0]] if rows else None

    def select(self, label: int) -> None:
        """Select the class of a label, without taking the brush; none if there is none."""
        rows = [i for i, one in enumerate(self._classes) if one.label == label]
        if rows != self._table.selected_rows():
            self._table.select_rows(rows)

    def set_counts(self, counts: NDArray[np.int64]) -> None:
        """Show the number of labelled pixels of each label."""
        self._counts = counts
        for row, one in enumerate(self._classes):
            item = self._model.item(row, PIXELS)
            if item is not None:
                item.setText(f"{counts[one.label]:,}")
        self._show_summary()

    def add_class(self) -> None:
        """Add a class, select it, and let its name be typed."""
        label = self._free_label()
        if label is None:
            return
        number = len(self._classes) + 1
        names = {one.name for one in self._classes}
        while f"Class {number}" in names:
            number += 1
        used = {one.color for one in self._classes}
        color = next((one for one in COLORS if one not in used), COLORS[label % len(COLORS)])
        self._classes.append(PaintedClass(label, f"Class {number}", color))
        self._show()
        row = len(self._classes) - 1
        self._table.select_rows([row])
        self.changed.emit()
        self.brush_wanted.emit(label)
        self._table.edit(self._model.index(row, NAME))

    def _free_label(self) -> int | None:
        """Return a label that no class has had, so that undoing a stroke of a removed class paints no other."""
        highest = max((one.label for one in self._classes), default=0)
        self._highest = max(self._highest, highest)
        if self._highest < MAX_LABEL:
            self._highest += 1
            return self._highest
        used = {one.label for one in self._classes}
        return next((label for label in range(1, MAX_LABEL + 1) if label not in used), None)

    def _remove_selected(self) -> None:
        one = self.selected()
        if one is None:
            return
        row = self._classes.index(one)
        self._classes.remove(one)
        self._show()
        self._table.select_rows([min(row, len(self._classes) - 1)] if self._classes else [])
        self.removed.emit(one.label)
        self.changed.emit()

    def _choose_color(self) -> None:
        one = self.selected()
        if one is None:
            return
        options = QColorDialog.ColorDialogOption.DontUseNativeDialog
        color = QColorDialog.getColor(QColor(*one.color), self, f"Colour of {one.name}", options)
        if color.isValid():
            self.set_color(one.label, (color.red(), color.green(), color.blue()))

    def set_color(self, label: int, color: tuple[int, int, int]) -> None:
        """Give a class another colour."""
        self._classes = [one._replace(color=color) if one.label == label else one for one in self._classes]
        rows = self._table.selected_rows()
        self._show()
        self._table.select_rows(rows)
        self.changed.emit()

    def _on_renamed(self, item: QStandardItem) -> None:
        if item.column() != NAME:
            return
        row, name = item.row(), item.text().strip()
        one = self._classes[row]
        if not name or any(name == other.name for other in self._classes if other is not one):
            item.setText(one.name)
        elif name != one.name:
            self._classes[row] = one._replace(name=name)
            self._show_buttons()
            self._show_summary()
            self.changed.emit()

    def _on_clicked(self, index: QModelIndex) -> None:
        self.brush_wanted.emit(self._classes[index.row()].label)

    def _show(self) -> None:
        """Lay the table anew."""
        self._model.setRowCount(0)
        for one in self._classes:
            name = QStandardItem(QIcon(swatch(one.color)), one.name)
            name.setToolTip("Click to paint it; double click to rename it.")
            pixels = QStandardItem(f"{self._counts[one.label]:,}")
            pixels.setEditable(False)
            pixels.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._model.appendRow([name, pixels])
        self._show_buttons()
        self._show_summary()

    def _show_summary(self) -> None:
        self.set_summary(", ".join(one.name for one in self._classes) or "none")

    def _show_buttons(self) -> None:
        one = self.selected()
        for button, tip in (
            (self._color, "Choose another colour for {}."),
            (self._remove, "Remove {} and its labels."),
        ):
            button.setEnabled(one is not None)
            button.setToolTip(tip.format(one.name) if one is not None else "Select a class first.")
        full = len(self._classes) >= MAX_LABEL
        self._add.setEnabled(not full)
        self._add.setToolTip(f"There are {MAX_LABEL} classes, the most that ilastik has." if full else "Add a class.")
