"""Colours of problems and warnings, readable on dark and on light backgrounds.

The error colour of napari's dark theme is not readable enough.
"""

from typing import Literal

from qtpy.QtGui import QColor

Kind = Literal["problem", "warning"]

_ON_DARK: dict[Kind, str] = {"problem": "#ff8a80", "warning": "#ffcc66"}
_ON_LIGHT: dict[Kind, str] = {"problem": "#b00020", "warning": "#8a5300"}


def color_of(kind: Kind, *, dark: bool) -> QColor:
    """Return the colour of a problem or of a warning, on a dark or a light background."""
    return QColor((_ON_DARK if dark else _ON_LIGHT)[kind])
