"""The bar that starts a batch, shows its progress and stops it."""

import time
from collections.abc import Iterable

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import (
    BatchStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.session.state import Running, State
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.wording import count

# The time left is shown from so many seconds on, because the first tile says little about it.
FORETELL_AFTER = 1.0

_MOST_STEPS = 10_000


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds, from an hour on with hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class RunBar(QWidget):
    """Buttons to start a batch and, while it runs, a bar over all of its tiles, Cancel, and a line on the present work.

    Attributes
    ----------
    start_clicked, selected_clicked, cancel_clicked
        A button was clicked: to run all images, the selected ones, or to stop.
    """

    start_clicked = Signal()
    selected_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._running = False
        self._cancelling = False
        self._names: list[str] = []
        self._n_ended = 0
        self._tiles = (0, 1)
        self._began = 0.0
        self._all, self._needs = "", ""
        self._n_selected, self._selected_needs = 0, ""

        self._start = QPushButton("Export all")
        self._start.clicked.connect(self.start_clicked)
        self._selected = QPushButton("Export selected")
        self._selected.clicked.connect(self.selected_clicked)
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self.cancel_clicked)
        self._bar = QProgressBar()
        self._line = Line()
        self._line.setElideMode(Qt.TextElideMode.ElideMiddle)
        self._line.setVisible(False)
        self._message = Message()
        starts = QHBoxLayout()
        starts.addWidget(self._start, 3)
        starts.addWidget(self._selected, 2)
        self._progress = QWidget()
        progress = QHBoxLayout(self._progress)
        progress.setContentsMargins(0, 0, 0, 0)
        progress.addWidget(self._bar, 1)
        progress.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(starts)
        layout.addWidget(self._progress)
        layout.addWidget(self._line)
        layout.addWidget(self._message)
        self.set_ready(0, "")
        self.set_selected(0, "")

    def set_ready(self, n_images: int, problem: str) -> None:
        """Set the number of images to predict, or the reason why a batch cannot start.

        Parameters
        ----------
        n_images
            Number of images that can be predicted; 0 if it is not known yet.
        problem
            The reason why it cannot start; empty if it can.
        """
        self._all = "Export all" if not n_images else f"Export all ({count(n_images, 'image')})"
        self._needs = problem
        self._enable()

    def set_selected(self, n_images: int, problem: str) -> None:
        """Set the number of selected images that can be predicted, and if it is 0, the reason."""
        self._n_selected, self._selected_needs = n_images, problem
        self._enable()

    def set_problem(self, failure: Failure | None) -> None:
        """Show the reason why the job cannot be checked or run; None clears it."""
        self._message.say(*(failure or ("", "")), kind="problem" if failure else None)

    def set_state(self, state: State) -> None:
        """Show that a run is under way, about to stop, or neither."""
        is_running, self._cancelling = isinstance(state, Running), isinstance(state, Running) and state.is_cancelled
        if is_running and not self._running:
            self._begin()
        self._running = is_running
        self._line.setVisible(is_running and bool(self._line.text()))
        self._enable()

    def set_plan(self, plan: Plan) -> None:
        """Set the images of the run, which events name by index."""
        self._names = [short_name(row.input) for row in plan.rows]

    def take(self, events: Iterable[Event]) -> None:
        """Show new events of the run."""
        text = ""
        for event in events:
            match event:
                case BatchStarted():
                    self._began = time.perf_counter()
                    self._tiles = 0, event.n_tiles
                case Notice():
                    text = event.text
                case FileStarted():
                    text = self._names[event.index]
                case TileDone():
                    self._tiles = event.batch_done, event.batch_tiles
                    text = f"{self._names[event.index]}, tile {event.done} of {event.n_tiles}"
                case FileFinished():
                    self._n_ended += 1
        if text:
            self._say(text)
        if self._began:
            self._show_progress()

    def _begin(self) -> None:
        """Show that the inputs are being checked."""
        self._names, self._n_ended = [], 0
        self._tiles, self._began = (0, 1), 0.0
        self._bar.setRange(0, 0)
        self._bar.setFormat("")
        self._say("Checking the inputs")
        self.set_problem(None)

    def _show_progress(self) -> None:
        done, tiles = self._tiles
        text = f"{self._n_ended} of {count(len(self._names), 'file')}"
        passed = time.perf_counter() - self._began
        if done and passed >= FORETELL_AFTER:
            text += f", {duration(passed / done * (tiles - done))} left"
        # A bar paints every change at once, by itself; so it waits for the painting of the whole window.
        self._bar.setUpdatesEnabled(False)
        self._bar.setFormat(text)
        # Qt counts in 32 bits.
        steps = min(max(tiles, 1), _MOST_STEPS)
        if self._bar.maximum() != steps:
            self._bar.setRange(0, steps)
        self._bar.setValue(done * steps // max(tiles, 1))
        self._bar.setUpdatesEnabled(True)
        self._bar.setToolTip(f"{done} of {count(tiles, 'tile')} done, {duration(passed)} passed")

    def _say(self, text: str) -> None:
        self._line.say(text)
        self._line.setVisible(bool(text))

    def _enable(self) -> None:
        self._start.setText(self._all)
        self._start.setEnabled(not self._running and not self._needs)
        self._start.setToolTip(
            "A run is under way." if self._running else self._needs or "Predict and write all images."
        )
        self._selected.setText(f"Selected ({self._n_selected})" if self._n_selected else "Selected")
        needs = self._selected_needs or self._needs
        self._selected.setEnabled(not self._running and not needs)
        self._selected.setToolTip(
            "A run is under way." if self._running else needs or "Predict and write the images selected in Inputs."
        )
        self._progress.setVisible(self._running)
        self._cancel.setText("Cancelling" if self._cancelling else "Cancel")
        self._cancel.setEnabled(not self._cancelling)
        self._cancel.setToolTip(
            "The tiles that are being worked on are finished first."
            if self._cancelling
            else "Stop after the tiles that are being worked on. Nothing half-written stays."
        )
