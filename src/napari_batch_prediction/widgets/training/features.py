"""Choosing features: a table to tick, with previews of what they show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.features.choice import offered
from napari_batch_prediction.features.selection import TITLES, FeatureSelection
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.classifier.feature_table import FeatureModel, close_button, feature_view
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.work import Task, in_background

PREVIEW_PX = 192

# A feature is computed when the mouse rests on it.
_REST_MS = 120

Preview = Callable[[FeatureSelection], Callable[[], NDArray[np.float32]] | str]
"""A function of a selection of one feature. It returns the work that computes that of a part of the shown image, or the
reason why there is none."""


class FeatureChoice(FeatureModel):
    """The table of features, to be ticked; its first row switches scales between 2D and 3D.

    Attributes
    ----------
    changed
        The user has changed the selection.
    """

    changed = Signal()

    def __init__(self, selection: FeatureSelection, parent: QObject | None = None) -> None:
        super().__init__(selection, parent)
        self._is_3d = True

    def set_selection(self, selection: FeatureSelection, *, is_3d: bool) -> None:
        """Show a selection, for images of several slices or of one."""
        self.beginResetModel()
        self.selection, self._is_3d = selection, is_3d
        self.endResetModel()

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return what can be done with a cell: features that ilastik offers can be ticked."""
        none, enabled = Qt.ItemFlag.NoItemFlags, Qt.ItemFlag.ItemIsEnabled
        if index.row() == 0:
            return enabled if self._is_3d else none
        return enabled | Qt.ItemFlag.ItemIsUserCheckable if self._is_offered(index) else none

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return 2D or 3D of a scale, or the box of a feature."""
        selection = self.selection
        if index.row() == 0:
            if role == Qt.ItemDataRole.DisplayRole:
                return "2D" if selection.in_2d[index.column()] else "3D"
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._about_dimension(selection.in_2d[index.column()])
            return super().data(index, role)
        if role == Qt.ItemDataRole.DisplayRole:
            return None
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._about(index)
        if role == Qt.ItemDataRole.CheckStateRole and self._is_offered(index):
            ticked = selection.matrix[index.row() - 1][index.column()]
            # PyQt wants the number of the state.
            return (Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked).value
        return super().data(index, role) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def toggle(self, index: QModelIndex) -> None:
        """Tick a feature, or not; in the first row switch a scale between 2D and 3D."""
        if not self.flags(index):
            return
        selection, scale = self.selection, index.column()
        if index.row() == 0:
            in_2d = tuple(flat != (j == scale) for j, flat in enumerate(selection.in_2d))
            self._become(replace(selection, in_2d=in_2d))
            return
        rows = [list(row) for row in selection.matrix]
        rows[index.row() - 1][scale] ^= True
        self._become(replace(selection, matrix=tuple(map(tuple, rows))))

    def toggle_row(self, row: int) -> None:
        """Tick a feature at all scales, or, if it is ticked at all, at none; in the first row switch all scales."""
        scales = range(len(self.selection.scales))
        if row == 0:
            if self._is_3d:
                flat = not all(self.selection.in_2d)
                self._become(replace(self.selection, in_2d=(flat,) * len(scales)))
            return
        self._set([(row - 1, scale) for scale in scales])

    def toggle_column(self, scale: int) -> None:
        """Tick all features at a scale, or, if they all are, none."""
        self._set([(row, scale) for row in range(len(self.selection.ids))])

    def set_all(self, ticked: bool) -> None:
        """Tick every feature that ilastik offers, or none."""
        self._set([(r, s) for r in range(len(self.selection.ids)) for s in range(len(self.selection.scales))], ticked)

    def _set(self, cells: list[tuple[int, int]], ticked: bool | None = None) -> None:
        selection = self.selection
        cells = [(r, s) for r, s in cells if offered(selection.ids[r], selection.scales[s])]
        if ticked is None:
            ticked = not all(selection.matrix[r][s] for r, s in cells)
        rows = [list(row) for row in selection.matrix]
        for r, s in cells:
            rows[r][s] = ticked
        self._become(replace(selection, matrix=tuple(map(tuple, rows))))

    def _become(self, selection: FeatureSelection) -> None:
        self.selection = selection
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))
        self.changed.emit()

    def _is_offered(self, index: QModelIndex) -> bool:
        return offered(self.selection.ids[index.row() - 1], self.selection.scales[index.column()])

    def _about(self, index: QModelIndex) -> str:
        if not self._is_offered(index):
            return "ilastik offers only Gaussian Smoothing at this scale."
        return f"{TITLES[self.selection.ids[index.row() - 1]]} at {self.selection.scales[index.column()]:g} pixels"

    def _about_dimension(self, flat: bool) -> str:
        if not self._is_3d:
            return "The images have one slice: add a volume to choose between 2D and 3D."
        return "Every slice by itself. Click for 3D." if flat else "Over all slices. Click for 2D."


class FeatureChoiceDialog(QDialog):
    """The table of features with a preview of the one under the mouse.

    Parameters
    ----------
    model
        The features.
    preview
        See :data:`Preview`.
    parent
        The widget that opens it.
    """

    def __init__(self, model: FeatureChoice, preview: Preview, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Features to train on")
        self._model, self._preview = model, preview
        self._task: Task | None = None
        self._wanted: tuple[int, int] | None = None
        self._view = view = feature_view(model)
        view.setMouseTracking(True)
        view.entered.connect(self._on_entered)
        view.clicked.connect(model.toggle)
        for header, act in (
            (view.horizontalHeader(), model.toggle_column),
            (view.verticalHeader(), model.toggle_row),
        ):
            if header is not None:
                header.setSectionsClickable(True)
                header.sectionClicked.connect(act)
        self._picture = QLabel()
        self._picture.setFixedSize(PREVIEW_PX, PREVIEW_PX)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setStyleSheet("QLabel { border: 1px solid grey; }")
        self._caption = Line()
        self._count = Line()
        self._rest = single_shot(self, _REST_MS, self._compute)
        model.changed.connect(self._show_count)
        layout = QVBoxLayout(self)
        layout.addWidget(view)
        below = QHBoxLayout()
        below.addWidget(self._picture)
        beside = QVBoxLayout()
        beside.addWidget(self._caption)
        beside.addWidget(self._count)
        buttons = QHBoxLayout()
        for text, tip, ticked in (("All", "Tick all features.", True), ("None", "Tick no feature.", False)):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, ticked=ticked: model.set_all(ticked))
            buttons.addWidget(button)
        buttons.addStretch(1)
        beside.addLayout(buttons)
        beside.addStretch(1)
        beside.addWidget(close_button(self))
        below.addLayout(beside, 1)
        layout.addLayout(below)
        self._caption.say("Point at a feature to see it.")
        self._show_count()

    def _show_count(self) -> None:
        n = self._model.selection.n_features()
        self._count.say(f"{n} values of each pixel and channel" if n else "Tick at least one feature.")

    def _on_entered(self, index: QModelIndex) -> None:
        if index.row() and self._model.flags(index):
            self._wanted = index.row() - 1, index.column()
            self._rest.start()

    def _compute(self) -> None:
        if self._wanted is None:
            return
        selection, (row, scale) = self._model.selection, self._wanted
        one = FeatureSelection((selection.ids[row],), (selection.scales[scale],), ((True,),), (selection.in_2d[scale],))
        title = f"{TITLES[selection.ids[row]]}, \u03c3 {selection.scales[scale]:g}"
        work = self._preview(one)
        if isinstance(work, str):
            self._picture.clear()
            self._caption.say(work)
            return
        if self._task is not None:
            self._task.drop()
        self._task = in_background(work, self, lambda values: self._show(values, title))

    def _show(self, values: NDArray[np.float32] | Failure, title: str) -> None:
        self._task = None
        if isinstance(values, Failure):
            self._picture.clear()
            self._caption.say(values.reason)
            return
        self._caption.say(title)
        self._picture.setPixmap(picture(values))


def picture(values: NDArray[np.float32]) -> QPixmap:
    """Return values (y, x) as a grey picture, from the first percentile black to the last white."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    grey = np.nan_to_num((values - low) / max(float(high - low), 1e-12) * 255).clip(0, 255).astype(np.uint8)
    grey = np.ascontiguousarray(grey)
    height, width = grey.shape
    image = QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(image).scaled(
        PREVIEW_PX - 2, PREVIEW_PX - 2, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
