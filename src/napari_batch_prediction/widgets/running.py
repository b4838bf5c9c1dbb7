"""The part of the window in which a job is run: the bar, the results, and the canvas."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.session.session import BatchSession
from napari_batch_prediction.session.state import Running, State
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.canvas.row_loader import RowRequest
from napari_batch_prediction.widgets.parts.section import lay_out
from napari_batch_prediction.widgets.results.section import ResultsSection
from napari_batch_prediction.widgets.run import RunBar

if TYPE_CHECKING:
    from napari.viewer import Viewer


class RunSections(QObject):
    """The sections that show the runs of a session, as one.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    session
        The session.
    parent
        The owner, in the viewer's window.

    Attributes
    ----------
    began
        A run begins.
    bar, results
        The bar below the pages, and the page of results.
    canvas
        The layers of images and outputs on the viewer.
    """

    began = Signal()

    def __init__(self, viewer: "Viewer", session: BatchSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._running = False
        self.canvas = Canvas(viewer, parent)
        self.bar = RunBar()
        self.results = ResultsSection(viewer, self.canvas)
        self.bar.cancel_clicked.connect(session.cancel)
        self.results.retry_clicked.connect(session.retry_failed)
        self.results.retry_as_before_clicked.connect(session.retry_as_before)
        self.results.resume_chosen.connect(session.resume)
        session.state_changed.connect(self._on_state)
        session.checked.connect(self._on_checked)
        session.recorded.connect(self.results.show_recorded)
        session.checking.connect(self.bar.take_check)
        session.started.connect(self._on_started)
        session.events.connect(self._on_events)
        session.failed.connect(self.bar.set_problem)
        session.ended.connect(self._on_ended)

    def show_needs(self) -> None:
        """Show the step that is missing before the job can run."""
        self.results.set_copy(self._session.needs)
        self.results.set_listed(bool(self._session.to_retry()))
        plan = self._session.plan
        writes_files = plan is None or plan.writes_files
        self.bar.set_ready(self._session.count_ready(), self._session.problem, writes_files=writes_files)

    def show_selected(self) -> None:
        """Show the number of selected images that can be predicted."""
        self.bar.set_selected(*self._session.count_selected())

    def show_input(self, location: str) -> None:
        """Show an input, with its results if it has any."""
        job, plan = self._session.job, self._session.plan
        # Reading the image needs the settings of a job.
        if not self.results.select(location) and job is not None:
            arrays = plan.arrays if plan is not None else {}
            self.canvas.show_row(RowRequest(location=location, job=job, arrays=arrays))

    def _on_state(self, state: State) -> None:
        self.bar.set_state(state)
        was_running, self._running = self._running, isinstance(state, Running)
        if self._running and not was_running:
            self.began.emit()
        if isinstance(state, Running) and state.plan is None:
            self.results.set_ledger(None)

    def _on_checked(self, plan: Plan | None) -> None:
        if plan is not None:
            self.bar.set_problem(None)

    def _on_started(self, plan: Plan) -> None:
        self.results.set_plan(plan)
        self.bar.set_plan(plan)
        lay_out(self.bar, self.results)

    def _on_events(self, events: list[Event]) -> None:
        self.results.take(events)
        self.bar.take(events)
        lay_out(self.bar, self.results)

    def _on_ended(self, _ledger: Ledger | None) -> None:
        self.results.finish()
        # If the run could not start, the previous one is still shown.
        self.results.set_ledger(self._session.ledger)
        self.results.set_listed(bool(self._session.to_retry()))
