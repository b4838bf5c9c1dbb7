"""Layers that the user removes from a real canvas, which napari draws on afterwards."""

import numpy as np
import pytest
from in_napari import open_window
from qtpy.QtGui import QOpenGLContext
from qtpy.QtOpenGLWidgets import QOpenGLWidget

pytestmark = pytest.mark.slow


def remove(viewer, name):
    viewer.layers.remove(viewer.layers[name])


def remove_selected(viewer, name):
    viewer.layers.selection = {viewer.layers[name]}
    viewer.layers.remove_selected()


WAYS = {
    "in code": remove,
    "with the button": remove_selected,
    "all": lambda viewer, name: viewer.layers.clear(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_drawn_region_is_removed(make_napari_viewer, qtbot, way):
    """However the rectangle that was drawn goes, it goes in the canvas's own context, and napari draws on."""
    viewer = make_napari_viewer(show=True)
    open_window(qtbot, viewer)
    canvas = viewer.window._qt_window.findChild(QOpenGLWidget)
    viewer.add_image(np.eye(61))
    shapes = viewer.add_shapes(name="Export region", ndim=2)
    shapes.add_rectangles([np.array([(10, 10), (10, 30), (30, 30), (30, 10)])])
    viewer.screenshot(canvas_only=True, flash=False)
    canvas.doneCurrent()  # as between two paintings
    current = []
    viewer.layers.events.removed.connect(lambda: current.append(QOpenGLContext.currentContext() is canvas.context()))
    way(viewer, "Export region")
    assert current
    assert all(current)
    viewer.layers.clear()
    for _ in range(3):
        viewer.add_image(np.eye(53))
        viewer.add_labels(np.ones((9, 9), np.uint8))
        viewer.screenshot(canvas_only=True, flash=False)
        viewer.layers.clear()
