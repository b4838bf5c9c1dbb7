"""Sentences for the user: wrapped whatever their words, selectable, never cut."""

from math import ceil

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QGuiApplication, QPainter, QPaintEvent, QPalette, QResizeEvent, QTextOption
from qtpy.QtWidgets import QBoxLayout, QFrame, QPushButton, QSizePolicy, QTextEdit, QWidget

from napari_batch_prediction.widgets.parts.colors import Kind, color_of

MAX_LINES = 10

# The bar at the left of a problem or a warning, and the text beside it.
BAR_PX, INDENT_PX = 3, 6


class Message(QWidget):
    """A text, and a button that copies the stack trace if there is one.

    A coloured bar at its left sets problems and warnings apart from hints.

    Parameters
    ----------
    lines
        The lines of a place that is kept whatever the text: longer texts scroll in it. By default the height is that
        of the text, and the message is hidden while there is nothing to say.
    """

    def __init__(self, lines: int | None = None) -> None:
        super().__init__()
        self._has_place = lines is not None
        self._trace = ""
        self._kind: Kind | None = None
        self._text = WrappedText(lines)
        self._copy = QPushButton("Copy details")
        self._copy.setToolTip("Copy the message and where in the program it came from, for a bug report.")
        self._copy.clicked.connect(self._copy_all)
        directions = QBoxLayout.Direction
        layout = QBoxLayout(directions.LeftToRight if self._has_place else directions.TopToBottom, self)
        layout.setSpacing(2)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.say("")

    def text(self) -> str:
        """Return the text."""
        return self._text.toPlainText()

    def kind(self) -> Kind | None:
        """Return the kind of the text: a problem or a warning; None for a hint."""
        return self._kind

    def say(self, text: str, trace: str = "", kind: Kind | None = None) -> None:
        """Show a text; an empty one hides the widget, unless it has a place of its own.

        Parameters
        ----------
        text
            The sentences.
        trace
            The stack trace of an unexpected error, which is a problem.
        kind
            The kind of the text: a problem or a warning; None for a hint.
        """
        self._kind = kind or ("problem" if trace else None)
        if (layout := self.layout()) is not None:
            layout.setContentsMargins(INDENT_PX if self._kind or self._has_place else 0, 0, 0, 0)
        self.update()
        text, self._trace = printable(text), printable(trace)
        if text != self.text():
            self._text.setPlainText(text)
        self._copy.setVisible(bool(trace))
        self.setVisible(self._has_place or bool(text))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bar."""
        super().paintEvent(event)
        if self._kind is not None:
            dark = self.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.Text).lightness() > 128
            painter = QPainter(self)
            painter.fillRect(0, 0, BAR_PX, self.height(), color_of(self._kind, dark=dark))
            painter.end()

    def _copy_all(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(f"{self.text()}\n\n{self._trace}")


def printable(text: str) -> str:
    """Return a text with escapes for bytes that are not Unicode, as in names of files: PySide6 cuts a text there."""
    return text.encode(errors="backslashreplace").decode()


class WrappedText(QTextEdit):
    """Text as high as it needs to be; from ten lines on it scrolls.

    Parameters
    ----------
    lines
        A fixed height; longer texts scroll.
    """

    def __init__(self, lines: int | None = None) -> None:
        super().__init__()
        self._lines, self._is_low = lines, False
        self.setReadOnly(True)
        self.setAcceptDrops(False)
        self.setTabChangesFocus(True)
        # The mouse selects text in it; the keyboard has no use here.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QTextEdit, QTextEdit > QWidget { background: transparent; padding: 0px; }")
        # A path has no spaces to wrap at.
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self.fit)
        self.fit()

    def minimumSizeHint(self) -> QSize:
        """Return no width, so that a long word never widens the window."""
        return QSize(0, self.height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self.fit()

    def set_low(self, is_low: bool) -> None:
        """Take half of a fixed height, in a window that is low."""
        if is_low != self._is_low:
            self._is_low = is_low
            self.fit()

    def set_lines(self, lines: int) -> None:
        """Change the fixed height."""
        if lines != self._lines:
            self._lines = lines
            self.fit()

    def fit(self) -> None:
        """Take the height that text and font need."""
        # What is hidden has not got the font of the window yet.
        self.ensurePolished()
        document = self.document()
        if document is None:
            return
        needed, lines = ceil(document.size().height()), self._lines or MAX_LINES
        lines = ceil(lines / 2) if self._lines and self._is_low else lines
        most = ceil(self.fontMetrics().lineSpacing() * lines + 2 * document.documentMargin())
        # Half a line: at a fraction of a scale heights are rounded.
        is_cut = needed > most + self.fontMetrics().lineSpacing() // 2
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(policy.ScrollBarAlwaysOn if is_cut else policy.ScrollBarAlwaysOff)
        self.setFixedHeight(most if self._lines else min(needed, most) + 2)
