"""Images, classifiers and handles on the parts of the window."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QTableView, QTextEdit
from superqt.utils import WorkerBase

from napari_batch_prediction.widgets.batch import BatchPredictionWidget

# Kernels may have to be compiled first.
WAIT_MS = 120_000


class Window:
    """The widget as its user sees it: buttons by their text, tables by their place."""

    def __init__(self, qtbot, widget: BatchPredictionWidget) -> None:
        self.qtbot, self.widget = qtbot, widget
        self.inputs, self.results = widget.findChildren(QTableView)
        self.bar = widget.findChild(QProgressBar)

    def button(self, text: str) -> QPushButton:
        (found,) = (b for b in self.widget.findChildren(QPushButton) if b.text().startswith(text))
        return found

    def box(self, text: str) -> QCheckBox:
        (found,) = (b for b in self.widget.findChildren(QCheckBox) if b.text() == text)
        return found

    def line(self, placeholder: str) -> QLineEdit:
        (found,) = (w for w in self.widget.findChildren(QLineEdit) if placeholder in (w.placeholderText(), w.text()))
        return found

    def choice(self) -> QComboBox:
        return self.widget.findChild(QComboBox)

    def said(self) -> str:
        """Every sentence that is shown."""
        texts = [w.toPlainText() for w in self.widget.findChildren(QTextEdit) if not w.isHidden()]
        labels = [w.text() for w in self.widget.findChildren(QLabel) if not w.isHidden()]
        return "\n".join(texts + labels)

    def tooltips(self) -> str:
        return "\n".join(label.toolTip() for label in self.widget.findChildren(QLabel) if not label.isHidden())

    def check(self, job):
        """Fill in a job, and return its plan once the window has checked it."""
        with self.qtbot.waitSignal(self.widget.checked, timeout=WAIT_MS) as checked:
            self.widget.setValue(job)
        return checked.args[0]

    def run(self):
        """Press the button, and return what became of the images."""
        with self.qtbot.waitSignal(self.widget.finished, timeout=WAIT_MS) as finished:
            self.button("Export all").click()
        return finished.args[0]


def cells(table: QTableView) -> list[list[str]]:
    """The texts of a table."""
    model = table.model()
    columns = range(model.columnCount())
    return [[model.index(row, column).data() for column in columns] for row in range(model.rowCount())]


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def window(qtbot, viewer):
    """The widget with a viewer that draws nothing; what it started is over when the test is."""
    widget = BatchPredictionWidget(viewer)
    qtbot.addWidget(widget)
    widget.resize(320, 900)
    widget.show()
    yield Window(qtbot, widget)
    WorkerBase.await_workers(WAIT_MS)


@pytest.fixture
def case(tmp_path):
    """Return a function that copies the project and the images of a golden case to a folder of its own."""

    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in (GOLDEN / name).iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        return folder

    return copy


@pytest.fixture
def large(case):
    """A folder with a project and two images of many tiles, ``large_1.png`` and ``large_2.png``."""
    folder = case("a_2d_u8")
    pixels = np.tile(np.asarray(Image.open(folder / "test1.png")), (12, 9))
    for i in (1, 2):
        Image.fromarray(pixels).save(folder / f"large_{i}.png", compress_level=1)
    return folder
