"""The batch widget as its user sees it."""

from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTabBar,
    QTableView,
    QTextEdit,
)

from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.work import Task

# Kernels may have to be compiled first.
WAIT_MS = 120_000


class Window:
    """Handles on the widget: buttons by their text, tables by their place. And the viewer that it works on."""

    def __init__(self, qtbot, widget: BatchPredictionWidget, viewer: ViewerModel | None = None) -> None:
        self.qtbot, self.widget, self.viewer = qtbot, widget, viewer
        pages = (InputsSection, ResultsSection)
        self.inputs, self.results = (widget.findChild(page).findChild(QTableView) for page in pages)
        self.tabs = widget.findChild(QTabBar)
        self.bar = widget.findChild(QProgressBar)
        self.canvas = widget.findChild(Canvas)

    def button(self, text: str) -> QPushButton:
        (found,) = (b for b in self.widget.findChildren(QPushButton) if b.text().startswith(text))
        return found

    def start_button(self) -> QPushButton:
        """The button that starts a run, whether it writes files or not."""
        (found,) = (
            b for b in self.widget.findChildren(QPushButton) if b.text().startswith(("Export all", "Predict all"))
        )
        return found

    def box(self, text: str) -> QCheckBox:
        (found,) = (b for b in self.widget.findChildren(QCheckBox) if b.text() == text)
        return found

    def line(self, placeholder: str) -> QLineEdit:
        (found,) = (w for w in self.widget.findChildren(QLineEdit) if placeholder in (w.placeholderText(), w.text()))
        return found

    def choice(self, text: str) -> QComboBox:
        """The list that offers a text."""
        (found,) = (box for box in self.widget.findChildren(QComboBox) if box.findText(text) >= 0)
        return found

    def said(self) -> str:
        """Every sentence that is shown."""
        texts = [w.toPlainText() for w in self.widget.findChildren(QTextEdit) if not w.isHidden()]
        labels = [w.text() for w in self.widget.findChildren(QLabel) if not w.isHidden()]
        return "\n".join(texts + labels)

    def tooltips(self) -> str:
        return "\n".join(label.toolTip() for label in self.widget.findChildren(QLabel) if not label.isHidden())

    def is_running(self) -> bool:
        """Whether the window shows a run."""
        return self.button("Cancel").isEnabled() or self.button("Cancel").text() == "Cancelling"

    def show_page(self, title: str) -> None:
        """Turn to the page with a title, with the mouse."""
        (index,) = (i for i in range(self.tabs.count()) if self.tabs.tabText(i).startswith(title))
        self.qtbot.mouseClick(self.tabs, Qt.MouseButton.LeftButton, pos=self.tabs.tabRect(index).center())

    def check(self, job):
        """Fill in a job, and return its plan once the window has checked it."""
        with self.qtbot.waitSignal(self.widget.checked, timeout=WAIT_MS) as checked:
            self.widget.setValue(job)
        return checked.args[0]

    def run(self):
        """Press the button, and return what became of the images."""
        with self.qtbot.waitSignal(self.widget.finished, timeout=WAIT_MS) as finished:
            self.start_button().click()
        return finished.args[0]


def is_busy(canvas: Canvas) -> bool:
    """Whether something is about to be shown or taken away."""
    return bool(canvas.findChildren(Task)) or any(timer.isActive() for timer in canvas.findChildren(QTimer))


def chosen_classifier(widget: BatchPredictionWidget) -> Path | None:
    """The file that stands in the line of the classifier; None if the line is empty."""
    (line,) = (w for w in widget.findChildren(QLineEdit) if w.placeholderText() == "ilastik project (.ilp)")
    return Path(line.text()) if line.text() else None


def cells(table: QTableView) -> list[list[str]]:
    """The texts of a table."""
    model = table.model()
    columns = range(model.columnCount())
    return [[model.index(row, column).data() for column in columns] for row in range(model.rowCount())]


def written(folder: Path) -> list[str]:
    """Outputs in a folder, whole or not; nothing if there is no folder."""
    return sorted(path.name for path in folder.iterdir() if ".h5" in path.name) if folder.exists() else []
