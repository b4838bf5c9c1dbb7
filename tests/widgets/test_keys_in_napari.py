"""The whole window is used by the keyboard alone."""

from itertools import pairwise

import pytest
from batch_window import WAIT_MS
from in_napari import make_wide, open_window, run_all
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit, QPushButton, QTableView, QWidget
from superqt.utils import WorkerBase

from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.export.settings import Export
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.run import RunBar

SECTIONS = (ClassifierSection, InputsSection, ExportsSection, RunBar, ResultsSection)
CONTROLS = (QPushButton, QLineEdit, QComboBox, QCheckBox, QTableView)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def window(qtbot, viewer):
    """The widget in its dock, in a napari that has the keyboard; what it started is over when the test is."""
    found = open_window(qtbot, viewer)
    viewer.window._qt_window.activateWindow()
    qtbot.waitUntil(viewer.window._qt_window.isActiveWindow)
    yield found
    WorkerBase.await_workers(WAIT_MS)


def tabbed(widget: BatchPredictionWidget, key: Qt.Key) -> list[QWidget]:
    """Press a key until the keyboard leaves a widget or comes back; return what had it."""
    met: list[QWidget] = []
    while (focus := QApplication.focusWidget()) is not None and focus not in met and widget.isAncestorOf(focus):
        met.append(focus)
        QTest.keyClick(focus, key)
    return met


@pytest.mark.parametrize("width", [300, 600])
def test_tab_goes_through_all(window, viewer, case, width):
    """From the heading of the classifier Tab reaches every control that is on, from the top to the bottom, and back."""
    folder = case("a_2d_u8")
    (folder / "cut.png").write_bytes((folder / "test1.png").read_bytes()[:500])
    images = [f"{folder}/{name}.png" for name in ("test1", "cut", "test2")]
    run_all(
        window, BatchJob(classifier=folder / "project.ilp", inputs=images, exports=(Export(folder=folder / "out"),))
    )
    window.inputs.selectRow(0)
    for title in ("Input settings", "More export settings"):
        window.button(f"\u25b8 {title}").click()
    make_wide(window, viewer, width)
    widget = window.widget
    wanted = [one for kind in CONTROLS for one in widget.findChildren(kind) if one.isVisible() and one.isEnabled()]
    assert len(wanted) > 30
    first = window.button("\u25be Classifier")
    first.setFocus()
    window.qtbot.waitUntil(first.hasFocus)
    there = tabbed(widget, Qt.Key.Key_Tab)
    assert [one for one in wanted if one not in there] == []
    parts = [widget.findChild(kind) for kind in SECTIONS]
    sections = [next(i for i, part in enumerate(parts) if part.isAncestorOf(one)) for one in there]
    assert sections == sorted(sections)
    # Buttons in a row may differ by a few pixels in height.
    tops = [one.mapTo(widget.widget(), QPoint(0, 0)).y() for one in there]
    assert [(above, below) for above, below in pairwise(tops) if below < above - 10] == []
    there[-1].setFocus()
    window.qtbot.waitUntil(there[-1].hasFocus)
    assert tabbed(widget, Qt.Key.Key_Backtab)[: len(there)] == there[::-1]
