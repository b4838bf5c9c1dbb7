"""The report on a classifier: classes that are mixed up, features that matter, labels that it gets wrong."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QRectF, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QStandardItem,
    QStandardItemModel,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableView,
    QTabWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_batch_prediction.features.choice import selection_text
from napari_batch_prediction.features.selection import TITLES
from napari_batch_prediction.session.training.fit import Trained
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.training.report import TrainingReport, report_of
from napari_batch_prediction.training.validation import Agreement
from napari_batch_prediction.widgets.classifier.feature_table import close_button, fit_to_contents
from napari_batch_prediction.widgets.parts.message import WrappedText
from napari_batch_prediction.widgets.parts.table import Table
from napari_batch_prediction.widgets.work import Task, in_background

# The search for fewer features takes about so long, in seconds.
_SEARCH = 8.0

# So many of the pixels that are wrong are listed.
MOST_WRONG = 500

_ROW_PX, _BAR_PX = 18, 160


class ReportDialog(QDialog):
    """A report, made in the background.

    Parameters
    ----------
    result
        The classifier.
    parent
        The widget that opens it.

    Attributes
    ----------
    pixel_wanted
        A labelled pixel is to be shown; emitted with the number of its image in the report, and its position along t,
        z, y and x.
    smaller_wanted
        The user takes the smaller selection of features; emitted with it.
    report
        The report; None until it is made.
    """

    pixel_wanted = Signal(int, object)
    smaller_wanted = Signal(object)

    def __init__(self, result: Trained, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Report on the classifier")
        self.report: TrainingReport | None = None
        self._names = result.training.class_names
        self._text = WrappedText()
        self._text.setPlainText("The report is being made: this trains several more forests, which takes some seconds.")
        self._tabs = QTabWidget()
        self._tabs.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self._text)
        layout.addWidget(self._tabs, 1)
        layout.addWidget(close_button(self))
        self.resize(460, 420)
        work = partial(report_of, result.training, result.examples, seconds=_SEARCH)
        self._task: Task = in_background(work, self, self._on_made)

    def _on_made(self, report: TrainingReport | Failure) -> None:
        if isinstance(report, Failure):
            self._text.setPlainText(report.reason)
            return
        self.report = report
        self._text.setPlainText(summary(report))
        self._tabs.addTab(_confusions(report), "Classes")
        self._tabs.addTab(self._features(report), "Features")
        self._tabs.addTab(self._wrong(report), f"Wrong ({len(report.wrong)})")
        self._tabs.show()

    def _features(self, report: TrainingReport) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        cells = [
            (float(report.importance_by_scale[i, j]), f"{TITLES[name]}, \u03c3 {scale:g}")
            for i, name in enumerate(report.feature_ids)
            for j, scale in enumerate(report.scales)
            if report.importance_by_scale[i, j] > 0
        ]
        layout.addWidget(ImportancePlot(sorted(cells, reverse=True)), 1)
        if report.smaller is not None:
            smaller = report.smaller
            text = QLabel(
                f"As good with fewer features: {smaller.accuracy:.1%} right, with all {smaller.accuracy_of_all:.1%}."
            )
            text.setWordWrap(True)
            text.setToolTip(selection_text(smaller.selection))
            take = QPushButton(f"Use these {sum(1 for _ in smaller.selection)} features")
            take.setToolTip(f"Tick only {selection_text(smaller.selection)}, and train again.")
            take.clicked.connect(lambda: self.smaller_wanted.emit(smaller.selection))
            row = QHBoxLayout()
            row.addWidget(text, 1)
            row.addWidget(take)
            layout.addLayout(row)
        return page

    def _wrong(self, report: TrainingReport) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        wrong, names = report.wrong, self._names
        model = QStandardItemModel(0, 4)
        model.setHorizontalHeaderLabels(["Pixel", "Label", "Predicted", "Sure"])
        for i in range(min(len(wrong), MOST_WRONG)):
            t, z, y, x = (int(n) for n in wrong.positions[i])
            where = f"image {int(wrong.image[i]) + 1}: {f't {t}, ' if t else ''}{f'z {z}, ' if z else ''}y {y}, x {x}"
            model.appendRow(
                [
                    QStandardItem(text)
                    for text in (
                        where,
                        names[int(wrong.labels[i]) - 1],
                        names[int(wrong.predicted[i]) - 1],
                        f"{float(wrong.share[i]):.0%}",
                    )
                ]
            )
        table = Table(model, hint="The classifier gets no labelled pixel wrong.")
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

        def go() -> None:
            for row in table.selected_rows():
                self.pixel_wanted.emit(int(wrong.image[row]), wrong.positions[row])

        table.rows_selected.connect(go)
        about = QLabel("Labelled pixels to which trees that have not seen them give another class. Click to go there.")
        about.setWordWrap(True)
        layout.addWidget(about)
        layout.addWidget(table, 1)
        return page


class ImportancePlot(QWidget):
    """Horizontal bars, the longest on top.

    Parameters
    ----------
    bars
        The share and the name of each.
    """

    def __init__(self, bars: list[tuple[float, str]]) -> None:
        super().__init__()
        self._bars = bars
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Return a size with room for ten bars."""
        return QSize(2 * _BAR_PX, 10 * _ROW_PX)

    def shown(self) -> list[tuple[float, str]]:
        """Return the bars that have room."""
        return self._bars[: max(self.height() // _ROW_PX, 1)]

    def event(self, event: QEvent | None) -> bool:
        """Show name and share of a bar as its tooltip."""
        if isinstance(event, QHelpEvent):
            row, bars = event.y() // _ROW_PX, self.shown()
            text = f"{bars[row][1]}: {bars[row][0]:.1%} of the impurity" if row < len(bars) else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the bars."""
        painter = QPainter(self)
        palette, metrics = self.palette(), QFontMetrics(self.font())
        text = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Text)
        color = QColor(palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight))
        most = max((share for share, _ in self._bars), default=1.0) or 1.0
        names = min(self.width() // 2, 240)
        length = max(self.width() - names - 56, 20)
        for row, (share, name) in enumerate(self.shown()):
            top = row * _ROW_PX
            painter.setPen(text)
            short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names - 8)
            middle = Qt.AlignmentFlag.AlignVCenter.value
            painter.drawText(QRectF(0, top, names - 8, _ROW_PX), middle, short)
            painter.fillRect(QRectF(names, top + 3, length * share / most, _ROW_PX - 6), color)
            painter.drawText(QRectF(names + length * share / most + 4, top, 52, _ROW_PX), middle, f"{share:.1%}")
        painter.end()


def summary(report: TrainingReport) -> str:
    """Return the most important numbers in words."""
    text = f"{report.out_of_bag.accuracy:.1%} of the labelled pixels right, by trees that have not seen them."
    if report.cross_validation is not None:
        text += (
            f" {report.cross_validation.accuracy:.1%} by forests that have not seen their {report.left_out}, "
            "which tells more of new images."
        )
    return text


def _confusions(report: TrainingReport) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    found: list[tuple[str, Agreement]] = [("By trees that have not seen the pixel", report.out_of_bag)]
    if report.cross_validation is not None:
        found.append((f"By forests that have not seen its {report.left_out}", report.cross_validation))
    for title, agreement in found:
        layout.addWidget(QLabel(f"{title}: rows are labels, columns predictions"))
        layout.addWidget(_confusion(report, agreement))
    layout.addStretch(1)
    return page


def _confusion(report: TrainingReport, agreement: Agreement) -> QTableView:
    """Return the table of labels and predictions."""
    n = len(report.classes)
    model = QStandardItemModel(n, n + 1)
    model.setVerticalHeaderLabels(list(report.classes))
    model.setHorizontalHeaderLabels([*report.classes, "right"])
    table: NDArray[np.int64] = agreement.confusion
    for i in range(n):
        shares: list[Any] = [f"{table[i, j]:,}" for j in range(n)]
        right = agreement.by_class[i]
        for j, text in enumerate([*shares, f"{right:.1%}" if np.isfinite(right) else "-"]):
            item = QStandardItem(text)
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            model.setItem(i, j, item)
    view = QTableView()
    model.setParent(view)
    view.setModel(model)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    fit_to_contents(view)
    return view
