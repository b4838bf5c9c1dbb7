"""The OpenGL context of a viewer."""

from qtpy.QtCore import QObject
from qtpy.QtOpenGLWidgets import QOpenGLWidget


def make_current(inside: QObject | None) -> None:
    """Make the OpenGL context of a viewer's canvas the current one.

    To be done before a layer is removed, whoever removes it. napari deletes at once what OpenGL holds of the layer,
    in whatever context is current: outside of painting that is another, or none. The next painting may end the
    process then; with Mesa it does, for a layer of shapes that was drawn on.

    Parameters
    ----------
    inside
        Something in the viewer's window; without a window around it there is no context.
    """
    while inside is not None:
        canvas = inside.findChild(QOpenGLWidget)
        if canvas is not None:
            canvas.makeCurrent()
            return
        inside = inside.parent()
