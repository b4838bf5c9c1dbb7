"""A button that opens a menu, filled anew each time."""

from collections.abc import Callable

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QMenu, QPushButton

# A letter has the font and the colour of the theme; an icon has not.
DOWN = "\u25be"


class MenuButton(QPushButton):
    """A button with an arrow that opens a menu below itself.

    Parameters
    ----------
    text
        The text of the button, before the arrow.
    fill
        A function that adds the entries to the empty menu, called just before it opens.
    """

    def __init__(self, text: str, fill: Callable[[QMenu], None]) -> None:
        super().__init__(f"{text} {DOWN}".strip())
        self._fill = fill
        self.menu_shown = QMenu(self)
        self.menu_shown.setToolTipsVisible(True)
        self.clicked.connect(self._open)
        if not text:
            self.setMaximumWidth(self.fontMetrics().horizontalAdvance("M") * 2)

    def fill(self) -> QMenu:
        """Return the menu as it would open now."""
        self.menu_shown.clear()
        self._fill(self.menu_shown)
        return self.menu_shown

    def _open(self) -> None:
        self.fill().popup(self.mapToGlobal(QPoint(0, self.height())))
