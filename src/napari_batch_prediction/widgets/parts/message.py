"""Sentences for the user: wrapped whatever their words, selectable, never cut."""

from math import ceil

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QGuiApplication, QResizeEvent, QTextOption
from qtpy.QtWidgets import QFrame, QPushButton, QSizePolicy, QTextEdit, QVBoxLayout, QWidget

MAX_LINES = 10


class Message(QWidget):
    """A text, and a button that copies the stack trace if there is one. Hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self._trace = ""
        self._text = WrappedText()
        self._copy = QPushButton("Copy details")
        self._copy.setToolTip("Copy the message and where in the program it came from, for a bug report.")
        self._copy.clicked.connect(self._copy_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._text)
        layout.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.setVisible(False)

    def text(self) -> str:
        """Return what is said."""
        return self._text.toPlainText()

    def say(self, text: str, trace: str = "") -> None:
        """Show a text; an empty one hides the widget.

        Parameters
        ----------
        text
            The sentences.
        trace
            The stack trace of an unexpected error.
        """
        text, self._trace = printable(text), printable(trace)
        if text != self.text():
            self._text.setPlainText(text)
        self._copy.setVisible(bool(trace))
        self.setVisible(bool(text))

    def _copy_all(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(f"{self.text()}\n\n{self._trace}")


def printable(text: str) -> str:
    """Return a text with escapes for what is not Unicode, as in names of files: PySide6 ends a text there."""
    return text.encode(errors="backslashreplace").decode()


class WrappedText(QTextEdit):
    """Text as high as it needs to be; from ten lines on it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAcceptDrops(False)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QTextEdit, QTextEdit > QWidget { background: transparent; padding: 0px; }")
        # A path has no spaces to wrap at.
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self._fit)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """Return no width, so that a long word never widens the window."""
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        document = self.document()
        if document is None:
            return
        needed, most = ceil(document.size().height()), self.fontMetrics().lineSpacing() * MAX_LINES
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAsNeeded if needed > most else policy.ScrollBarAlwaysOff)
        self.setFixedHeight(min(needed, most) + 2)
