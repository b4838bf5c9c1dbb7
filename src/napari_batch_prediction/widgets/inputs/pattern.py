"""The line in which a pattern is typed, with the number of files that match it."""

from functools import partial

from magicgui.widgets import LineEdit
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.inputs import expand_inputs
from napari_batch_prediction.planning.inputs.results import Results
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.inputs.model import WAITING
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.work import Task, in_background
from napari_batch_prediction.wording import count

HELP = (
    "A pattern: * stands for any characters, ? for one, ** for any number of folders.\n"
    "Or one file with a dataset after it: scan.h5/volume/data"
)

# Files are counted once the typing pauses.
PAUSE_MS = 250


def count_files(pattern: str, results: Results | None = None) -> int:
    """Return the number of images that a pattern stands for; 0 if it is a file that does not exist."""
    try:
        locations = expand_inputs([pattern], find_results=results)
    except SettingsError:
        return 0
    if len(locations) == 1 and locations[0].state() is None:
        return 0
    return len(locations)


class PatternLine(QWidget):
    """A line for a pattern, the number of files that match, and a button to add them; Enter adds them too.

    Attributes
    ----------
    added
        The user wants these files; emitted with the pattern.
    counted
        The files were counted; emitted with their number.
    """

    added = Signal(str)
    counted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._task: Task | None = None
        self._counting = ""
        self._results = Results()
        self._line = LineEdit(tooltip=HELP)
        line = self._line.native
        line.setPlaceholderText("pattern, as folder/*.tif")
        line.setAcceptDrops(False)
        # In the line, so that it moves nothing.
        self._number = QLabel(line)
        self._number.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        inside = QHBoxLayout(line)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.addWidget(self._number, 0, Qt.AlignmentFlag.AlignRight)
        self._add = QPushButton("Add pattern")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(line, 1)
        layout.addWidget(self._add)

        self._pause = single_shot(self, PAUSE_MS, self._count)
        self._line.changed.connect(self._on_text)
        line.returnPressed.connect(self._add.click)
        self._add.clicked.connect(self._on_add)
        self._on_text()

    def _pattern(self) -> str:
        text: str = self._line.value
        return text.strip()

    def _on_text(self) -> None:
        pattern = self._pattern()
        self._pause.stop()
        if pattern:
            self._pause.start()
        self._line.tooltip = f"{pattern}\n\n{HELP}" if pattern else HELP
        self._say(WAITING if pattern else "")
        self._enable(bool(pattern), "Add what matches the pattern." if pattern else "Type a pattern first.")

    def _count(self) -> None:
        """Count in the background, one pattern at a time: looking through folders cannot be stopped."""
        pattern = self._pattern()
        if self._task is not None or not pattern:
            return
        self._counting = pattern
        self._task = in_background(partial(count_files, pattern, self._results), self, self._on_counted)

    def _on_counted(self, result: int | Failure) -> None:
        self._task = None
        if self._counting != self._pattern():
            if not self._pause.isActive():
                self._count()
            return
        n = 0 if isinstance(result, Failure) else result
        self._say(count(n, "file") if n else "no file matches")
        if not n:
            reason = result.reason if isinstance(result, Failure) else "No file matches: change the pattern."
            self._enable(False, reason)
        self.counted.emit(n)

    def _on_add(self) -> None:
        pattern = self._pattern()
        self._line.value = ""
        self.added.emit(pattern)

    def _say(self, text: str) -> None:
        self._number.setText(text)
        width = self._number.sizeHint().width() + 8 if text else 0
        self._line.native.setTextMargins(0, 0, width, 0)

    def _enable(self, enabled: bool, tooltip: str) -> None:
        self._add.setEnabled(enabled)
        self._add.setToolTip(tooltip)
