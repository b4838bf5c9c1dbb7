"""The OpenGL context of a viewer."""

from qtpy.QtCore import QObject
from qtpy.QtOpenGLWidgets import QOpenGLWidget


def make_current(inside: QObject | None) -> None:
    """Make the OpenGL context of a viewer's canvas the current one.

    Call it before any layer is removed. napari deletes the layer's OpenGL objects at once, in the context that happens
    to be current: outside of painting that is another one, or none. The next painting may then end the process; with
    Mesa it does, for a layer of shapes that was drawn on.

    Parameters
    ----------
    inside
        An object in the viewer's window; outside of a window there is no context.
    """
    while inside is not None:
        canvas = inside.findChild(QOpenGLWidget)
        if canvas is not None:
            canvas.makeCurrent()
            return
        inside = inside.parent()
