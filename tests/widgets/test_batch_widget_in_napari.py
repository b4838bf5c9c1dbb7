"""The widget in a napari with a canvas, from an empty window to results."""

import json
from pathlib import Path

import numpy as np
import pytest
from batch_window import WAIT_MS, Window, is_busy, written
from golden import ROOT as GOLDEN
from napari.layers import Image, Labels
from qtpy.QtCore import Qt, QThreadPool, QTimer

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.canvas.canvas import PAUSE_MS, Canvas

pytestmark = pytest.mark.slow

CASES = {
    "2D": ("a_2d_u8", ("test1.png", "test2.png"), "yx"),
    "2D, three channels": ("b_2d_rgb_u8", ("test1.png",), "yx"),
    "3D": ("d_3d_u8", ("test1.h5/data",), "zyx"),
    "time series": ("f_2dt_u8", ("test1.h5/data",), "tyx"),
}


def docked(viewer, qtbot) -> tuple[Window, object]:
    """The widget, docked as the menu does it; and its dock."""
    dock, widget = viewer.window.add_plugin_dock_widget("napari-batch-prediction", "Batch Prediction")
    return Window(qtbot, widget), dock


def wait_for_threads(qtbot) -> None:
    pool = QThreadPool.globalInstance()
    qtbot.waitUntil(lambda: pool.activeThreadCount() == 0, timeout=WAIT_MS)


@pytest.mark.parametrize(("name", "images", "axes"), CASES.values(), ids=CASES)
def test_from_an_empty_dock_to_layers_in_place(make_napari_viewer, qtbot, case, name, images, axes):
    """Project, images, two sources, Export all: the image, a layer a class and labels on the canvas, in place."""
    folder = case(name)
    viewer = make_napari_viewer(show=True)
    window, _ = docked(viewer, qtbot)
    assert isinstance(window.widget, BatchPredictionWidget)

    window.line("ilastik project (.ilp)").setText(str(folder / "project.ilp"))
    for image in images:
        window.line("pattern, as folder/*.tif").setText(str(folder / image))
        window.button("Add pattern").click()
    start = window.button("Export all")
    qtbot.waitUntil(lambda: "(" in start.text(), timeout=WAIT_MS)
    window.box("Simple Segmentation").click()
    with qtbot.waitSignal(window.widget.finished, timeout=WAIT_MS) as finished:
        qtbot.mouseClick(start, Qt.MouseButton.LeftButton)
    assert [row.status for row in finished.args[0].rows] == ["done"] * len(images)

    canvas = window.widget.findChild(Canvas)
    qtbot.waitUntil(
        lambda: any(isinstance(layer, Labels) for layer in viewer.layers) and not is_busy(canvas), timeout=WAIT_MS
    )
    raw, *classes, labels = viewer.layers
    assert all(isinstance(layer, Image) for layer in (raw, *classes))
    names = json.loads((GOLDEN / name / "manifest.json").read_text())["label_names"]
    assert [layer.name for layer in classes] == [f"{raw.name} {label}" for label in names]
    assert labels.name == f"{raw.name} Simple Segmentation"
    assert viewer.dims.ndim == len(axes)
    assert labels.axis_labels == tuple(axes)
    for layer in (*classes, labels):
        assert np.array_equal(layer.extent.world, raw.extent.world)

    # What is left on the canvas has the colours of the classes, which are never grey.
    raw.visible = False
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    coloured = np.ptp(picture, axis=-1) > 20
    assert coloured.mean() > 0.1


def large_job(folder: Path) -> BatchJob:
    return BatchJob(
        classifier=folder / "project.ilp",
        inputs=(f"{folder}/large_*.png",),
        exports=(Export(folder=folder / "out"),),
        workers=1,
    )


def start(window: Window, qtbot) -> None:
    """Start a run, and return once some of it is done."""
    with qtbot.waitSignal(window.bar.valueChanged, timeout=WAIT_MS, check_params_cb=lambda value: value > 0):
        window.button("Export all").click()


def test_closed_dock_cancels_the_run(make_napari_viewer, qtbot, large):
    """Closing the dock cancels the run; hiding it does not."""
    viewer = make_napari_viewer()
    window, dock = docked(viewer, qtbot)
    window.check(large_job(large))
    ended = []
    window.widget.finished.connect(ended.append)
    start(window, qtbot)
    dock.hide()
    dock.show()
    assert not window.button("Cancel").text().startswith("Cancelling")
    n_layers = len(viewer.layers)
    dock.destroyOnClose()
    wait_for_threads(qtbot)
    files = written(large / "out")
    assert len(files) < 2
    assert not any(name.endswith(".part") for name in files)
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT_MS)
    assert "cancelled" in [row.status for row in ended[0].rows]
    # What is done by then is not shown any more, whatever is selected; layers that were kept ready for it are gone.
    assert len(viewer.layers) <= n_layers
    window.results.selectRow(0)
    later = QTimer()
    later.setSingleShot(True)
    with qtbot.waitSignal(later.timeout):
        later.start(4 * PAUSE_MS)  # after the timer that would have read the row
    wait_for_threads(qtbot)
    assert len(viewer.layers) <= n_layers


def test_closed_viewer_ends_the_run(make_napari_viewer, qtbot, large):
    """Closing napari ends the run and leaves nothing half-written."""
    viewer = make_napari_viewer()
    window, _ = docked(viewer, qtbot)
    window.check(large_job(large))
    start(window, qtbot)
    del window
    viewer.close()
    wait_for_threads(qtbot)
    files = written(large / "out")
    assert len(files) < 2
    assert not any(name.endswith(".part") for name in files)


def test_window_answers_while_images_are_predicted(make_napari_viewer, qtbot, large):
    """While images are predicted the event loop turns."""
    viewer = make_napari_viewer()
    window, _ = docked(viewer, qtbot)
    window.check(large_job(large))
    turns = []
    timer = QTimer()
    timer.setInterval(10)
    timer.timeout.connect(lambda: turns.append((window.bar.value(), window.bar.maximum())))
    timer.start()
    window.run()
    timer.stop()
    assert len(turns) > 10
    assert len({value for value, most in turns if 0 < value < most}) > 1
