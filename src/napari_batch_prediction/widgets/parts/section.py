"""Parts of the window."""

from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_batch_prediction.widgets.parts.files import FileTarget


class Section(FileTarget):
    """A part of the window: the widgets added to ``body``, one below the other.

    Parameters
    ----------
    takes_files
        Accept files that are dropped on the section.
    """

    def __init__(self, *, takes_files: bool = False) -> None:
        super().__init__(takes_files=takes_files)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(4)


def lay_out(*changed: QWidget) -> None:
    """Lay out a window now, from widgets with new texts outward, so that it is painted once.

    Otherwise it is painted after the layout of each widget around them. napari's window is composed with OpenGL, as its
    canvas is: without a graphics card one painting takes as long as predicting a small image.
    """
    for widget in changed:
        outer: QWidget | None = widget
        while outer is not None:
            QCoreApplication.sendPostedEvents(outer, QEvent.Type.LayoutRequest.value)
            outer = outer.parentWidget()
