"""The table of the features and scales that a classifier was trained on."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QHeaderView, QTableView, QTabWidget, QVBoxLayout, QWidget

from napari_batch_prediction.features.selection import TITLES, FeatureSelection

TICK = "\u2713"


class FeatureModel(QAbstractTableModel):
    """Table with a row for each feature and a column for each scale; its first row says 2D or 3D for each scale.

    Parameters
    ----------
    selection
        The features of one stage.
    parent
        The owner.

    Attributes
    ----------
    selection
        The features that are shown.
    """

    def __init__(self, selection: FeatureSelection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.selection = selection

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of features plus one."""
        return 0 if parent.isValid() else len(self.selection.ids) + 1

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of scales."""
        return 0 if parent.isValid() else len(self.selection.scales)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a scale, or the name of a feature."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return f"\u03c3 {self.selection.scales[section]:g}"
        return TITLES[self.selection.ids[section - 1]] if section else "Computed in"

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a tick if the feature is used at the scale; in the first row, 2D or 3D."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        selection, scale = self.selection, index.column()
        if index.row() == 0:
            return ("2D" if selection.in_2d[scale] else "3D") if scale in selection.used_scales else ""
        return TICK if selection.matrix[index.row() - 1][scale] else ""


class FeatureDialog(QDialog):
    """A table of features for each stage.

    Parameters
    ----------
    name
        The name of the classifier.
    selections
        The features of each stage.
    parent
        The widget that opens it.
    """

    def __init__(self, name: str, selections: Sequence[FeatureSelection], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Features of {name}")
        tables = [feature_view(FeatureModel(selection, self)) for selection in selections]
        layout = QVBoxLayout(self)
        if len(tables) == 1:
            layout.addWidget(tables[0])
        else:
            tabs = QTabWidget()
            for i, table in enumerate(tables, start=1):
                tabs.addTab(table, f"Stage {i}")
            layout.addWidget(tabs)
        layout.addWidget(close_button(self))


def close_button(dialog: QDialog) -> QDialogButtonBox:
    """Return a button that closes a dialog."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    for button in buttons.buttons():
        # The platform's icon is black, also on a dark theme.
        button.setIcon(QIcon())
    buttons.rejected.connect(dialog.reject)
    return buttons


def feature_view(model: FeatureModel) -> QTableView:
    """Return a view just as large as its table."""
    view = QTableView()
    view.setModel(model)
    fit_to_contents(view)
    return view


def fit_to_contents(view: QTableView) -> None:
    """Make a view just as large as its table, of which nothing can be selected."""
    view.setSelectionMode(QTableView.SelectionMode.NoSelection)
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.setSizeAdjustPolicy(QTableView.SizeAdjustPolicy.AdjustToContents)
    for header in (view.horizontalHeader(), view.verticalHeader()):
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionsClickable(False)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
    if (rows := view.verticalHeader()) is not None:
        rows.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
