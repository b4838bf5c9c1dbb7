"""The OpenGL context of a viewer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtpy.QtOpenGLWidgets import QOpenGLWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer


@contextmanager
def drawing_context(viewer: "Viewer") -> Iterator[None]:
    """Make the OpenGL context of a viewer's canvas the current one.

    When napari removes a layer it deletes at once what OpenGL holds of it, in whatever context is current: outside
    of painting that is another. The next painting may end the process then, with Mesa for one.

    Parameters
    ----------
    viewer
        The viewer; a model without a window has no context.
    """
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    canvas = window.findChild(QOpenGLWidget) if window is not None else None
    if canvas is None:
        yield
        return
    canvas.makeCurrent()
    try:
        yield
    finally:
        canvas.doneCurrent()
