"""What only a napari with its window can show: keys, mouse, canvas, menus, themes and the console."""

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from batch_window import WAIT_MS, cells, is_busy, written
from in_napari import PLUGIN, canvas_of, color_at, is_coloured, make_wide, open_window, run_all
from napari.layers import Image, Labels
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QGuiApplication, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit, QPushButton, QTabBar, QTableView, QWidget
from superqt import QElidingLabel
from superqt.utils import WorkerBase

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.demo.samples import EMBRYO
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.text import as_python
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.canvas import pixels
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.help import HelpButton
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.run import RunBar

pytestmark = pytest.mark.slow

PAGES = {"Images": InputsSection, "Export": ExportsSection, "Results": ResultsSection}
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


def job_in(folder: Path, *images: str, sources: tuple[str, ...] = ("Probabilities",)) -> BatchJob:
    exports = tuple(Export(source=source, folder=folder / "out") for source in sources)
    inputs = tuple(f"{folder}/{image}" for image in images)
    return BatchJob(classifier=folder / "project.ilp", inputs=inputs, exports=exports, workers=1)


def test_long_texts_do_not_widen_the_dock(window, viewer, case, tmp_path):
    """At 300 pixels nothing sticks out; what is too long has its whole in the tooltip."""
    folder = case("a_2d_u8")
    deep = folder / ("a very long name of a folder " * 4).strip()
    deep.mkdir()
    name = "Donaudampfschifffahrtsgesellschaftskapitaensmuetze " * 3 + ".png"
    shutil.copy(folder / "project.ilp", deep / "my long project.ilp")
    shutil.copy(folder / "test2.png", deep / name)
    job = BatchJob(classifier=deep / "my long project.ilp", inputs=(str(deep / name),), exports=(Export(folder=deep),))
    make_wide(window, viewer, 300)
    run_all(window, job)
    widget = window.widget
    labels = [one for one in widget.findChildren(QElidingLabel) if not one.isHidden() and one.text()]
    too_long = [one for one in labels if one.fontMetrics().horizontalAdvance(one.text()) > one.width()]
    assert str(deep) in "".join(label.text() for label in too_long)
    for label in too_long:
        assert label.text() in label.toolTip()
    for table in (window.inputs, window.results):
        assert str(deep / name) in table.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert table.horizontalScrollBar().maximum() == 0
    for path in (deep / "my long project.ilp", deep):
        assert str(path) in window.line(str(path)).toolTip()
    for title in PAGES:
        window.show_page(title)
        for one in widget.findChildren(QWidget):
            if one.isVisible() and not one.isWindow():
                parent = one.parentWidget()
                if isinstance(parent, CONTROLS) or isinstance(parent.parentWidget(), CONTROLS):
                    continue  # inside of a control, which scrolls
                assert one.mapTo(widget, QPoint(one.width(), 0)).x() <= widget.width(), (one, one.toolTip())


def test_the_canvas_has_the_colours_of_the_classes(window, viewer, case):
    """Each pixel of a segmentation is drawn in its class's colour, over the image that was chosen in the table."""
    folder = case("a_2d_u8")
    ledger = run_all(window, job_in(folder, "test1.png", "test2.png", sources=("Simple Segmentation",)))
    colors = load_classifier(folder / "project.ilp").class_colors
    for row in (1, 0):
        window.results.selectRow(row)
        stem = f"test{row + 1}"
        window.qtbot.waitUntil(lambda stem=stem: f"{stem} Simple Segmentation" in viewer.layers, timeout=WAIT_MS)
        canvas = window.widget.findChild(Canvas)
        window.qtbot.waitUntil(lambda canvas=canvas: not is_busy(canvas), timeout=WAIT_MS)
        viewer.reset_view()
        with h5py.File(ledger.rows[row].outputs["Simple Segmentation"]) as file:
            labels = np.squeeze(file["exported_data"][()])
        assert viewer.layers[0].name == stem
        viewer.layers[0].visible = False
        viewer.layers[-1].opacity = 1
        # In the middle of 5 by 5 pixels of one class, so that no edge is near.
        windows = np.lib.stride_tricks.sliding_window_view(labels, (5, 5))
        for label in np.unique(labels):
            places = np.argwhere((windows == label).all((2, 3)))
            if len(places):
                point = tuple(places[len(places) // 2] + 2)
                assert np.abs(np.subtract(color_at(viewer, point), colors[label - 1])).max() <= 2
        viewer.layers[0].visible = True


def test_keys_over_the_dock_go_through_results(window, viewer, case):
    """With the keyboard in the results the same keys as over the canvas go to the next row and back."""
    run_all(window, job_in(case("a_2d_u8"), "test1.png", "test2.png"))
    table = window.results
    table.setFocus()
    window.qtbot.waitUntil(table.hasFocus)
    for key, row in ((".", 1), (",", 0)):
        QTest.keyClicks(table, key)
        window.qtbot.waitUntil(lambda row=row: table.currentIndex().row() == row)
        stem = f"test{row + 1}"
        window.qtbot.waitUntil(lambda stem=stem: stem in viewer.layers, timeout=WAIT_MS)


def test_cancel_in_the_middle_leaves_nothing_half_written(window, viewer, large, qtbot):
    """While it runs the canvas follows the mouse; a click on Cancel ends it, and nothing half-written is left."""
    viewer.add_image(np.zeros((50, 60)), name="mine")
    window.check(job_in(large, "large_1.png", "large_2.png"))
    with qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        qtbot.mouseClick(window.button("Export all"), Qt.MouseButton.LeftButton)
    zoom, canvas = viewer.scene.camera.zoom, canvas_of(viewer)
    middle = QPointF(canvas.rect().center())
    turn = (QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(
        canvas, QWheelEvent(middle, canvas.mapToGlobal(middle), *turn, Qt.ScrollPhase.NoScrollPhase, False)
    )
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom != zoom)
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        qtbot.mouseClick(window.button("Cancel"), Qt.MouseButton.LeftButton)
    assert "cancelled" in [row.status for row in finished.args[0].rows]
    assert "cancelled" in [row[1] for row in cells(window.results)]
    assert not any(name.endswith(".part") for name in written(large / "out"))
    assert len(written(large / "out")) < 2
    assert not window.is_running()
    assert "mine" in viewer.layers


def test_unforeseen_error_is_said_in_words(window, case, monkeypatch):
    """It is said in words, without a trace and without a dialog of napari; the trace is one click away."""
    folder = case("a_2d_u8")
    window.check(job_in(folder, "test1.png"))

    def fail(*args, **kwargs):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(PixelClassification, "predict_tile", fail)
    (row,) = window.run().rows
    assert row.status == "failed"
    window.results.selectRow(0)
    window.qtbot.waitUntil(lambda: "ZeroDivisionError" in window.said())
    assert "Traceback" not in window.said()
    (copy,) = (b for b in window.widget.findChildren(QPushButton) if b.text() == "Copy details" and b.isVisible())
    QTest.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert "Traceback (most recent call last)" in QGuiApplication.clipboard().text()
    assert "in fail" in QGuiApplication.clipboard().text()


def test_volume_in_scales_is_read_as_it_is_looked_at(window, viewer, tmp_path, monkeypatch, qtbot):
    """A volume and its OME-Zarr are read as they are looked at: in place, in their units, in 2D and in 3D."""
    monkeypatch.setattr(pixels, "IN_MEMORY", 0)
    job = EMBRYO.job([str(path) for path in EMBRYO.images], tmp_path)
    exports = [export.model_copy(update={"format": "multi-scale OME-Zarr"}) for export in job.exports]
    run_all(window, job.model_copy(update={"exports": tuple(exports)}))
    raw, *classes, labels = viewer.layers
    assert isinstance(labels, Labels)
    for layer in viewer.layers:
        assert not isinstance(layer.data, np.ndarray)
        assert layer.axis_labels == ("z", "y", "x")
        assert tuple(layer.scale) == pytest.approx((2, 0.5, 0.5))
        assert {str(unit) for unit in layer.units} == {"micrometer"}
        assert np.array_equal(layer.extent.world, raw.extent.world)
    names = load_classifier(EMBRYO.project).classes
    assert [layer.name for layer in classes] == [f"{raw.name} {name}" for name in names]
    for layer in classes:
        assert isinstance(layer, Image)
        assert layer.contrast_limits == [0, 1]
        assert layer.blending == "additive"
    for ndisplay in (2, 3):
        viewer.dims.ndisplay = ndisplay
        qtbot.waitUntil(lambda: is_coloured(viewer), timeout=WAIT_MS)


def test_dock_has_the_theme_of_napari(window, viewer):
    """The dock is dark in napari's dark theme and light in its light one."""

    def brightness() -> float:
        image = window.widget.grab().toImage()
        points = [
            image.pixelColor(x, y).lightness() for x in range(3, image.width(), 9) for y in range(3, image.height(), 9)
        ]
        return float(np.median(points))

    viewer.theme = "dark"
    assert brightness() < 90
    viewer.theme = "light"
    assert brightness() > 165


CONSOLE = """
import json, napari, sys
viewer = napari.Viewer(show=False)
console = viewer.window._qt_viewer.console
for code in json.loads(sys.stdin.read()):
    console.shell.run_cell(code).raise_error()
viewer.close()
"""


def test_widget_and_job_in_the_console(case):
    """In napari's own console: the widget by its name, its job, which runs there, and a job that was copied."""
    folder = case("a_2d_u8")
    job = job_in(folder, "test2.png")
    typed = [
        f"dock, widget = viewer.window.add_plugin_dock_widget({PLUGIN!r}, 'Batch Prediction')",
        as_python(job),
        "copied = job; widget.setValue(job); job = widget.value(); assert job == copied",
        "assert job.model_copy(update={'existing': 'overwrite'}).run().rows[0].status == 'done'",
    ]
    command = [sys.executable, "-c", CONSOLE]
    done = subprocess.run(command, input=json.dumps(typed), capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert written(folder / "out") == ["test2_Probabilities.h5"]


def tabbed(widget: BatchPredictionWidget, key: Qt.Key) -> list[QWidget]:
    """Press a key until the keyboard leaves a widget or comes back; return what had it."""
    met: list[QWidget] = []
    while (focus := QApplication.focusWidget()) is not None and focus not in met and widget.isAncestorOf(focus):
        met.append(focus)
        QTest.keyClick(focus, key)
    return met


@pytest.mark.parametrize("width", [300, 600])
def test_tab_goes_through_the_whole_dock(window, viewer, case, width):
    """From the line of the classifier Tab reaches every control of a page and the run below it, top down, and back."""
    folder = case("a_2d_u8")
    (folder / "cut.png").write_bytes((folder / "test1.png").read_bytes()[:500])
    images = [f"{folder}/{name}.png" for name in ("test1", "cut", "test2")]
    run_all(
        window, BatchJob(classifier=folder / "project.ilp", inputs=images, exports=(Export(folder=folder / "out"),))
    )
    window.inputs.selectRow(0)
    for title in ("Image settings", "More export settings"):
        window.button(f"\u25b8 {title}").click()
    make_wide(window, viewer, width)
    widget = window.widget
    first = window.line(str(folder / "project.ilp"))
    for title, page in PAGES.items():
        window.show_page(title)
        wanted = [one for kind in CONTROLS for one in widget.findChildren(kind) if one.isVisible() and one.isEnabled()]
        assert len(wanted) > 10
        first.setFocus()
        window.qtbot.waitUntil(first.hasFocus)
        there = tabbed(widget, Qt.Key.Key_Tab)
        assert [one for one in wanted if one not in there] == []
        parts = [widget.findChild(kind) for kind in (ClassifierSection, QTabBar, HelpButton, page, RunBar)]
        sections = [next(i for i, part in enumerate(parts) if one is part or part.isAncestorOf(one)) for one in there]
        assert sections == sorted(sections)
        # Buttons in a row may differ by a few pixels in height.
        inside = widget.findChild(page)
        tops = [one.mapTo(inside, QPoint(0, 0)).y() for one in there if inside.isAncestorOf(one)]
        assert [(above, below) for above, below in pairwise(tops) if below < above - 10] == []
        there[-1].setFocus()
        window.qtbot.waitUntil(there[-1].hasFocus)
        assert tabbed(widget, Qt.Key.Key_Backtab)[: len(there)] == there[::-1]
