"""Headings that fold away what is below them."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.section import FileTarget

DOWN, RIGHT = "\u25be", "\u25b8"


class Fold(FileTarget):
    """A heading with a summary, and below it the widgets added to ``body``.

    superqt's QCollapsible cuts texts that wrap, and its arrow keeps the colour of the theme it was made in.

    Parameters
    ----------
    title
        The heading.
    takes_files
        Accept files that are dropped on the heading or below it.
    folded
        Fold it away until its heading is pressed.
    about
        Its contents in words, for the tooltip of the heading.
    """

    def __init__(self, title: str, *, takes_files: bool = False, folded: bool = False, about: str = "") -> None:
        super().__init__(takes_files=takes_files)
        self._title = title
        self._about = f"\n{about}" if about else ""
        self._heading = QPushButton()
        self._heading.setCheckable(True)
        self._heading.setChecked(not folded)
        self._heading.setStyleSheet(
            "QPushButton, QPushButton:checked { border: none; background: none; padding: 2px 4px 2px 0px;"
            " font-weight: bold; text-align: left; }"
            # At the left there is no room for a border.
            "QPushButton:focus { text-decoration: underline; }"
        )
        self._heading.toggled.connect(self._fold)

        self._summary = Line()
        self._summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(4, 0, 0, 0)
        self.body.setSpacing(4)

        top = QHBoxLayout()
        top.addWidget(self._heading)
        top.addWidget(self._summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._content)
        self._fold(not folded)

    def set_summary(self, text: str) -> None:
        """Show the settings below beside the heading, so that they can be read when folded."""
        self._summary.say(text)

    def unfold(self) -> None:
        """Show the widgets below the heading."""
        self._heading.setChecked(True)

    def _fold(self, shown: bool) -> None:
        # Letters have the font and the colour of the theme; icons have not.
        self._heading.setText(f"{DOWN if shown else RIGHT} {self._title}")
        self._heading.setToolTip(f"{'Hide' if shown else 'Show'} {self._title}.{self._about}")
        self._content.setVisible(shown)
