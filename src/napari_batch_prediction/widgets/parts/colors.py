"""Squares in the colours of classes; colours of problems and warnings, readable on dark and on light backgrounds.

The error colour of napari's dark theme is not readable enough.
"""

from typing import Literal

from qtpy.QtGui import QColor, QPainter, QPixmap

from napari_batch_prediction.colors import Color

SWATCH_PX = 11

Kind = Literal["problem", "warning"]

_ON_DARK: dict[Kind, str] = {"problem": "#ff8a80", "warning": "#ffcc66"}
_ON_LIGHT: dict[Kind, str] = {"problem": "#b00020", "warning": "#8a5300"}


def color_of(kind: Kind, *, dark: bool) -> QColor:
    """Return the colour of a problem or of a warning, on a dark or a light background."""
    return QColor((_ON_DARK if dark else _ON_LIGHT)[kind])


def swatch(color: Color) -> QPixmap:
    """Return a square in a colour, with an edge that shows it on any background."""
    square = QPixmap(SWATCH_PX, SWATCH_PX)
    square.fill(QColor(*color))
    painter = QPainter(square)
    painter.setPen(QColor("grey"))
    painter.drawRect(0, 0, SWATCH_PX - 1, SWATCH_PX - 1)
    painter.end()
    return square
