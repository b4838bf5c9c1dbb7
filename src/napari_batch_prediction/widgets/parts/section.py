"""Parts of the window, and files that are dropped on them."""

from pathlib import Path

from qtpy.QtCore import QCoreApplication, QEvent, QMimeData, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget


class FileTarget(QWidget):
    """A widget that accepts files, if it is to.

    Parameters
    ----------
    takes_files
        Accept files that are dropped on the widget.

    Attributes
    ----------
    files_dropped
        Files were dropped here; emitted with their paths.
    """

    files_dropped = Signal(list)

    def __init__(self, *, takes_files: bool) -> None:
        super().__init__()
        self.setAcceptDrops(takes_files)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept local files."""
        if event is not None and _local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Pass the files on."""
        if event is not None and (paths := _local_files(event.mimeData())):
            event.acceptProposedAction()
            self.files_dropped.emit(paths)


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


def _local_files(data: QMimeData | None) -> list[Path]:
    urls = data.urls() if data is not None else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
