"""What only a napari with a window has: a dock, a canvas, mouse and keys over it; and what a model does instead."""

import numpy as np
from batch_window import WAIT_MS, Window, is_busy
from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Shapes
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.canvas.canvas import Canvas

PLUGIN = "napari-batch-prediction"


def open_window(qtbot, viewer: ViewerModel) -> Window:
    """The widget on a viewer: docked as napari's menu does it, or by itself if the viewer is a model."""
    if isinstance(viewer, Viewer):
        _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Batch Prediction")
        return Window(qtbot, widget)
    widget = BatchPredictionWidget(viewer)
    qtbot.addWidget(widget)
    widget.resize(320, 900)
    widget.show()
    return Window(qtbot, widget)


def make_wide(window: Window, viewer: Viewer, width: int) -> None:
    """Give the dock a width."""
    dock = window.widget.parentWidget()
    viewer.window._qt_window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
    window.qtbot.waitUntil(lambda: abs(dock.width() - width) < 5)


def run_all(window: Window, job: BatchJob) -> Ledger:
    """Check and run a job; return once its first row is on the canvas."""
    window.check(job)
    ledger = window.run()
    canvas = window.widget.findChild(Canvas)
    window.qtbot.waitUntil(lambda: canvas.has_layers and not is_busy(canvas), timeout=WAIT_MS)
    return ledger


def canvas_of(viewer: Viewer) -> QWidget:
    """What napari draws on, and what takes the mouse and the keys over it."""
    return viewer.window._qt_viewer.canvas.native


def over(viewer: Viewer, world: tuple[float, float]) -> QPoint:
    """Where on the canvas a point of the world lies, along y and x, as it is shown in 2D."""
    view = viewer.window._qt_viewer.canvas.view
    x, y = (view.transform * view.scene.transform).map([world[1], world[0]])[:2]
    return QPoint(round(x), round(y))


def picture(viewer: Viewer) -> np.ndarray:
    """What the canvas shows, in red, green and blue."""
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)


def color_at(viewer: Viewer, world: tuple[float, float]) -> tuple[int, ...]:
    """The colour that the canvas shows at a point of the world, along y and x."""
    shown = picture(viewer)
    # The picture has the pixels of the screen, which may be finer than those of the mouse.
    fine = shown.shape[1] / canvas_of(viewer).width()
    point = over(viewer, world)
    return tuple(shown[round(point.y() * fine), round(point.x() * fine)])


def is_coloured(viewer: Viewer) -> bool:
    """Whether a tenth of the canvas at least is not grey."""
    return float((np.ptp(picture(viewer), axis=-1) > 20).mean()) > 0.1


def press(viewer: ViewerModel, key: str) -> None:
    """Press a key over the canvas; a model has it done by whoever took the key."""
    if isinstance(viewer, Viewer):
        canvas = canvas_of(viewer)
        canvas.setFocus()
        QTest.keyClicks(canvas, key)
    else:
        {str(bound): act for bound, act in viewer.keymap.items()}[key](viewer)


def draw_rectangle(qtbot, viewer: ViewerModel, layer: Shapes, first: tuple, last: tuple) -> None:
    """Draw from one point of the world to another, along y and x, with the mouse; a model gets the rectangle."""
    if not isinstance(viewer, Viewer):
        (top, left), (bottom, right) = (layer.world_to_data(point) for point in (first, last))
        layer.add_rectangles([np.array([(top, left), (top, right), (bottom, right), (bottom, left)])])
        return
    canvas, left_button = canvas_of(viewer), Qt.MouseButton.LeftButton
    move_mouse(qtbot, viewer, first)
    QTest.mousePress(canvas, left_button, Qt.KeyboardModifier.NoModifier, over(viewer, first))
    for point in (np.add(first, last) / 2, last):
        move_mouse(qtbot, viewer, tuple(point))
    QTest.mouseRelease(canvas, left_button, Qt.KeyboardModifier.NoModifier, over(viewer, last))


def move_mouse(qtbot, viewer: Viewer, world: tuple[float, ...]) -> None:
    """Move the mouse to a point of the world, along y and x, until napari knows that it is there."""

    def is_there() -> bool:
        # Again and again: vispy leaves out a move that comes too soon after another.
        QTest.mouseMove(canvas_of(viewer), over(viewer, world))
        return bool(np.allclose(viewer.cursor.position[-2:], world, atol=1 / viewer.scene.camera.zoom))

    qtbot.waitUntil(is_there)
