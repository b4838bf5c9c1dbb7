"""The bar below the pages: it starts a batch, shows its progress and stops it."""

from collections.abc import Iterable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_batch_prediction.planning.plan import Found, Plan
from napari_batch_prediction.records.events import (
    BatchStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.report import Forecast
from napari_batch_prediction.session.state import Running, State
from napari_batch_prediction.session.steps import CheckStep
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name
from napari_batch_prediction.wording import count, duration

_STEPS = 10_000

# Lines for the text.
LINES = 2

NOTHING = "Nothing is running."
RUN = "A run is under way."
PREVIEW = "A preview is under way."


class RunBar(QWidget):
    """Buttons to start a batch, a bar over all of its tiles, Cancel, and a text: what is done now, missing or wrong.

    Everything has its place whether a batch runs or not, and a width that does not depend on its text.

    Attributes
    ----------
    start_clicked, selected_clicked, preview_clicked, cancel_clicked
        A button was clicked: to run all images, the selected ones, to predict without writing files, or to stop.
    """

    start_clicked = Signal()
    selected_clicked = Signal()
    preview_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._running = False
        self._cancelling = False
        self._previewing = False
        self._writes = True
        self._names: list[str] = []
        self._to_run: set[int] = set()
        self._n_checked = self._n_found = 0
        self._n_ended = 0
        self._share, self._tiles = 0.0, (0, 1)
        self._forecast: Forecast | None = None
        self._all, self._needs = "", ""
        self._n_selected, self._selected_needs = 0, ""
        # The present work, and what became of a preview.
        self._doing = self._told = ""
        self._failure: Failure | None = None

        self._start = QPushButton("Export all")
        self._start.clicked.connect(self.start_clicked)
        self._selected = QPushButton("Selected")
        self._selected.clicked.connect(self.selected_clicked)
        self._preview = QPushButton("Preview")
        self._preview.clicked.connect(self.preview_clicked)
        self._preview.hide()
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self.cancel_clicked)
        self._bar = QProgressBar()
        self._message = Message(LINES)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(_row((self._start, 12), (self._selected, 10), (self._preview, 7)))
        layout.addLayout(_row((self._bar, 5), (self._cancel, 2)))
        layout.addWidget(self._message)
        self._end()
        self.set_ready(0, "")
        self.set_selected(0, "")

    def set_ready(self, n_images: int, problem: str, *, writes_files: bool = True) -> None:
        """Set the number of images to predict, or the reason why a batch cannot start.

        Parameters
        ----------
        n_images
            Number of images that can be predicted; 0 if it is not known yet.
        problem
            The reason why it cannot start; empty if it can.
        writes_files
            False if all results stay in memory.
        """
        self._writes = writes_files
        verb = "Export all" if writes_files else "Predict all"
        self._all = f"{verb} ({n_images})" if n_images else verb
        self._needs = problem
        self._enable()

    def set_selected(self, n_images: int, problem: str) -> None:
        """Set the number of selected images that can be predicted, and if it is 0, the reason."""
        self._n_selected, self._selected_needs = n_images, problem
        self._enable()

    def set_preview(self, enabled: bool, tooltip: str) -> None:
        """Offer a preview.

        Parameters
        ----------
        enabled
            True if there is something to predict.
        tooltip
            The effect, or the step that is missing.
        """
        self._preview.setEnabled(enabled)
        self._preview.setToolTip(tooltip)
        self._preview.show()

    def begin_preview(self, name: str) -> None:
        """Show that an image is being previewed."""
        self._previewing, self._cancelling, self._told = True, False, ""
        self._bar.setRange(0, 0)
        self._say(f"Predicting {name}")
        self.set_problem(None)
        self._enable()

    def advance_preview(self, n_done: int, n_tiles: int) -> None:
        """Show the tiles of a preview that are done."""
        self._bar.setRange(0, n_tiles)
        self._bar.setValue(n_done)
        self._bar.setFormat(f"{n_done} of {count(n_tiles, 'tile')}")

    def cancel_preview(self) -> None:
        """Show that a preview is about to stop."""
        self._cancelling = True
        self._enable()

    def end_preview(self, text: str) -> None:
        """Show what became of a preview, until :meth:`forget_preview`."""
        self._previewing = self._cancelling = False
        self._end()
        self._told = text
        self._enable()

    def forget_preview(self) -> None:
        """Say no more what became of a preview."""
        self._told = ""
        self._show_text()

    def say(self, text: str) -> None:
        """Show what is being done."""
        self._say(text)

    def set_problem(self, failure: Failure | None) -> None:
        """Show the reason why the job cannot be checked or run; None clears it."""
        self._failure = failure
        self._show_text()

    def set_state(self, state: State) -> None:
        """Show that a run is under way, about to stop, or neither."""
        is_running = isinstance(state, Running)
        if not self._previewing:
            self._cancelling = isinstance(state, Running) and state.is_cancelled
        if is_running and not self._running:
            self._begin()
        if self._running and not is_running:
            self._end()
        self._running = is_running
        self._enable()

    def take_check(self, step: CheckStep) -> None:
        """Show how far the check of the inputs of a run is."""
        if isinstance(step, Found):
            self._n_checked, self._n_found = 0, len({image for images in step.given.values() for image in images})
        else:
            self._n_checked += len(step)
        # Images that are parts of others are found, and not checked.
        self._say(f"Checking {self._n_checked:,} of {max(self._n_found, self._n_checked):,}")

    def set_plan(self, plan: Plan) -> None:
        """Set the images of the run, which events name by index."""
        self._names = [short_name(row.input) for row in plan.rows]
        self._to_run = {index for index, row in enumerate(plan.rows) if row.is_to_run}

    def take(self, events: Iterable[Event]) -> None:
        """Show new events of the run."""
        text = ""
        for event in events:
            match event:
                case BatchStarted():
                    self._forecast = Forecast()
                    self._tiles = 0, event.n_tiles
                case Notice():
                    text = event.text
                case FileStarted():
                    text = self._names[event.index]
                case TileDone():
                    self._tiles, self._share = (event.batch_done, event.batch_tiles), event.share
                    text = f"{self._names[event.index]}, tile {event.done} of {event.n_tiles}"
                case FileFinished():
                    self._n_ended += event.index in self._to_run
        if text:
            self._say(text)
        if self._forecast is not None:
            self._show_progress(self._forecast)

    def _begin(self) -> None:
        """Show that the inputs are being checked."""
        self._names, self._n_ended, self._told = [], 0, ""
        self._tiles, self._share, self._forecast = (0, 1), 0.0, None
        self._bar.setRange(0, 0)
        self._bar.setFormat("")
        self._say("Checking the inputs")
        self.set_problem(None)

    def _end(self) -> None:
        """Empty the bar."""
        self._bar.setRange(0, 1)
        self._bar.reset()
        self._bar.setFormat("")
        self._bar.setToolTip(NOTHING)
        self._say("")

    def _show_progress(self, forecast: Forecast) -> None:
        done, tiles = self._tiles
        texts = [f"{self._n_ended} of {count(len(self._to_run), 'file')}", forecast.left(self._share)]
        text = ", ".join(filter(None, texts))
        # A bar paints every change at once, by itself; so it waits for the painting of the whole window.
        self._bar.setUpdatesEnabled(False)
        self._bar.setFormat(text)
        if self._bar.maximum() != _STEPS:
            self._bar.setRange(0, _STEPS)
        self._bar.setValue(int(self._share * _STEPS))
        self._bar.setUpdatesEnabled(True)
        self._bar.setToolTip(f"{done} of {count(tiles, 'tile')} done, {duration(forecast.passed)} passed")

    def _say(self, text: str) -> None:
        self._doing = text
        self._show_text()

    def _show_text(self) -> None:
        if self._failure is not None:
            self._message.say(self._failure.reason, self._failure.trace, kind="problem")
        else:
            self._message.say(self._doing or self._needs or self._told)

    def _enable(self) -> None:
        under_way = RUN if self._running else PREVIEW if self._previewing else ""
        effect = "Predict and write" if self._writes else "Predict into layers"
        self._start.setText(self._all)
        needs = under_way or self._needs
        self._start.setEnabled(not needs)
        self._start.setToolTip(needs or f"{effect} all images that can be.")
        self._selected.setText(f"Selected ({self._n_selected})" if self._n_selected else "Selected")
        needs = under_way or self._selected_needs or self._needs
        self._selected.setEnabled(not needs)
        self._selected.setToolTip(needs or f"{effect} the selected images.")
        self._cancel.setText("Cancelling" if self._cancelling else "Cancel")
        self._cancel.setEnabled(bool(under_way) and not self._cancelling)
        stop = "Stop after the tiles that are being worked on. Nothing half-written stays."
        wait = "The tiles that are being worked on are finished first."
        self._cancel.setToolTip(NOTHING if not under_way else wait if self._cancelling else stop)
        self._show_text()


def _row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    """Return widgets side by side that share the width, whatever their texts."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget, share in widgets:
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        row.addWidget(widget, share)
    return row
