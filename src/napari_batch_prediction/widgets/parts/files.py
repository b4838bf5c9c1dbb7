"""Files that are dropped on a part of the window."""

from pathlib import Path

from qtpy.QtCore import QMimeData, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QWidget


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


def _local_files(data: QMimeData | None) -> list[Path]:
    urls = data.urls() if data is not None else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
