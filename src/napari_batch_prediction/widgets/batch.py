"""The dock widget: from a classifier and images to results on the canvas."""

import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt, QTimer, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.text import as_command, as_python
from napari_batch_prediction.planning.inspection import Inspected, Inspections
from napari_batch_prediction.planning.plan import Found, Plan, iter_plan
from napari_batch_prediction.records.events import BatchFinished, Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.records.record import Recorded, read_record
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.canvas.row_loader import ToShow
from napari_batch_prediction.widgets.classifier.section import ClassifierSection
from napari_batch_prediction.widgets.exports.section import ExportsSection
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.parts.focus import focus_style
from napari_batch_prediction.widgets.parts.section import lay_out
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.run import RunBar
from napari_batch_prediction.widgets.viewer_layers import arrays_for, layer_location
from napari_batch_prediction.widgets.work import Failure, ShouldCancel, Task

if TYPE_CHECKING:
    import napari.viewer

# Fields of a job that the window shows.
SHOWN = (
    "classifier",
    "inputs",
    "exports",
    "input_axes",
    "stack",
    "channels",
    "input_settings",
    "existing",
)  # fmt: skip

# The job is checked once the changes pause.
PAUSE_MS = 300

# What a run says is shown three times a second, with one painting of the window each time. Painting for every tile
# of many small images takes more time than predicting them.
EVENTS_MS = 300

# A run waits for its first layers no longer than this, in seconds.
READY_WITHIN = 3.0

# What a check finds is passed on so often.
FOUND_EVERY = 0.1

Step = Found | list[Inspected] | Recorded
Steps = Callable[[ShouldCancel], Generator[Step, None, Plan]]


class BatchPredictionWidget(QScrollArea):
    """Choose a classifier, images and exports; run them; look through the results.

    Parameters
    ----------
    napari_viewer
        Where results are shown; napari passes it in.

    Attributes
    ----------
    changed
        The job is another one.
    checked
        The job as it stands was checked; emitted with its plan, or None if there can be none.
    finished
        A run has ended; emitted with its ledger, or None if it could not start.
    """

    changed = Signal()
    checked = Signal(object)
    finished = Signal(object)

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        # What a job holds beyond what is shown stays as it was set.
        self._hidden: dict[str, Any] = {}
        self._run: Task | None = None
        # Of the run that is shown; and of the one under way, once it is over.
        self._ledger: Ledger | None = None
        self._ended: Ledger | None = None
        self._check: Task | None = None
        self._check_again = False
        self._inspections = Inspections()
        self._plan: Plan | None = None
        self._problem = ""
        self._events: list[Recorded | Plan | Event | Failure] = []

        self._ready = threading.Event()

        self._canvas = Canvas(napari_viewer, self)
        self._classifier = ClassifierSection()
        self._inputs = InputsSection(napari_viewer)
        self._exports = ExportsSection(napari_viewer)
        self._bar = RunBar()
        self._results = ResultsSection(napari_viewer, self._canvas)
        self._content = QWidget()
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        for part, stretch in (
            (self._classifier, 0),
            (self._inputs, 3),
            (self._exports, 0),
            (self._bar, 0),
            (self._results, 0),
        ):
            layout.addWidget(part, stretch)
        self._layout = layout
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._start_check)
        self._show_events = QTimer(self)
        self._show_events.setSingleShot(True)
        self._show_events.setInterval(EVENTS_MS)
        self._show_events.timeout.connect(self._take_events)
        for section in (self._classifier, self._inputs, self._exports):
            section.changed.connect(self._on_changed)
        self._classifier.loaded.connect(self._on_loaded)
        self._inputs.selection_changed.connect(self._on_selected)
        self._inputs.row_shown.connect(self._on_input_shown)
        self._inputs.project_dropped.connect(self._classifier.choose)
        self._results.row_shown.connect(self._inputs.select)
        self._results.retry_clicked.connect(self.retry_failed)
        self._results.resume_chosen.connect(self.resume)
        self._results.copy_clicked.connect(self._copy)
        self._results.ready.connect(lambda: self._ready.set())
        self._laid_out = QTimer(self)
        self._laid_out.setSingleShot(True)
        self._laid_out.timeout.connect(lambda: self.ensureWidgetVisible(self._results.message, 0, 0))
        # Once the layout has given the message its place.
        self._results.explained.connect(self._laid_out.start)
        self._bar.start_clicked.connect(self.start)
        self._bar.selected_clicked.connect(self.start_selected)
        self._bar.cancel_clicked.connect(self.cancel)
        self._inputs.existing_wanted.connect(self._go_to_existing)
        self._follow_viewer(True)
        self._set_style()
        self._on_changed()

    def value(self) -> BatchJob:
        """Return the job as it stands.

        Raises
        ------
        SettingsError
            If something is not chosen yet; the message says what.
        """
        fields = {**self._classifier.value(), **self._inputs.value(), **self._exports.value()}
        if fields["classifier"] is None:
            raise SettingsError("Choose a classifier first.")
        if not fields["inputs"]:
            raise SettingsError("Add images first.")
        if not fields["exports"]:
            raise SettingsError("Tick what to export first.")
        return BatchJob(**fields, **self._hidden)

    def setValue(self, job: BatchJob) -> None:
        """Show a job."""
        self._hidden = {name: value for name, value in job if name not in SHOWN}
        for section in (self._classifier, self._inputs, self._exports):
            section.setValue(job)

    def start(self) -> None:
        """Run the job; without effect while one runs or if the job is not complete."""
        if self._run is None and not self._needs():
            self._start(self.value())

    def start_selected(self) -> None:
        """Run the job for the selected images alone; without effect as :meth:`start`, or if none is selected."""
        selected = self._inputs.selected()
        if self._run is None and not self._needs() and selected:
            self._start(self.value().model_copy(update={"inputs": selected}))

    def retry_failed(self) -> None:
        """Run what failed in the last run once more; without effect while a run is under way or if none was."""
        if self._ledger is not None and self._ledger.path is not None:
            self._go_on(self._ledger.path, failed=True)

    def resume(self, ledger: Path) -> None:
        """Show a recorded run, and do what it has not done; without effect while a run is under way."""
        self._go_on(ledger, failed=False)

    def cancel(self) -> None:
        """Stop the run after the tiles that are being worked on; without effect if nothing runs."""
        if self._run is not None:
            self._run.cancel()
            self._bar.cancelling()

    def changeEvent(self, event: QEvent | None) -> None:
        """Stop everything when napari removes the dock; being hidden does not count."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            docked = self.parent() is not None
            self._results.set_docked(docked)
            self._follow_viewer(docked)
            if not docked:
                self.cancel()
                self._drop_check()
        super().changeEvent(event)

    def minimumSizeHint(self) -> QSize:
        """Return a width in which nothing is cut."""
        bar = self.verticalScrollBar()
        width = self._content.minimumSizeHint().width() + (bar.sizeHint().width() if bar is not None else 0)
        return QSize(width, super().minimumSizeHint().height())

    def _needs(self) -> str:
        """Return what must be done before the job can run; empty if nothing."""
        try:
            self.value()
        except SettingsError as error:
            return str(error)
        return self._classifier.problem

    def _follow_viewer(self, docked: bool) -> None:
        """Check anew when layers that are inputs come or go, and take the colours of another theme."""
        layers = self._viewer.layers.events
        for event, act in (
            (layers.inserted, self._on_layer),
            (layers.removed, self._on_layer),
            (self._viewer.events.theme, self._set_style),
        ):
            if docked:
                event.connect(act)
            else:
                event.disconnect(act)

    def _set_style(self) -> None:
        self._content.setStyleSheet(focus_style(self._viewer.theme))

    def _on_layer(self, event: Any) -> None:
        if layer_location(event.value) in self._inputs.value()["inputs"]:
            self._on_changed()

    def _on_changed(self) -> None:
        self._problem = ""
        self._drop_check()
        if self._needs():
            self._show_plan(None)
        self._pause.start()
        self._refresh()
        self.changed.emit()

    def _on_loaded(self) -> None:
        self._exports.set_offered(self._classifier.classifier)
        if self._classifier.classifier is not None:
            self._canvas.warm_up()
        self._drop_check()
        self._pause.start()
        self._refresh()

    def _planning(self, job: BatchJob) -> Steps:
        """Return what checks a job, to be called in another thread."""
        classifier, inspections = self._classifier.current(), self._inspections
        arrays = arrays_for(self._viewer, job.inputs)

        def steps(should_cancel: ShouldCancel) -> Generator[Step, None, Plan]:
            return _collected(
                iter_plan(job, classifier, arrays=arrays, inspections=inspections, should_cancel=should_cancel)
            )

        return steps

    def _start_check(self) -> None:
        """Check the job in the background; not during a run."""
        self._drop_check()
        self._check_again = self._run is not None
        if self._check_again or self._needs():
            return
        steps = self._planning(self.value())

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            yield (yield from steps(should_cancel))

        self._check = Task(work, self)
        self._check.yielded.connect(self._on_checked)
        self._check.ended.connect(self._on_check_ended)
        self._check.start()

    def _drop_check(self) -> None:
        """Forget a check that is under way: the job is another one by now."""
        if self._check is not None:
            self._check.drop()
            self._check = None

    def _on_checked(self, result: Found | list[Inspected] | Plan | Failure) -> None:
        match result:
            case Found():
                self._inputs.set_found(result.given)
            case Plan() | Failure():
                failure = result if isinstance(result, Failure) else None
                plan = result if isinstance(result, Plan) else None
                self._bar.set_problem(failure)
                self._problem = failure.reason if failure is not None else ""
                self._show_plan(plan)
                self._refresh()
                self.checked.emit(plan)
            case found:
                self._inputs.take_many(found)

    def _on_check_ended(self) -> None:
        self._check = None

    def _show_plan(self, plan: Plan | None) -> None:
        """Show what a check found, or that there is no plan of the job as it stands."""
        self._plan = plan
        rows = plan.rows if plan is not None else ()
        first = next((row.image for row in rows if row.image is not None), None)
        self._inputs.set_plan(plan)
        self._exports.set_plan(plan)
        if first is not None:
            self._exports.set_image(first.axes, first.extents)
        if rows and not any(not row.problems for row in rows):
            self._problem = "None of the images can be predicted: see Inputs for the reasons."
        self._on_selected()

    def _start(self, job: BatchJob) -> None:
        """Check a job once more, and run it."""
        preferences.add_recent(job.classifier)
        self._exports.remember()
        self._run_plan(self._planning(job), fresh=True)

    def _go_on(self, ledger: Path, *, failed: bool) -> None:
        if self._run is not None:
            return

        def steps(should_cancel: ShouldCancel) -> Generator[Recorded, None, Plan]:
            if not failed:
                # Shown also if it cannot go on, for want of its classifier for example.
                yield read_record(ledger)
            return plan_resume(ledger, failed=failed)

        self._run_plan(steps, fresh=False)

    def _run_plan(self, steps: Steps, *, fresh: bool) -> None:
        """Make a plan and run it.

        Parameters
        ----------
        steps
            What makes the plan.
        fresh
            Whether the plan is one of the job that is shown.
        """
        ready = self._ready = threading.Event()

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            plan = yield from steps(should_cancel)
            yield plan
            # Layers are made faster before the prediction takes all cores.
            end = time.monotonic() + READY_WITHIN
            while not ready.wait(0.02) and time.monotonic() < end and not should_cancel():
                pass
            yield from iter_run(plan, should_cancel)

        self._pause.stop()
        self._drop_check()
        self._ended = None
        self._results.set_ledger(None)
        self._bar.begin()
        # Until then the room is the inputs'.
        self._layout.setStretchFactor(self._results, 2)
        self._run = Task(work, self)
        self._run.yielded.connect(self._on_run)
        self._run.ended.connect(self._on_run_ended)
        self._run.start()

    def _on_run(self, event: Step | Plan | Event | Failure) -> None:
        if isinstance(event, (Found, list)):
            return  # the table of inputs knows it already
        self._events.append(event)
        if isinstance(event, Plan):
            # The run waits until its first layers are made.
            self._take_events()
        elif not self._show_events.isActive():
            self._show_events.start()

    def _take_events(self) -> None:
        """Show what the run has said since the last time."""
        said, self._events = self._events, []
        events: list[Event] = []
        for one in said:
            match one:
                case Failure():
                    self._bar.set_problem(one)
                case Recorded():
                    self._results.show_recorded(one)
                case Plan():
                    self._ledger = None
                    self._results.set_plan(one)
                    self._bar.set_plan(one)
                case _:
                    events.append(one)
                    if isinstance(one, BatchFinished):
                        self._ledger = self._ended = one.ledger
        self._results.take(events)
        self._bar.take(events)
        lay_out(self._bar, self._results)

    def _on_run_ended(self) -> None:
        self._show_events.stop()
        self._take_events()
        self._run = None
        self._bar.end()
        self._results.finish()
        self._results.set_ledger(self._ledger)
        if self._check_again:
            self._pause.start()
        self._refresh()
        self.finished.emit(self._ended)

    def _on_selected(self) -> None:
        selected = set(self._inputs.selected())
        rows = self._plan.rows if self._plan is not None else ()
        n_ready = sum(row.input in selected and not row.problems for row in rows)
        if not selected:
            problem = "Select images in Inputs first."
        elif not n_ready:
            problem = "None of the selected images can be predicted: see Inputs for the reasons."
        else:
            problem = ""
        self._bar.set_selected(n_ready, problem)

    def _on_input_shown(self, location: str) -> None:
        """Show an image that is selected among the inputs, with its results if it has any."""
        if self._results.select(location):
            return
        try:
            job = self.value()
        except SettingsError:
            return  # how the image is to be read is not known yet
        arrays = self._plan.arrays if self._plan is not None else {}
        self._canvas.show_row(ToShow(location, job, arrays))

    def _copy(self, language: str) -> None:
        clipboard = QGuiApplication.clipboard()
        try:
            job = self.value()
        except SettingsError as error:
            self._bar.set_problem(Failure(f"There is no job to copy yet. {error}"))
            return
        if clipboard is not None:
            is_python = language == "python"
            clipboard.setText(as_python(job) if is_python else as_command(job))
            self._viewer.status = f"The batch is on the clipboard as {'Python' if is_python else 'a command line'}."

    def _go_to_existing(self) -> None:
        self.ensureWidgetVisible(self._exports.go_to_existing())

    def _refresh(self) -> None:
        self._inputs.set_needs(self._needs())
        self._results.set_copy(self._needs())
        n_ready = sum(not row.problems for row in self._plan.rows) if self._plan is not None else 0
        self._bar.set_ready(n_ready, self._needs() or self._problem)


def _collected(
    steps: Generator[Found | Inspected, None, Plan],
) -> Generator[Step, None, Plan]:
    """Pass on what is found a few times a second, not image by image."""
    waiting: list[Inspected] = []
    sent = time.monotonic()
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            if waiting:
                yield waiting
            plan: Plan = end.value
            return plan
        if isinstance(step, Found):
            yield step
            continue
        waiting.append(step)
        if time.monotonic() - sent > FOUND_EVERY:
            yield waiting
            waiting, sent = [], time.monotonic()
