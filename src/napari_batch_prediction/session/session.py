"""A session: one job, its check and its runs."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from psygnal import Signal

from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspections
from napari_batch_prediction.planning.plan import Found, Plan
from napari_batch_prediction.records.events import BatchFinished, Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import Recorded
from napari_batch_prediction.session import steps
from napari_batch_prediction.session.retries import Retries
from napari_batch_prediction.session.state import NEXT, Checking, Editing, Ended, Ready, Running, State
from napari_batch_prediction.session.steps import CheckStep
from napari_batch_prediction.session.work import Failure, Work, Worker

# The job is checked once the changes pause, in seconds.
CHECK_AFTER = 0.3

# The events of a run are shown so often, in seconds, with one painting of the view each time. Painting the view for
# every tile of many small images would take longer than predicting them.
EVENTS_EVERY = 0.3

NONE_SELECTED = "Select images on the page Images first."
NONE_OF_ALL = "None of the images can be predicted: the page Images says why."
NONE_OF_SELECTED = "None of the selected images can be predicted: the page Images says why."


class BatchSession:
    """One job from editing to its results. One thread uses it and gets all its signals.

    Parameters
    ----------
    worker
        Runs work in the background.
    in_memory
        A function that returns the classifier and the images of a job that are in memory already.

    Attributes
    ----------
    state_changed
        The session is in another state, or its run is about to stop; emitted with the state.
    inputs_found, inspected
        A check makes progress; emitted with the images that the inputs stand for, then with lists of inspected images.
    plan_changed
        The plan of the job has changed; emitted with it, or with None if there is none any more.
    checked
        A check has ended; emitted with the plan, or with None if there can be none.
    recorded
        The ledger of a run to resume was read; emitted with it.
    checking
        The check of the inputs of a run makes progress; emitted with its steps.
    started
        The inputs of a run are checked; emitted with its plan.
    events
        The run makes progress; emitted with a list of events, a few times a second.
    failed
        A check or a run has failed; emitted with the :class:`Failure`.
    ended
        A run has ended; emitted with its ledger, or with None if it could not start.
    job
        The job as it stands; None while it is incomplete.
    needs
        The step that is missing before the job can be checked, in words; empty if none is.
    plan
        The plan of the last check of the job; None if there is none.
    selected
        The locations that :meth:`start_selected` runs.
    ledger
        The ledger of the last run, or of one that was read; None before the end of the run.
    """

    state_changed = Signal(object)
    inputs_found = Signal(Found)
    inspected = Signal(list)
    plan_changed = Signal(object)
    checked = Signal(object)
    recorded = Signal(Recorded)
    checking = Signal(object)
    started = Signal(Plan)
    events = Signal(list)
    failed = Signal(Failure)
    ended = Signal(object)

    def __init__(self, worker: Worker, in_memory: Callable[[BatchJob], InMemory]) -> None:
        self.job: BatchJob | None = None
        self.needs = ""
        self.plan: Plan | None = None
        self.selected: tuple[str, ...] = ()
        self.ledger: Ledger | None = None
        self._state: State = Editing()
        self._problem = ""
        self._retries = Retries()
        self._events: list[Event] = []
        self._inspections = Inspections()
        self._worker, self._in_memory = worker, in_memory
        self._until_check = worker.pause(CHECK_AFTER, self.check)
        self._until_events = worker.pause(EVENTS_EVERY, self._tell_events)

    @property
    def state(self) -> State:
        """The state of the session."""
        return self._state

    @property
    def problem(self) -> str:
        """The reason why the job cannot be run, in words; empty if it can."""
        return self.needs or self._problem

    def count_ready(self) -> int:
        """Return the number of images that can be predicted; 0 if it is not known yet."""
        return sum(not row.problems for row in self.plan.rows) if self.plan is not None else 0

    def count_selected(self) -> tuple[int, str]:
        """Return the number of selected images that can be predicted, and if it is 0, the reason."""
        selected, rows = set(self.selected), self.plan.rows if self.plan is not None else ()
        n_ready = sum(row.input in selected and not row.problems for row in rows)
        return n_ready, "" if n_ready else NONE_OF_SELECTED if selected else NONE_SELECTED

    def set_job(self, job: BatchJob | None, needs: str = "") -> None:
        """Set another job. It is checked once the changes pause, and not during a run.

        Parameters
        ----------
        job
            The job; None if it is incomplete.
        needs
            The step that is missing before it can be checked, in words.
        """
        self.job, self.needs, self._problem = job, needs, ""
        is_complete = job is not None and not needs
        if isinstance(self._state, Running):
            self._state = replace(self._state, is_check=False, then_check=is_complete)
        else:
            self._edit(is_due=is_complete)
        if not is_complete:
            self._note_plan(None)
            self.plan_changed.emit(None)

    def check(self) -> None:
        """Check the job now, or after the run if one is under way; without effect if the job is incomplete."""
        if self.job is None or self.needs:
            return
        if isinstance(self._state, Running):
            self._state = replace(self._state, then_check=True)
            return
        self._give_up_check()
        if not isinstance(self._state, Editing):
            self._go(Editing())
        work = partial(steps.check, self.job, self._in_memory(self.job), self._inspections)
        self._go(Checking(self._worker.run(work, self._on_found, self._on_checked)))

    def start(self) -> bool:
        """Check the job once more, and run it.

        Returns
        -------
        False, without effect, while a run is under way or if the job is incomplete.
        """
        # What was checked before the last run says nothing of the files that it wrote.
        return self._start(self.job, is_check=not isinstance(self._state, Ready))

    def start_selected(self) -> bool:
        """Run the job for the selected images alone; without effect as :meth:`start`, or if none is selected."""
        if self.job is None or not self.selected:
            return False
        return self._start(self.job.model_copy(update={"inputs": self.selected}))

    def to_retry(self) -> tuple[str, ...]:
        """Return the images that failed or had a problem in the last run, as far as they are among the inputs."""
        return self._retries.images(self.plan, self.ledger)

    def retry_failed(self) -> None:
        """Run the images of the last run that failed or had a problem again, with the job as it stands.

        If the job is that of the last run and its ledger is still there, that goes on, and its other images stay as
        they are. Images that are not among the inputs any more are run with the settings of that run. Without effect
        during a run, or without a last run.
        """
        images, path = self.to_retry(), self.ledger.path if self.ledger is not None else None
        has_ledger = path is not None and path.is_file()
        goes_on = has_ledger and self.job is not None and self._retries.has_settings_of(self.job, self.plan)
        if images and self.job is not None and not goes_on:
            self._start(self.job.model_copy(update={"inputs": images, "ledger": None}))
        else:
            self.retry_as_before()

    def retry_as_before(self) -> None:
        """Run the same images again with the settings of the last run; without effect also if it has no ledger."""
        if self.ledger is not None and self.ledger.path is not None:
            self._run(partial(steps.retry, self.ledger.path))

    def resume(self, record: Path) -> None:
        """Read the ledger of a run, and predict its unfinished images; without effect during a run."""
        self._run(partial(steps.resume, record))

    def show(self, record: Path) -> None:
        """Read the ledger of a run to be shown, and run nothing; without effect during a run.

        Raises
        ------
        SettingsError
            If it cannot be read.
        """
        if not isinstance(self._state, Running):
            self._note_recorded(read_record(record))

    def cancel(self) -> None:
        """Stop the run after the tiles that are being worked on; without effect if nothing runs."""
        state = self._state
        if isinstance(state, Running) and not state.is_cancelled:
            state.task.cancel()
            self._go(replace(state, is_cancelled=True))

    def close(self) -> None:
        """Stop everything; the end of a run is still emitted."""
        self.cancel()
        if isinstance(self._state, Editing | Checking):
            self._edit()

    def _go(self, state: State) -> None:
        if type(state) not in NEXT[type(self._state)]:
            raise RuntimeError(f"A session does not go from {self._state} to {state}.")
        self._state = state
        self.state_changed.emit(state)

    def _edit(self, *, is_due: bool = False) -> None:
        """Go back to editing, because the job has changed."""
        self._give_up_check()
        if self._state != Editing(is_due):
            self._go(Editing(is_due))
        if is_due:
            self._until_check.start()

    def _give_up_check(self) -> None:
        """Drop a check that waits or is under way."""
        self._until_check.stop()
        if isinstance(self._state, Checking):
            self._state.task.drop()
            self._go(Editing())

    def _note_plan(self, plan: Plan | None, problem: str = "") -> None:
        self.plan = plan
        if plan is not None and plan.rows and not self.count_ready():
            problem = " ".join(steps.shared_problems(plan)) or NONE_OF_ALL
        self._problem = problem

    def _on_found(self, step: CheckStep) -> None:
        if isinstance(step, Found):
            self.inputs_found.emit(step)
        else:
            self.inspected.emit(step)

    def _on_checked(self, result: Plan | Failure) -> None:
        plan, failure = (None, result) if isinstance(result, Failure) else (result, None)
        self._note_plan(plan, failure.reason if failure is not None else "")
        self._go(Ready() if plan is not None else Editing())
        if failure is not None:
            self.failed.emit(failure)
        self.plan_changed.emit(plan)
        self.checked.emit(plan)

    def _start(self, job: BatchJob | None, *, is_check: bool = False) -> bool:
        if job is None or self.needs or isinstance(self._state, Running):
            return False
        self._run(partial(steps.check, job, self._in_memory(job), self._inspections), is_check=is_check)
        return True

    def _run(self, work: Work[CheckStep | Recorded, Plan], *, is_check: bool = False) -> None:
        """Plan a run, and run it; without effect while another is under way.

        Parameters
        ----------
        work
            The work that makes the plan.
        is_check
            True if the plan is also the check of the job as it stands.
        """
        if isinstance(self._state, Running):
            return
        then_check = isinstance(self._state, Checking) or self._state == Editing(is_due=True)
        self._give_up_check()
        task = self._worker.run(work, self._on_run_step, self._on_run_planned)
        self._go(Running(task, is_check=is_check, then_check=then_check))

    def _on_run_step(self, step: CheckStep | Recorded) -> None:
        if isinstance(step, Recorded):
            self._note_recorded(step)
            return
        self.checking.emit(step)
        if self._running().is_check:
            self._on_found(step)

    def _note_recorded(self, recorded: Recorded) -> None:
        self.ledger = recorded.ledger
        self._retries.note(recorded.job, recorded.classifier_sha256)
        self.recorded.emit(recorded)

    def _on_run_planned(self, result: Plan | Failure) -> None:
        if isinstance(result, Failure):
            self._on_ended(result)
            return
        state = self._running()
        self.ledger = None
        self._retries.note(result.job, result.classifier_sha256)
        then_check = state.then_check and not state.is_check
        work = partial(steps.end_at_once if state.is_cancelled else steps.run, result)
        task = self._worker.run(work, self._on_event, self._on_ended)
        self._state = replace(state, task=task, plan=result, then_check=then_check)
        if state.is_check:
            self._note_plan(result)
            self.plan_changed.emit(result)
        self.started.emit(result)

    def _on_event(self, event: Event) -> None:
        if not self._events:
            self._until_events.start()
        self._events.append(event)

    def _tell_events(self) -> None:
        self._until_events.stop()
        events, self._events = self._events, []
        if events and isinstance(last := events[-1], BatchFinished):
            self.ledger = last.ledger
        if events:
            self.events.emit(events)

    def _on_ended(self, result: Ledger | Failure) -> None:
        """End a run. Its ledger came with its last event, also if the run has failed after that."""
        self._tell_events()
        if isinstance(result, Failure):
            self.failed.emit(result)
        state = self._running()
        ledger = self.ledger if state.plan is not None else None
        self._go(Ended(ledger))
        if state.then_check:
            self._edit(is_due=True)
        self.ended.emit(ledger)

    def _running(self) -> Running:
        if not isinstance(self._state, Running):
            raise RuntimeError(f"No run is under way, but {self._state}.")
        return self._state
