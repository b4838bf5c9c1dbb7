"""The OpenGL context of a viewer."""

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QObject
from qtpy.QtOpenGLWidgets import QOpenGLWidget


@contextmanager
def drawing_context(inside: QObject | None) -> Iterator[None]:
    """Make the OpenGL context of a viewer's canvas the current one.

    When napari removes a layer it deletes at once what OpenGL holds of it, in whatever context is current: outside
    of painting that is another. The next painting may end the process then, with Mesa for one.

    Parameters
    ----------
    inside
        Something in the viewer's window; without a window around it there is no context.
    """
    canvas = None
    while inside is not None and canvas is None:
        canvas = inside.findChild(QOpenGLWidget)
        inside = inside.parent()
    if canvas is None:
        yield
        return
    canvas.makeCurrent()
    try:
        yield
    finally:
        canvas.doneCurrent()
