"""The dock widget: from a classifier and images to results on the canvas."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtCore import QEvent, QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_batch_prediction.batch.events import BatchFinished, Event
from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.batch.ledger import Ledger
from napari_batch_prediction.batch.plan import Plan, PlanRow
from napari_batch_prediction.batch.run import iter_run
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.inputs import expand_inputs
from napari_batch_prediction.widgets.classifier import ClassifierSection
from napari_batch_prediction.widgets.exports import ExportsSection
from napari_batch_prediction.widgets.inputs import InputsSection
from napari_batch_prediction.widgets.results import ResultsSection
from napari_batch_prediction.widgets.run import RunBar
from napari_batch_prediction.widgets.work import Failure, ShouldCancel, Task

if TYPE_CHECKING:
    import napari.viewer

# Fields of a job that the window shows.
SHOWN = ("classifier", "inputs", "exports", "input_axes", "existing")

# The job is checked once the changes pause.
PAUSE_MS = 300

# What a run says is shown ten times a second. Painting the window for every tile of many small images takes
# more time than predicting them.
EVENTS_MS = 100


class _Checked(NamedTuple):
    """A plan, and the images that each input stands for."""

    plan: Plan
    given: dict[str, list[PlanRow]]


def _check(job: BatchJob) -> _Checked:
    plan = job.plan()
    rows = {row.input: row for row in plan.rows}
    found = {name: expand_inputs([name], stack=job.stack is not None) for name in job.inputs}
    return _Checked(plan, {name: [rows[i] for i in locations if i in rows] for name, locations in found.items()})


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
        # What a job holds beyond what is shown stays as it was set.
        self._hidden: dict[str, Any] = {}
        self._run: Task | None = None
        self._ledger: Ledger | None = None
        self._check: Task | None = None
        self._check_again = False
        self._problem = ""
        self._n_ready = 0
        self._events: list[_Checked | Event | Failure] = []

        self._classifier = ClassifierSection()
        self._inputs = InputsSection()
        self._exports = ExportsSection()
        self._bar = RunBar()
        self._results = ResultsSection(napari_viewer)
        self._content = QWidget()
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(6)
        for part, stretch in (
            (self._classifier, 0),
            (self._inputs, 3),
            (self._exports, 0),
            (self._bar, 0),
            (self._results, 2),
        ):
            layout.addWidget(part, stretch)
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
        self._laid_out = QTimer(self)
        self._laid_out.setSingleShot(True)
        self._laid_out.timeout.connect(lambda: self.ensureWidgetVisible(self._results.message, 0, 0))
        # Once the layout has given the message its place.
        self._results.explained.connect(self._laid_out.start)
        self._bar.start_clicked.connect(self.start)
        self._bar.cancel_clicked.connect(self.cancel)
        self._on_changed()

    def value(self) -> BatchJob:
        """Return the job as it stands.

        Raises
        ------
        SettingsError
            If something is not chosen yet; the message says what.
        """
        path = self._classifier.value()
        inputs, axes = self._inputs.value()
        exports, existing = self._exports.value()
        if path is None:
            raise SettingsError("Choose a classifier first.")
        if not inputs:
            raise SettingsError("Add images first.")
        if not exports:
            raise SettingsError("Tick what to export first.")
        return BatchJob(
            classifier=path,
            inputs=inputs,
            exports=exports,
            input_axes=axes,
            existing=existing,
            **self._hidden,
        )

    def setValue(self, job: BatchJob) -> None:
        """Show a job."""
        self._hidden = {name: value for name, value in job if name not in SHOWN}
        self._classifier.setValue(job.classifier)
        self._inputs.setValue(job.inputs, job.input_axes)
        self._exports.setValue(job.exports, job.existing)

    def start(self) -> None:
        """Run the job; without effect while one runs or if the job is not complete."""
        if self._run is not None or self._needs():
            return
        job = self.value()

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            checked = _check(job)
            yield checked
            yield from iter_run(checked.plan, should_cancel)

        self._pause.stop()
        self._ledger = None
        self._bar.begin()
        self._run = Task(work, self)
        self._run.yielded.connect(self._on_run)
        self._run.ended.connect(self._on_run_ended)
        self._run.start()

    def cancel(self) -> None:
        """Stop the run after the tiles that are being worked on; without effect if nothing runs."""
        if self._run is not None:
            self._run.cancel()
            self._bar.cancelling()

    def event(self, event: QEvent | None) -> bool:
        """Stop everything when napari removes the dock; being hidden does not count."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            docked = self.parent() is not None
            self._results.set_docked(docked)
            if not docked:
                self.cancel()
        return super().event(event)

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

    def _on_changed(self) -> None:
        self._problem = ""
        if self._needs():
            self._show_check(None)
        self._pause.start()
        self._refresh()
        self.changed.emit()

    def _on_loaded(self) -> None:
        if self._classifier.classifier is not None:
            self._exports.set_offered(self._classifier.classifier.sources)
        self._pause.start()
        self._refresh()

    def _start_check(self) -> None:
        """Check the job in the background, one check at a time and none during a run."""
        self._check_again = self._check is not None or self._run is not None
        if self._check_again or self._needs():
            return
        job = self.value()

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            yield _check(job)

        self._check = Task(work, self)
        self._check.yielded.connect(self._on_checked)
        self._check.ended.connect(self._on_check_ended)
        self._check.start()

    def _on_checked(self, result: _Checked | Failure) -> None:
        if self._is_outdated():
            return
        failure = result if isinstance(result, Failure) else None
        self._show_check(result if isinstance(result, _Checked) else None)
        self._bar.set_problem(failure)
        if failure is not None:
            self._problem = failure.reason
        elif self._n_ready == 0:
            self._problem = "None of the images can be predicted: see Inputs for the reasons."
        self._refresh()
        self.checked.emit(result.plan if isinstance(result, _Checked) else None)

    def _is_outdated(self) -> bool:
        """Return whether what is being checked or run is no longer the job that is shown."""
        return self._pause.isActive() or self._check_again

    def _on_check_ended(self) -> None:
        self._check = None
        if self._check_again:
            self._start_check()

    def _show_check(self, checked: _Checked | None) -> None:
        self._inputs.set_checked(checked.given if checked is not None else {})
        self._exports.set_plan(checked.plan if checked is not None else None)
        rows = checked.plan.rows if checked is not None else ()
        self._n_ready = sum(not row.problems for row in rows)

    def _on_run(self, event: _Checked | Event | Failure) -> None:
        self._events.append(event)
        if not self._show_events.isActive():
            self._show_events.start()

    def _take_events(self) -> None:
        """Show what the run has said since the last time."""
        events, self._events = self._events, []
        for event in events:
            match event:
                case Failure():
                    self._bar.set_problem(event)
                    continue
                case _Checked():
                    if not self._is_outdated():
                        self._show_check(event)
                    self._results.set_plan(event.plan)
                    self._bar.set_plan(event.plan)
                    continue
                case BatchFinished():
                    self._ledger = event.ledger
                case _:
                    self._results.take(event)
            self._bar.take(event)

    def _on_run_ended(self) -> None:
        self._show_events.stop()
        self._take_events()
        self._run = None
        self._bar.end()
        if self._check_again:
            self._start_check()
        self.finished.emit(self._ledger)

    def _refresh(self) -> None:
        self._bar.set_ready(self._n_ready, self._needs() or self._problem)
