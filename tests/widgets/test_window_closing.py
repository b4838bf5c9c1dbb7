"""Docks and viewers that are closed while the window works: nothing hangs, nothing is half-written, nothing leaks."""

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from batch_window import WAIT_MS, Window, is_busy, written
from qtpy import API_NAME
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication, QMainWindow
from superqt.utils import WorkerBase

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.exports.region import NAME

pytestmark = pytest.mark.slow


def job(folder: Path, images: str) -> BatchJob:
    inputs = (f"{folder}/{images}",)
    return BatchJob(classifier=folder / "project.ilp", inputs=inputs, exports=(Export(folder=folder / "out"),))


def checking(window: Window, folder: Path) -> None:
    """The check has found 500 files, and looks into them."""
    (folder / "many").mkdir()
    for i in range(500):
        shutil.copy(folder / "test1.png", folder / f"many/{i}.png")
    window.widget.setValue(job(folder, "many/*.png"))
    window.qtbot.waitUntil(lambda: window.inputs.model().rowCount() == 500, timeout=WAIT_MS)


def running(window: Window, folder: Path) -> None:
    """Some of a run is done."""
    window.check(job(folder, "large_*.png"))
    with window.qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        window.button("Export all").click()


def loading(window: Window, folder: Path) -> None:
    """A result is being read."""
    window.check(job(folder, "large_1.png"))
    window.run()
    window.qtbot.waitUntil(lambda: is_busy(window.canvas) or window.canvas.has_layers, timeout=WAIT_MS)


def following(window: Window, folder: Path) -> None:
    """The rectangle in the viewer is followed."""
    window.check(job(folder, "test1.png"))
    window.viewer.add_image(np.zeros((61, 45)))
    window.button("Draw in viewer").click()
    window.viewer.layers[NAME].add_rectangles([np.array([(1, 1), (1, 9), (9, 9), (9, 1)])])


PHASES = {one.__name__: one for one in (checking, running, loading, following)}
every_phase = pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)


def is_idle(qtbot) -> None:
    """Every thread has come to its end, and what it said is taken in."""
    pool = QThreadPool.globalInstance()
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0 and not WorkerBase._worker_set, timeout=WAIT_MS)


def left_open(folder: Path) -> list[str]:
    """Files in a folder that this process has open, where the system tells."""
    handles = Path("/proc/self/fd")
    found = []
    for handle in handles.iterdir() if handles.exists() else ():
        try:
            found.append(str(handle.readlink()))
        except FileNotFoundError:
            continue  # that of the listing itself
    return [name for name in found if name.startswith(str(folder))]


def delete(qtbot, widget: BatchPredictionWidget) -> None:
    """Delete it, without what is connected to it in a test: PySide6 cannot take that away any more."""
    deleted: list[bool] = []
    widget.destroyed.connect(lambda: deleted.append(True))
    widget.deleteLater()
    qtbot.waitUntil(lambda: bool(deleted), timeout=WAIT_MS)


def is_gone(qtbot, widget: "weakref.ref[BatchPredictionWidget]") -> None:
    """Nothing holds the widget any more."""

    def collected() -> bool:
        gc.collect()
        return widget() is None

    qtbot.waitUntil(collected, timeout=10_000)


def leaves_nothing(qtbot, folder: Path) -> None:
    is_idle(qtbot)
    assert not any(name.endswith(".part") for name in written(folder / "out"))
    gc.collect()
    assert left_open(folder) == []


@every_phase
def test_removed_dock_is_collected(viewer, large, qtbot, phase: Callable[[Window, Path], None]):
    """The widget taken out of its dock stops, lets go of the viewer, and is collected with all of its parts."""
    before = set(QApplication.topLevelWidgets())
    main = QMainWindow()
    qtbot.addWidget(main)
    widget = BatchPredictionWidget(viewer)
    main.setCentralWidget(widget)
    main.show()
    phase(Window(qtbot, widget, viewer), large)
    keys = set(map(str, viewer.keymap))
    assert {".", ","} <= keys
    main.takeCentralWidget()
    assert not {".", ","} & set(map(str, viewer.keymap))
    is_idle(qtbot)
    n = len(viewer.layers)
    if NAME in viewer.layers:
        viewer.layers[NAME].add_rectangles([np.array([(2, 2), (2, 20), (20, 20), (20, 2)])])
    reference = weakref.ref(widget)
    delete(qtbot, widget)
    del widget
    is_gone(qtbot, reference)
    assert len(viewer.layers) == n
    viewer.layers.clear()
    leaves_nothing(qtbot, large)
    left = set(QApplication.topLevelWidgets()) - before - {main}
    assert [type(one).__name__ for one in left] == []


@every_phase
def test_closing_napari_ends_the_widget(make_napari_viewer, large, qtbot, phase: Callable[[Window, Path], None]):
    """Closing napari ends whatever the widget does."""
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    window = Window(qtbot, widget, viewer)
    phase(window, large)
    del window, widget
    viewer.close()
    leaves_nothing(qtbot, large)


@every_phase
def test_closing_the_dock_ends_the_widget(make_napari_viewer, large, qtbot, phase: Callable[[Window, Path], None]):
    """The dock's own button ends it; a new dock works in the same viewer."""
    viewer = make_napari_viewer()
    dock, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    phase(Window(qtbot, widget, viewer), large)
    dock.destroyOnClose()
    reference = weakref.ref(widget)
    is_idle(qtbot)
    if API_NAME == "PySide6":
        # It counts what is connected to a widget's own signals as its user, until the widget is deleted.
        delete(qtbot, widget)
    del dock, widget
    is_gone(qtbot, reference)
    _, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    again = Window(qtbot, widget)
    again.check(job(large, "test2.png"))
    assert [row.status for row in again.run().rows] == ["done"]
    qtbot.waitUntil(lambda: "test2" in viewer.layers, timeout=WAIT_MS)
    viewer.layers.clear()
    leaves_nothing(qtbot, large)
