"""A thin border around the control that has the keyboard, and the same size for what is on and off.

napari's themes mark no button and no list, and make a button that is off larger by its border.
"""

from napari.utils.theme import get_theme

# The padding shrinks by the width of the border, from the sizes of napari's themes, so that nothing moves.
_SHEET = """
QPushButton:disabled {{ padding: 3px; }}
QTabWidget::pane {{ border: 0px; }}
QTabBar::tab {{ padding: 3px 1px; }}
QPushButton:focus {{ border: 1px solid {0}; padding: 3px; }}
QComboBox:focus {{ border: 1px solid {0}; padding: 2px 9px 2px 7px; }}
QComboBox::drop-down {{ subcontrol-origin: border; }}
QLineEdit:focus {{ border: 1px solid {0}; padding: 1px; }}
QTableView {{ border: 1px solid transparent; }}
QTableView:focus {{ border: 1px solid {0}; }}
"""


def focus_style(theme: str) -> str:
    """Return the style sheet of a window in a theme of napari; the border has the colour of its texts."""
    return _SHEET.format(get_theme(theme).text.as_hex())
