"""The part of the window that starts a batch, says how far it is, and stops it."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_batch_prediction.batch.events import (
    BatchStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.batch.plan import Plan
from napari_batch_prediction.widgets.inputs_model import count, short_name
from napari_batch_prediction.widgets.message import Message
from napari_batch_prediction.widgets.section import ELLIPSIS_WIDTH
from napari_batch_prediction.widgets.work import Failure


class RunBar(QWidget):
    """Two buttons, a bar over the tiles of the whole batch, and a line that says what is being done.

    Attributes
    ----------
    start_clicked, cancel_clicked
        What the user wants.
    """

    start_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._running = False
        self._names: list[str] = []
        self._n_ended = 0
        self._ready, self._needs = "", ""

        self._start = QPushButton("Export all")
        self._start.clicked.connect(self.start_clicked)
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self.cancel_clicked)
        self._bar = QProgressBar()
        self._bar.setVisible(False)
        self._line = QElidingLabel()
        self._line.setEllipsesWidth(ELLIPSIS_WIDTH)
        self._line.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._line.setVisible(False)
        self._message = Message()
        buttons = QHBoxLayout()
        buttons.addWidget(self._start, 1)
        buttons.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(buttons)
        layout.addWidget(self._bar)
        layout.addWidget(self._line)
        layout.addWidget(self._message)
        self.set_ready(0, "")

    def set_ready(self, n_images: int, problem: str) -> None:
        """Say whether a batch can start.

        Parameters
        ----------
        n_images
            How many images it would predict; 0 if that is not known yet.
        problem
            Why it cannot start; empty if it can.
        """
        self._ready = "Export all" if not n_images else f"Export all ({count(n_images, 'image')})"
        self._needs = problem
        self._enable()

    def set_problem(self, failure: Failure | None) -> None:
        """Show why the job cannot be checked or run; None takes it away."""
        self._message.say(*(failure or ("", "")))

    def begin(self) -> None:
        """Show that the inputs are being checked."""
        self._running = True
        self._names, self._n_ended = [], 0
        self._bar.setRange(0, 0)
        self._bar.setFormat("")
        self._say("Checking the inputs")
        self.set_problem(None)
        self._enable()

    def cancelling(self) -> None:
        """Show that the run is about to stop."""
        self._cancel.setEnabled(False)
        self._cancel.setText("Cancelling")
        self._cancel.setToolTip("The tiles that are being worked on are finished first.")

    def end(self) -> None:
        """Show that nothing runs any more."""
        self._running = False
        self._bar.setVisible(False)
        self._line.setVisible(False)
        self._enable()

    def set_plan(self, plan: Plan) -> None:
        """Note the names of the images that the run speaks of by number."""
        self._names = [short_name(row.input) for row in plan.rows]

    def take(self, event: Event) -> None:
        """Show what the run says."""
        match event:
            case BatchStarted():
                self._bar.setRange(0, max(event.n_tiles, 1))
                self._bar.setValue(0)
                self._files()
            case Notice():
                self._say(event.text)
            case FileStarted():
                self._say(self._names[event.index])
            case TileDone():
                self._bar.setRange(0, event.batch_tiles)
                self._bar.setValue(event.batch_done)
                self._say(f"{self._names[event.index]}, tile {event.done} of {event.n_tiles}")
            case FileFinished():
                self._n_ended += 1
                self._files()

    def _files(self) -> None:
        self._bar.setFormat(f"{self._n_ended} of {count(len(self._names), 'file')}")

    def _say(self, text: str) -> None:
        self._line.setText(text)
        self._line.setToolTip(text)
        self._line.setVisible(bool(text))

    def _enable(self) -> None:
        self._start.setText(self._ready)
        self._start.setEnabled(not self._running and not self._needs)
        self._start.setToolTip(
            "A run is under way." if self._running else self._needs or "Predict and write all images."
        )
        self._cancel.setText("Cancel")
        self._cancel.setEnabled(self._running)
        self._cancel.setToolTip(
            "Stop after the tiles that are being worked on. Nothing half-written stays."
            if self._running
            else "Nothing is running."
        )
        if self._running:
            self._bar.setVisible(True)
