"""Sentences for the user: wrapped whatever their words, selectable, never cut."""

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent, QTextOption
from qtpy.QtWidgets import QFrame, QSizePolicy, QTextEdit

MAX_LINES = 10


class Message(QTextEdit):
    """Text as high as it needs to be; from ten lines on it scrolls. Hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # A path has no spaces to wrap at.
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
        self.setVisible(False)

    def say(self, text: str) -> None:
        """Show this text; an empty one hides the widget."""
        if text != self.toPlainText():
            self.setPlainText(text)
        self.setVisible(bool(text))
        self._fit()

    def sizeHint(self) -> QSize:
        """Return the size that shows all of the text at the present width."""
        return QSize(super().sizeHint().width(), self._needed_height())

    def minimumSizeHint(self) -> QSize:
        """Return no width and the height needed, so that a long word never widens the window."""
        return QSize(0, self._needed_height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.height() != self._needed_height():
            self.updateGeometry()

    def _needed_height(self) -> int:
        document = self.document()
        assert document is not None  # noqa: S101 - for the type checker; a QTextEdit has one
        frame = self.height() - self.viewport().height() if self.viewport() else 0
        lines = self.fontMetrics().lineSpacing() * MAX_LINES
        return min(int(document.size().height()), lines) + max(frame, 0) + 2
