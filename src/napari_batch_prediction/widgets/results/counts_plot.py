"""Counts as bars, one for each image of a batch or for each frame of an image."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

# Two of them, with a table and buttons, fit on a small screen.
HEIGHT = 100
GAP = 4
# Bars of at least this width have a name below and a gap beside.
NAMED_WIDTH = 34
SEPARATE_WIDTH = 4
WIDEST = 80
N_STEPS = 3


class Bars(NamedTuple):
    """The layout of a plot.

    Attributes
    ----------
    left, width
        Left end of the first bar, and the width of a bar with its gap, in pixels.
    bottom, top
        Height of 0 and of the highest tick, in pixels from the top of the widget.
    ticks
        The values with a label.
    """

    left: float
    width: float
    bottom: float
    top: float
    ticks: tuple[float, ...]


class CountsPlot(QWidget):
    """A bar chart. Pointing at a bar shows its name and value, a click selects it.

    If there are more bars than pixels, the highest of those that share a pixel is drawn.

    Parameters
    ----------
    noun
        A word for the thing that a bar stands for.

    Attributes
    ----------
    clicked
        A bar was clicked; emitted with its index.
    """

    clicked = Signal(int)

    def __init__(self, noun: str = "image") -> None:
        super().__init__()
        self._noun = noun
        self._title = ""
        self._names: list[str] = []
        self._values = np.empty(0)
        self._are_whole = True
        self._selected: int | None = None
        self.setMouseTracking(True)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Counts")

    def set_values(self, title: str, names: Sequence[str], values: Sequence[float | None]) -> None:
        """Show other bars.

        Parameters
        ----------
        title
            The heading.
        names, values
            A name and a value for each bar; None where there is none yet.
        """
        self._title, self._names = title, list(names)
        self._values = np.array([np.nan if value is None else value for value in values], float)
        self._are_whole = all(value is None or isinstance(value, int) for value in values)
        self._selected = None
        self._tell_all()
        self.update()

    def set_title(self, title: str) -> None:
        """Change the heading."""
        self._title = title
        self._tell_all()
        self.update()

    def set_value(self, index: int, value: float | None) -> None:
        """Change one bar."""
        self._values[index] = np.nan if value is None else value
        self._are_whole &= value is None or isinstance(value, int)
        self._tell_all()
        self.update()

    def set_selected(self, index: int | None) -> None:
        """Make one bar stand out."""
        self._selected = index
        self.update()

    def text(self, index: int) -> str:
        """Return the text of a bar: its name and value."""
        value = self._values[index]
        number = "not counted" if math.isnan(value) else f"{value:.{0 if self._are_whole else 1}f}"
        return f"{self._names[index]}: {number}"

    def bar_at(self, x: float) -> int | None:
        """Return the bar at a position along the axis, in pixels; of several at one pixel the highest."""
        return self._bar_at(self._bars(), x)

    def _bar_at(self, bars: Bars, x: float) -> int | None:
        if not len(self._values) or not bars.left <= x < bars.left + bars.width * len(self._values):
            return None
        first = int((x - bars.left) / bars.width)
        last = max(first + 1, math.ceil((math.floor(x) + 1 - bars.left) / bars.width))
        values = self._values[first:last]
        return first if np.isnan(values).all() else first + int(np.nanargmax(values))

    def sizeHint(self) -> QSize:
        """Return a size with room for the names of a few bars."""
        return QSize(240, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Return a width that never widens the window."""
        return QSize(120, HEIGHT)

    def event(self, event: QEvent | None) -> bool:
        """Show the tooltip of the bar under the mouse."""
        if isinstance(event, QHelpEvent):
            index = self.bar_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self.text(index) if index is not None else "", self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Show that a bar can be clicked, and its name and value at once."""
        if event is not None:
            index = self.bar_at(event.position().x())
            self.setCursor(Qt.CursorShape.ArrowCursor if index is None else Qt.CursorShape.PointingHandCursor)
            QToolTip.showText(event.globalPosition().toPoint(), "" if index is None else self.text(index), self)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Emit the bar that is clicked."""
        index = self.bar_at(event.position().x()) if event is not None else None
        if index is not None:
            self.clicked.emit(index)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw title, axis, bars and names."""
        bars = self._bars()
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(max(9, self.fontInfo().pixelSize() - 2))
        painter.setFont(font)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        below = self.palette().color(QPalette.ColorRole.Window)
        faint, plain = _mix(text, below, 0.2), _mix(text, below, 0.55)
        metrics = painter.fontMetrics()
        painter.setPen(text)
        title = metrics.elidedText(self._title, Qt.TextElideMode.ElideMiddle, self.width() - GAP)
        painter.drawText(QPointF(0, metrics.ascent()), title)
        for tick in bars.ticks:
            y = bars.bottom - tick / bars.ticks[-1] * (bars.bottom - bars.top)
            painter.setPen(text)
            label = _number(tick)
            corner = QPointF(bars.left - GAP - metrics.horizontalAdvance(label), y + metrics.ascent() / 2 - 1)
            painter.drawText(corner, label)
            painter.setPen(faint)
            painter.drawLine(QPointF(bars.left, y), QPointF(self.width(), y))
        self._draw_bars(painter, bars, plain, text)
        if bars.width >= NAMED_WIDTH:
            painter.setPen(text)
            for i, name in enumerate(self._names):
                # The names in a batch differ in their ends.
                short = metrics.elidedText(name, Qt.TextElideMode.ElideLeft, int(bars.width) - GAP)
                box = QRectF(bars.left + i * bars.width, bars.bottom + 2, bars.width, metrics.height())
                painter.drawText(box, _flags(Qt.AlignmentFlag.AlignHCenter), short)
        elif len(self._names) > 1:
            painter.setPen(text)
            end = bars.left + bars.width * len(self._names)
            box = QRectF(bars.left, bars.bottom + 2, end - bars.left, metrics.height())
            middle = (end - bars.left) / 2 - GAP
            for name, side in (
                (self._names[0], Qt.AlignmentFlag.AlignLeft),
                (self._names[-1], Qt.AlignmentFlag.AlignRight),
            ):
                painter.drawText(box, _flags(side), metrics.elidedText(name, Qt.TextElideMode.ElideLeft, int(middle)))

    def _draw_bars(self, painter: QPainter, bars: Bars, plain: QColor, strong: QColor) -> None:
        height = (bars.bottom - bars.top) / bars.ticks[-1]
        gap = min(bars.width / 5, 8) if bars.width >= SEPARATE_WIDTH else 0
        if bars.width >= 1:
            shown = [(bars.left + i * bars.width + gap / 2, value, i) for i, value in enumerate(self._values)]
        else:
            n = math.ceil(len(self._values) * bars.width)
            pixels = [self._bar_at(bars, bars.left + i) for i in range(n)]
            shown = [(bars.left + i, self._values[k], k) for i, k in enumerate(pixels) if k is not None]
        # The selected bar is drawn last, over others that share its pixel.
        if self._selected is not None:
            left = bars.left + self._selected * bars.width
            left = left + gap / 2 if bars.width >= 1 else math.floor(left)
            shown.append((left, self._values[self._selected], self._selected))
        for x, value, i in shown:
            if not math.isnan(value):
                color = strong if i == self._selected else plain
                size = max(value * height, 1)
                painter.fillRect(QRectF(x, bars.bottom - size, max(bars.width - gap, 1), size), color)

    def _bars(self) -> Bars:
        font = self.font()
        font.setPixelSize(max(9, self.fontInfo().pixelSize() - 2))
        metrics = QFontMetrics(font)
        counted = self._values[~np.isnan(self._values)]
        ticks = nice_ticks(float(counted.max()) if counted.size else 0.0)
        left = max(metrics.horizontalAdvance(_number(tick)) for tick in ticks) + 2 * GAP
        width = min((self.width() - left) / max(len(self._values), 1), WIDEST)
        return Bars(left, width, self.height() - metrics.height() - GAP, 1.6 * metrics.height(), ticks)

    def _tell_all(self) -> None:
        n_counted = int((~np.isnan(self._values)).sum())
        self.setAccessibleDescription(f"{self._title}: {n_counted} of {len(self._values)} {self._noun}s counted")


def _flags(side: Qt.AlignmentFlag) -> int:
    """Return flags for a name. It is not clipped: the line of ``_`` is below the height of some fonts."""
    flags: int = side.value | Qt.TextFlag.TextDontClip.value
    return flags


def nice_ticks(highest: float) -> tuple[float, ...]:
    """Return values from 0 to at least ``highest`` in steps of 1, 2 or 5 times a power of ten."""
    if not highest > 0:
        return 0.0, 1.0
    rough = highest / N_STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return tuple(i * step for i in range(math.ceil(highest / step - 1e-9) + 1))


def _mix(color: QColor, other: QColor, share: float) -> QColor:
    first, second = color.getRgbF()[:3], other.getRgbF()[:3]
    return QColor.fromRgbF(*(share * a + (1 - share) * b for a, b in zip(first, second, strict=True)))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10_000 else f"{value:g}"
