"""A line of text that fits in any width."""

from qtpy.QtCore import Qt
from superqt import QElidingLabel

from napari_batch_prediction.widgets.parts.words import tip

# Room for the dots; with less, the theme's padding cuts the first letter.
_ELLIPSIS_WIDTH = 8


class Line(QElidingLabel):
    """A text on one line, cut off where there is no room, shown as it is even if it looks like HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setEllipsesWidth(_ELLIPSIS_WIDTH)

    def say(self, text: str, tooltip: str | None = None) -> None:
        """Show a text, and all of it or another one as tooltip."""
        self.setText(text)
        self.setToolTip(tip(text if tooltip is None else tooltip))
