"""Bars on any device: of images, of frames, and of a histogram."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette

GAP = 4
# Bars of at least this width have a name below and a gap beside.
NAMED_WIDTH = 34
SEPARATE_WIDTH = 4
WIDEST = 80
N_STEPS = 3
# Ticks of the axis below, and pixels for each of them.
N_BELOW, BELOW_PX = 6, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars side by side.

    Attributes
    ----------
    title
        The heading.
    heights
        The height of each bar, from 0; NaN where there is none.
    front
        The height of the part of each bar that stands out; NaN where there is none.
    names
        A name for each bar; none in a histogram.
    limits
        The values at the left end of the first bar and at the right end of the last, of a histogram.
    are_whole
        True if the values of a histogram are whole numbers.
    lines
        Lines below the heading: about the bars, and about the parts that stand out.
    """

    title: str = ""
    heights: NDArray[np.float64]
    front: NDArray[np.float64]
    names: Sequence[str] = ()
    limits: tuple[float, float] | None = None
    are_whole: bool = False
    lines: tuple[str, ...] = ()


class Bars(NamedTuple):
    """The layout of a chart.

    Attributes
    ----------
    left, width
        Left end of the first bar, and the width of a bar with its gap, in pixels.
    bottom, top
        Height of 0 and of the highest tick, in pixels from the top.
    ticks
        The values with a label.
    """

    left: float
    width: float
    bottom: float
    top: float
    ticks: tuple[float, ...]


def lay_out(chart: Chart, size: QSize, font: QFont) -> Bars:
    """Return where bars are in a drawing of this size."""
    metrics = QFontMetrics(font)
    known = chart.heights[~np.isnan(chart.heights)]
    # A histogram counts objects.
    ticks = nice_ticks(float(known.max()) if known.size else 0.0, 0 if chart.limits is None else 1)
    left = max(metrics.horizontalAdvance(_number(tick)) for tick in ticks) + 2 * GAP
    # Half of the last label of an axis below is beside it.
    right = 0 if chart.limits is None else BELOW_PX / 4
    width = (size.width() - left - right) / max(len(chart.heights), 1)
    top = (1.6 + 1.1 * len(chart.lines)) * metrics.height()
    bottom = size.height() - metrics.height() - GAP
    return Bars(left, width if chart.limits is not None else min(width, WIDEST), bottom, top, ticks)


def bar_at(chart: Chart, bars: Bars, x: float) -> int | None:
    """Return the bar at a position along the axis, in pixels; of several at one pixel the highest."""
    if not len(chart.heights) or not bars.left <= x < bars.left + bars.width * len(chart.heights):
        return None
    first = int((x - bars.left) / bars.width)
    last = max(first + 1, math.ceil((math.floor(x) + 1 - bars.left) / bars.width))
    heights = chart.heights[first:last]
    return first if np.isnan(heights).all() else first + int(np.nanargmax(heights))


def draw(chart: Chart, painter: QPainter, size: QSize, font: QFont, palette: QPalette) -> None:
    """Draw heading, axes, bars and names.

    Parameters
    ----------
    chart
        The bars.
    painter, size
        The painter, and the size of the drawing.
    font, palette
        The font, and the colours of text and background.
    """
    bars = lay_out(chart, size, font)
    painter.setFont(font)
    text, below = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    faint, plain = _mix(text, below, 0.2), _mix(text, below, 0.55)
    metrics = QFontMetrics(font)
    painter.setPen(text)
    _draw_heading(chart, painter, size, metrics, (plain, text))
    for tick in bars.ticks:
        y = bars.bottom - tick / bars.ticks[-1] * (bars.bottom - bars.top)
        painter.setPen(text)
        label = _number(tick)
        corner = QPointF(bars.left - GAP - metrics.horizontalAdvance(label), y + metrics.ascent() / 2 - 1)
        painter.drawText(corner, label)
        painter.setPen(faint)
        painter.drawLine(QPointF(bars.left, y), QPointF(size.width(), y))
    _draw_bars(chart, painter, bars, plain, text)
    painter.setPen(text)
    if chart.limits is None:
        _draw_names(chart, painter, bars, metrics)
    else:
        _draw_axis(chart, chart.limits, painter, bars, metrics)


def _draw_heading(
    chart: Chart, painter: QPainter, size: QSize, metrics: QFontMetrics, colors: tuple[QColor, QColor]
) -> None:
    title = metrics.elidedText(chart.title, Qt.TextElideMode.ElideMiddle, size.width() - GAP)
    painter.drawText(QPointF(0, metrics.ascent()), title)
    square = metrics.ascent() - 2
    for i, line in enumerate(chart.lines):
        y = (1.1 + 1.1 * i) * metrics.height()
        painter.fillRect(QRectF(0, y + 2, square, square), colors[min(i, 1)])
        left = square + GAP
        short = metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, size.width() - left - GAP)
        painter.drawText(QPointF(left, y + metrics.ascent()), short)


def _draw_bars(chart: Chart, painter: QPainter, bars: Bars, plain: QColor, strong: QColor) -> None:
    height = (bars.bottom - bars.top) / bars.ticks[-1]
    is_separate = chart.limits is None and bars.width >= SEPARATE_WIDTH
    gap = min(bars.width / 5, 8) if is_separate else 0
    n = len(chart.heights)
    shown = [*range(n)]
    if bars.width < 1:
        pixels = [bar_at(chart, bars, bars.left + i) for i in range(math.ceil(n * bars.width))]
        shown = [i for i in pixels if i is not None]
    # What stands out is drawn last, over others that share its pixel.
    for color, heights, of in (
        (plain, chart.heights, shown),
        (strong, chart.front, np.flatnonzero(~np.isnan(chart.front)).tolist()),
    ):
        for i in of:
            if not math.isnan(heights[i]) and (heights[i] or chart.limits is None):
                left = bars.left + i * bars.width
                left = left + gap / 2 if bars.width >= 1 else math.floor(left)
                tall = max(heights[i] * height, 1)
                painter.fillRect(QRectF(left, bars.bottom - tall, max(bars.width - gap, 1), tall), color)


def _draw_names(chart: Chart, painter: QPainter, bars: Bars, metrics: QFontMetrics) -> None:
    names, room = chart.names, int(bars.width) - GAP
    if any(metrics.horizontalAdvance(name) > room for name in names):
        names = telling_parts(names)
    if bars.width >= NAMED_WIDTH:
        for i, name in enumerate(names):
            short = metrics.elidedText(name, Qt.TextElideMode.ElideLeft, room)
            box = QRectF(bars.left + i * bars.width, bars.bottom + 2, bars.width, metrics.height())
            painter.drawText(box, _flags(Qt.AlignmentFlag.AlignHCenter), short)
    elif len(names) > 1:
        end = bars.left + bars.width * len(names)
        box = QRectF(bars.left, bars.bottom + 2, end - bars.left, metrics.height())
        middle = (end - bars.left) / 2 - GAP
        for name, side in (
            (names[0], Qt.AlignmentFlag.AlignLeft),
            (names[-1], Qt.AlignmentFlag.AlignRight),
        ):
            painter.drawText(box, _flags(side), metrics.elidedText(name, Qt.TextElideMode.ElideLeft, int(middle)))


def _draw_axis(chart: Chart, limits: tuple[float, float], painter: QPainter, bars: Bars, metrics: QFontMetrics) -> None:
    low, high = limits
    right = bars.left + bars.width * len(chart.heights)
    n = max(1, min(N_BELOW, int((right - bars.left) / BELOW_PX)))
    for tick, label in ticks_between(low, high, n, 1 if chart.are_whole else 0):
        x = bars.left + (tick - low) / (high - low) * (right - bars.left)
        painter.drawLine(QPointF(x, bars.bottom), QPointF(x, bars.bottom + 2))
        box = QRectF(x - BELOW_PX, bars.bottom + 2, 2 * BELOW_PX, metrics.height())
        painter.drawText(box, _flags(Qt.AlignmentFlag.AlignHCenter), label)


def _flags(side: Qt.AlignmentFlag) -> int:
    """Return flags for a name. It is not clipped: the line of ``_`` is below the height of some fonts."""
    flags: int = side.value | Qt.TextFlag.TextDontClip.value
    return flags


def telling_parts(names: Sequence[str]) -> list[str]:
    """Return names without what all of them begin and end with. Words and numbers stay whole, and no name is empty."""
    words = [re.findall(r"\d+|[^\W\d_]+|[\W_]", name) for name in names]
    if len(words) < 2 or not all(words):
        return list(names)
    # The end first, since the type of the files tells nothing.
    least = min(map(len, words)) - 1
    n_end = _n_shared([each[::-1] for each in words], least)
    n_start = _n_shared(words, least - n_end)
    return ["".join(each[n_start : len(each) - n_end]) for each in words]


def _n_shared(words: Sequence[Sequence[str]], most: int) -> int:
    """Return with how many words all begin, up to ``most``."""
    return next((i for i in range(most) if len({each[i] for each in words}) > 1), most)


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def nice_ticks(highest: float, least: float = 0) -> tuple[float, ...]:
    """Return values from 0 to at least ``highest`` in steps of 1, 2 or 5 times a power of ten, not below ``least``."""
    if not highest > 0:
        return 0.0, 1.0
    step = nice_step(max(highest / N_STEPS, least))
    return tuple(i * step for i in range(math.ceil(highest / step - 1e-9) + 1))


def ticks_between(low: float, high: float, n: int, least: float = 0) -> list[tuple[float, str]]:
    """Return about ``n`` round values between two others, in steps not below ``least``, with their labels."""
    step = nice_step(max(high / n - low / n, least))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    large = max(abs(low), abs(high)) >= 1e7 or decimals > 6
    return [(i * step, f"{i * step:.4g}" if large else f"{i * step:,.{decimals}f}") for i in range(first, last + 1)]


def _mix(color: QColor, other: QColor, share: float) -> QColor:
    first, second = color.getRgbF()[:3], other.getRgbF()[:3]
    return QColor.fromRgbF(*(share * a + (1 - share) * b for a, b in zip(first, second, strict=True)))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10_000 else f"{value:g}"
