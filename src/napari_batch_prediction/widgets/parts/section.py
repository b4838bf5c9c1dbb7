"""Sections of the window, with headings that fold them away."""

from pathlib import Path

from qtpy.QtCore import QCoreApplication, QEvent, QMimeData, Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_batch_prediction.widgets.parts.line import Line

DOWN, RIGHT = "\u25be", "\u25b8"


class Section(QWidget):
    """A heading with a summary, and below it the widgets added to ``body``.

    superqt's QCollapsible cuts texts that wrap, and its arrow keeps the colour of the theme it was made in.

    Parameters
    ----------
    title
        The heading.
    takes_files
        Accept files that are dropped on the section.
    folded
        Fold the section away until its heading is pressed.
    about
        Its contents in words, for the tooltip of the heading.
    wraps
        Show a summary that is too long for one line on several, instead of cutting it off.

    Attributes
    ----------
    files_dropped
        Files were dropped here; emitted with their paths.
    """

    files_dropped = Signal(list)

    def __init__(
        self, title: str, *, takes_files: bool = False, folded: bool = False, about: str = "", wraps: bool = False
    ) -> None:
        super().__init__()
        self.setAcceptDrops(takes_files)
        self._title = title
        self._about = f"\n{about}" if about else ""
        self._heading = QPushButton()
        self._heading.setCheckable(True)
        self._heading.setChecked(not folded)
        self._heading.setStyleSheet(
            "QPushButton, QPushButton:checked { border: none; background: none; padding: 2px 4px 2px 0px;"
            " font-weight: bold; text-align: left; }"
            # At the left there is no room for a border.
            "QPushButton:focus { text-decoration: underline; }"
        )
        self._heading.toggled.connect(self._fold)

        self._summary: QLabel = QLabel() if wraps else Line()
        self._summary.setTextFormat(Qt.TextFormat.PlainText)
        self._summary.setWordWrap(wraps)
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(4, 0, 0, 0)
        self.body.setSpacing(4)

        top = QHBoxLayout()
        top.addWidget(self._heading)
        top.addWidget(self._summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._content)
        self._fold(not folded)

    def set_summary(self, text: str) -> None:
        """Show the state of this section beside its heading, so that it can be read when folded."""
        if isinstance(self._summary, Line):
            self._summary.say(text)
        else:
            self._summary.setText(text)

    def unfold(self) -> None:
        """Show the widgets of the section."""
        self._heading.setChecked(True)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept local files."""
        if event is not None and _local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Pass the files on."""
        if event is not None and (paths := _local_files(event.mimeData())):
            event.acceptProposedAction()
            self.files_dropped.emit(paths)

    def _fold(self, shown: bool) -> None:
        # Letters have the font and the colour of the theme; icons have not.
        self._heading.setText(f"{DOWN if shown else RIGHT} {self._title}")
        self._heading.setToolTip(f"{'Hide' if shown else 'Show'} {self._title}.{self._about}")
        self._content.setVisible(shown)


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
