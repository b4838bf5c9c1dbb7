"""From an empty viewer to a finished batch in a real napari: strokes with the mouse, undo with keys, and buttons."""

import numpy as np
import pytest
from batch_window import WAIT_MS
from in_napari import PLUGIN, canvas_of, is_coloured, move_mouse, over
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_batch_prediction.demo.samples import NUCLEI
from napari_batch_prediction.session.training.state import Failed, Shown
from napari_batch_prediction.widgets.dock import batch_docks, docks
from napari_batch_prediction.widgets.training.train import TrainClassifierWidget

pytestmark = [pytest.mark.gui, pytest.mark.slow]


def stroke(qtbot, viewer, first, last):
    """Paint from one pixel to another with the mouse."""
    canvas, button, no_key = canvas_of(viewer), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    move_mouse(qtbot, viewer, first)
    QTest.mousePress(canvas, button, no_key, over(viewer, first))
    for share in (0.25, 0.5, 0.75, 1):
        move_mouse(qtbot, viewer, tuple(np.add(first, share * np.subtract(last, first))))
    QTest.mouseRelease(canvas, button, no_key, over(viewer, last))


def test_from_an_empty_viewer_to_a_finished_batch(make_napari_viewer, qtbot):
    """Two strokes show a prediction, undo takes one back, a report is made, and a button leads to a finished batch."""
    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Train Classifier")
    pixels = np.asarray(Image.open(NUCLEI.images[0]))
    viewer.add_image(pixels, name="nuclei")
    menu = widget.images._add.fill()
    menu.actions()[0].trigger()
    qtbot.wait(200)

    def wait():
        qtbot.waitUntil(lambda: isinstance(widget.session.state, Shown | Failed), timeout=WAIT_MS)
        assert isinstance(widget.session.state, Shown), widget.session.state

    bright = np.argwhere(pixels > np.percentile(pixels, 95))
    at = bright[len(bright) // 2]
    stroke(qtbot, viewer, (100.0, 100.0), (100.0, 130.0))
    table = widget.classes._table
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.model().index(1, 0)).center()
    )
    stroke(qtbot, viewer, tuple(map(float, at)), (float(at[0] + 2), float(at[1] + 2)))
    wait()
    labels = widget.layers.current.labels
    assert set(np.unique(labels.data)) == {0, 1, 2}
    assert is_coloured(viewer)
    n = widget.session.result.n_examples
    stroke(qtbot, viewer, (300.0, 100.0), (300.0, 130.0))
    qtbot.waitUntil(lambda: widget.session.result.n_examples > n, timeout=WAIT_MS)
    canvas_of(viewer).setFocus()
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: widget.session.result.n_examples == n, timeout=WAIT_MS)
    wait()
    before = widget.session.result
    viewer.scene.camera.zoom *= 4
    qtbot.waitUntil(lambda: widget.layers.current.overlay.layer.data.shape[0] < pixels.shape[0] // 2, timeout=WAIT_MS)
    wait()
    assert widget.session.result is before

    QTest.mouseClick(widget.bar._report, Qt.MouseButton.LeftButton)
    report = widget.actions_of_bar._report
    qtbot.waitUntil(lambda: report.report is not None, timeout=WAIT_MS)
    report.pixel_wanted.emit(0, np.array([0, 0, 10, 20]))
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10, 20))
    report.close()

    QTest.mouseClick(widget.bar._predict, Qt.MouseButton.LeftButton)
    (batch,) = batch_docks(viewer)
    batch._job.inputs.add(["layer:nuclei"])
    qtbot.waitUntil(lambda: batch._session.count_ready() == 1, timeout=WAIT_MS)
    assert batch.value().in_memory.classifier is widget.session.result.classifier
    with qtbot.waitSignal(batch.finished, timeout=WAIT_MS) as finished:
        batch.start()
    assert [row.status for row in finished.args[0].rows] == ["done"]


def test_the_sample_opens_with_strokes_and_is_predicted(make_napari_viewer, qtbot):
    """Two images come with the strokes of the shipped project, one of them is shown, and it is trained on both."""
    viewer = make_napari_viewer(show=True)
    viewer.open_sample(PLUGIN, "strokes")
    (widget,) = docks(viewer, TrainClassifierWidget)
    qtbot.waitUntil(lambda: len(widget.layers.entries) == 2, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: widget.session.current is not None, timeout=WAIT_MS)
    assert [one.name for one in widget.value().classes] == ["Background", "Nucleus", "Mitotic"]
    assert widget.session.result.n_examples == 8826
    assert [entry.labels.visible for entry in widget.layers.entries] == [False, True]
    qtbot.waitUntil(lambda: isinstance(widget.session.state, Shown), timeout=WAIT_MS)
    assert is_coloured(viewer)
    viewer.open_sample(PLUGIN, "strokes")
    qtbot.wait(100)
    assert len(widget.layers.entries) == 2
