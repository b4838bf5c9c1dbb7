"""A chart in the window: bars that say what they are, and that can be clicked."""

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_batch_prediction.widgets.results.drawing import Bars, Chart, bar_at, draw, lay_out

# Two of bars, with a table and buttons, fit on a small screen.
HEIGHT = 100
LINE_HEIGHT = 17

NOTHING = Chart(heights=np.empty(0), front=np.empty(0))


class Plot(QWidget):
    """A bar chart or a histogram. Pointing at a bar shows its text, a click on one that has a name emits its index.

    If there are more bars than pixels, the highest of those that share a pixel is drawn.

    Attributes
    ----------
    clicked
        A bar was clicked; emitted with its index.
    chart
        The bars that are shown.
    """

    clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.chart = NOTHING
        self._text: Callable[[int], str] = str
        self.setMouseTracking(True)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Plot")

    def show_chart(self, chart: Chart, text: Callable[[int], str], about: str) -> None:
        """Show other bars.

        Parameters
        ----------
        chart
            The bars.
        text
            Returns the text of a bar, by its index.
        about
            The bars in words, for those who do not see them.
        """
        self.chart, self._text = chart, text
        self.setFixedHeight(HEIGHT + LINE_HEIGHT * len(chart.lines))
        self.setAccessibleDescription(about)
        self.update()

    def text(self, index: int) -> str:
        """Return the text of a bar."""
        return self._text(index)

    def bar_at(self, x: float) -> int | None:
        """Return the bar at a position along the axis, in pixels; of several at one pixel the highest."""
        return bar_at(self.chart, self._bars(), x)

    def sizeHint(self) -> QSize:
        """Return a size with room for the names of a few bars."""
        return QSize(240, self.height())

    def minimumSizeHint(self) -> QSize:
        """Return a width that never widens the window."""
        return QSize(120, self.height())

    def event(self, event: QEvent | None) -> bool:
        """Show the tooltip of the bar under the mouse."""
        if isinstance(event, QHelpEvent):
            index = self.bar_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self.text(index) if index is not None else "", self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Show that a bar can be clicked, and its text at once."""
        if event is not None:
            index = self.bar_at(event.position().x())
            is_link = index is not None and bool(self.chart.names)
            self.setCursor(Qt.CursorShape.PointingHandCursor if is_link else Qt.CursorShape.ArrowCursor)
            QToolTip.showText(event.globalPosition().toPoint(), "" if index is None else self.text(index), self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Emit the bar that is clicked."""
        index = self.bar_at(event.position().x()) if event is not None else None
        if index is not None and self.chart.names:
            self.clicked.emit(index)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the bars in the colours of the theme."""
        draw(self.chart, QPainter(self), self.size(), self.small_font(), self.palette())

    def small_font(self) -> QFont:
        """Return the font of the texts in the plot."""
        font = self.font()
        font.setPixelSize(max(9, self.fontInfo().pixelSize() - 2))
        return font

    def _bars(self) -> Bars:
        return lay_out(self.chart, self.size(), self.small_font())
