"""A session without a window: what follows on what, whatever is asked for in between."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_workers import FakeWorker
from threshold import BROKEN, Threshold, files_in, random_image, save_images

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import Found
from napari_batch_prediction.records.events import BatchFinished, TileDone
from napari_batch_prediction.session import session as module
from napari_batch_prediction.session.session import BatchSession
from napari_batch_prediction.session.state import NEXT, Checking, Editing, Ended, Ready, Running
from napari_batch_prediction.session.work import Failure

SIGNALS = ("inputs_found", "inspected", "plan_changed", "checked", "recorded", "started", "events", "failed", "ended")


class Desk:
    """A session, its worker, and what it says, by the name of the signal."""

    def __init__(self, folder: Path, n_images: int = 2) -> None:
        self.folder = folder
        self.images = save_images(folder, *(f"image_{i}" for i in range(n_images)))
        self.classifier = Threshold(Path(__file__))
        self.worker = FakeWorker()
        self.session = BatchSession(self.worker, lambda job: InMemory(self.classifier, {}))
        self.states = [type(self.session.state)]
        self.said: dict[str, list] = {name: [] for name in SIGNALS}
        self.session.state_changed.connect(self._note_state)
        for name in SIGNALS:
            getattr(self.session, name).connect(partial(self._note, name))

    def _note(self, name: str, value) -> None:
        self.said[name].append(value)

    def _note_state(self, state) -> None:
        self.states.append(type(state))

    def job(self, **values) -> BatchJob:
        fields = {"inputs": tuple(map(str, self.images)), "exports": (Export(folder=self.folder / "out"),)}
        return BatchJob(classifier=Path(__file__), **{**fields, **values})

    def forget(self) -> None:
        """Take no account of what was said until now."""
        self.states = [type(self.session.state)]
        for said in self.said.values():
            said.clear()

    def check(self, **values) -> "Desk":
        self.session.set_job(self.job(**values))
        self.worker.pass_pauses()
        self.worker.finish()
        return self

    def begin(self) -> "Desk":
        """Start a run, up to its first tiles."""
        assert self.session.start()
        self.worker.finish()
        return self

    def predict(self) -> "Desk":
        """Let one tile be done."""
        while not any(isinstance(event, TileDone) for event in self.told()):
            self.worker.tasks[-1].advance()
            self.worker.pass_pauses()
        return self

    def run(self) -> "Desk":
        self.begin()
        self.worker.finish()
        return self

    def told(self) -> list:
        return [event for events in self.said["events"] for event in events]

    def statuses(self) -> list[str]:
        return [row.status for row in self.said["ended"][-1].rows]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_from_editing_to_ended(desk):
    """A job is edited, checked, ready, run and ended, and each of it is said once."""
    desk.check().run()
    assert desk.states == [Editing, Editing, Checking, Ready, Running, Ended]
    assert desk.statuses() == ["done", "done"]
    assert [len(desk.said[name]) for name in ("plan_changed", "checked", "started", "ended", "failed")] == [
        1,
        1,
        1,
        1,
        0,
    ]
    (found,) = desk.said["inputs_found"]
    assert isinstance(found, Found)
    assert [one.input for found in desk.said["inspected"] for one in found] == list(map(str, desk.images))
    assert desk.session.plan is desk.said["checked"][0]
    assert desk.session.ledger is desk.said["ended"][0]
    assert desk.session.state == Ended(desk.session.ledger)


def test_changes_are_checked_once_they_pause(desk):
    """Several changes make one check, of the last of them."""
    for name in ("a", "b", "c"):
        desk.session.set_job(desk.job(exports=(Export(name=name, folder=desk.folder / "out"),)))
    assert desk.worker.tasks == []
    desk.worker.pass_pauses()
    desk.worker.finish()
    assert len(desk.worker.tasks) == 1
    assert [row.outputs["Probabilities"].name for row in desk.session.plan.rows][:1] == ["c.h5"]


INCOMPLETE = {"no job": (False, "Add images first."), "a job that needs something": (True, "It is being read.")}


@pytest.mark.parametrize(("has_job", "needs"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_incomplete_job_begins_nothing(desk, has_job, needs):
    """Nothing begins, whoever asks; there is no plan any more."""
    desk.check()
    session = desk.session
    session.set_job(desk.job() if has_job else None, needs)
    session.selected = tuple(map(str, desk.images))
    assert session.problem == needs
    assert session.plan is None
    assert desk.said["plan_changed"][-1] is None
    n = len(desk.worker.tasks)
    desk.worker.pass_pauses()
    session.check()
    assert not session.start()
    assert not session.start_selected()
    session.retry_failed()
    assert len(desk.worker.tasks) == n
    assert session.state == Editing()


def test_change_during_a_check_gives_it_up(desk):
    """The check of before is given up, and says nothing any more."""
    desk.session.set_job(desk.job())
    desk.worker.pass_pauses()
    (first,) = desk.worker.tasks
    first.advance()
    desk.check(inputs=(str(desk.images[1]),))
    assert first.is_dropped
    n = len(desk.said["inspected"])
    while not first.is_over:
        first.advance()
    assert len(desk.said["inspected"]) == n
    assert [len(plan.rows) for plan in desk.said["checked"]] == [1]
    assert desk.session.state == Ready()


def test_change_during_a_run_is_checked_after_it(desk):
    """The run goes on as it was started; the job is checked after it, and not before."""
    desk.check().begin().predict().forget()
    for _ in range(2):
        desk.session.set_job(desk.job(inputs=(str(desk.images[1]),), existing="skip"))
        desk.session.check()
        desk.worker.pass_pauses()
    n = len(desk.worker.tasks)
    desk.worker.finish()
    assert len(desk.worker.tasks) == n
    assert desk.statuses() == ["done", "done"]
    desk.worker.pass_pauses()
    desk.worker.finish()
    assert desk.states == [Running, Ended, Editing, Checking, Ready]
    assert [row.skip for row in desk.session.plan.rows] == [True]


def test_incomplete_job_during_a_run_is_not_checked_after_it(desk):
    """An incomplete job is not checked after the run."""
    desk.check().begin().forget()
    desk.session.set_job(None, "Add images first.")
    desk.worker.finish()
    desk.worker.pass_pauses()
    assert desk.states == [Running, Ended]


def test_start_before_the_check_is_the_check_too(desk):
    """The plan of the run is the check, too: whoever shows the job hears of it, and nothing is checked after it."""
    desk.session.set_job(desk.job())
    desk.begin()
    assert [len(desk.said[name]) for name in ("inputs_found", "inspected", "plan_changed")] == [1, 1, 1]
    assert desk.session.plan is desk.said["started"][0]
    desk.worker.finish()
    desk.worker.pass_pauses()
    assert desk.states == [Editing, Editing, Running, Ended]


def test_start_after_a_run_is_a_check_too(desk):
    """The outputs of the run before exist now: the job says so, as the rows of the second run do."""
    desk.check().run().forget()
    desk.run()
    assert desk.statuses() == ["problem", "problem"]
    assert desk.session.problem == module.NONE_OF_ALL
    assert desk.session.count_ready() == 0
    assert len(desk.said["inputs_found"]) == len(desk.said["plan_changed"]) == 1


def test_start_during_a_check_gives_it_up(desk):
    """The check is given up for that of the run."""
    desk.session.set_job(desk.job())
    desk.worker.pass_pauses()
    (check,) = desk.worker.tasks
    desk.run()
    assert check.is_dropped
    assert desk.session.plan is desk.said["started"][0]
    assert desk.statuses() == ["done", "done"]


def test_selected_images_alone_are_run(desk):
    """Only they are run; if the job was not checked by then, it is after the run."""
    session = desk.session
    assert not session.start_selected()
    session.set_job(desk.job())
    session.selected = (str(desk.images[1]),)
    assert session.start_selected()
    desk.worker.finish()
    desk.worker.finish()
    assert [row.input for row in desk.said["ended"][0].rows] == [str(desk.images[1])]
    assert desk.said["plan_changed"] == []
    desk.worker.pass_pauses()
    desk.worker.finish()
    assert len(session.plan.rows) == 2
    assert session.state == Ready()


def test_number_of_images_that_can_be_predicted_is_said(desk):
    """All, those that are selected, and why none can."""
    np.save(desk.folder / "rgb.npy", np.zeros((20, 30, 3), np.uint8))
    session, bad = desk.session, str(desk.folder / "rgb.npy")
    assert (session.count_ready(), session.count_selected()) == (0, (0, module.NONE_SELECTED))
    desk.check(inputs=(str(desk.images[0]), bad))
    assert (session.count_ready(), session.problem) == (1, "")
    for selected, expected in (((bad,), (0, module.NONE_OF_SELECTED)), ((bad, str(desk.images[0])), (1, ""))):
        session.selected = selected
        assert session.count_selected() == expected
    desk.check(inputs=(bad,))
    # What all share is said, what differs is on the page.
    assert (session.count_ready(), session.problem) == (0, "The image has 3 channels. Expected 1.")
    assert session.state == Ready()


def test_second_start_during_a_run_changes_nothing(desk):
    """While a run is under way nothing begins another, at none of its stages."""
    session = desk.session
    desk.check().run()
    desk.check(existing="overwrite")
    session.selected = tuple(map(str, desk.images))
    assert session.start()

    def asks() -> None:
        n, state = len(desk.worker.tasks), session.state
        assert not session.start()
        assert not session.start_selected()
        session.retry_failed()
        session.resume(desk.folder / "any.ledger.jsonl")
        assert (len(desk.worker.tasks), session.state) == (n, state)

    asks()
    desk.worker.finish()
    asks()
    desk.predict()
    asks()
    desk.worker.finish()
    assert len(desk.said["ended"]) == 2


def test_events_come_in_lists(desk):
    """What is said between two showings comes at once; the rest before the end."""
    desk.check().begin()
    task = desk.worker.tasks[-1]
    for _ in range(4):
        task.advance()
    assert desk.said["events"] == []
    desk.worker.pass_pauses()
    assert [len(events) for events in desk.said["events"]] == [4]
    desk.worker.finish()
    assert len(desk.said["events"]) == 2
    assert isinstance(desk.told()[-1], BatchFinished)


def editing(desk: Desk) -> None:
    desk.session.set_job(desk.job())


def checking(desk: Desk) -> None:
    editing(desk)
    desk.worker.pass_pauses()
    desk.worker.tasks[-1].advance()


def planning(desk: Desk) -> None:
    desk.check().session.start()
    desk.worker.tasks[-1].advance()


def begun(desk: Desk) -> None:
    desk.check().session.start()
    desk.worker.finish()


def predicting(desk: Desk) -> None:
    # Few tiles are under way at a time.
    desk.images = save_images(desk.folder, *(f"image_{i}" for i in range(8)))
    desk.check(workers=1).begin().predict()


AT_REST = {"editing": editing, "checking": checking, "ready": Desk.check, "ended": lambda desk: desk.check().run()}
RUNS = {
    "planning": (planning, None, ["The check was cancelled."]),
    "begun": (begun, ("cancelled", "cancelled"), []),
    "predicting": (predicting, ("done", "cancelled"), []),
}


@pytest.mark.parametrize("bring", AT_REST.values(), ids=AT_REST)
def test_cancel_where_nothing_runs(desk, bring):
    """It changes nothing: what was under way goes on."""
    bring(desk)
    state = desk.session.state
    desk.forget()
    desk.session.cancel()
    assert desk.session.state == state
    assert desk.states == [type(state)]
    assert not any(task.is_cancelled for task in desk.worker.tasks)


@pytest.mark.parametrize("stop", [BatchSession.cancel, BatchSession.close], ids=["cancel", "close"])
@pytest.mark.parametrize(("bring", "expected", "reasons"), RUNS.values(), ids=RUNS)
def test_stopped_run_ends_by_itself_and_can_run_again(desk, bring, expected, reasons, stop):
    """It ends by itself, says what became of each image, leaves nothing half-written; then it can run again."""
    bring(desk)
    desk.forget()
    for _ in range(2):
        stop(desk.session)
    assert desk.session.state.is_cancelled
    desk.worker.finish()
    (ledger,) = desk.said["ended"]
    first_and_last = (ledger.rows[0].status, ledger.rows[-1].status) if ledger is not None else None
    assert first_and_last == expected
    assert [failure.reason for failure in desk.said["failed"]] == reasons
    assert desk.states == [Running, Running, Ended]
    assert not any(name.endswith(".part") for name in files_in(desk.folder))
    assert desk.session.problem == ""
    desk.check(existing="overwrite").run()
    assert set(desk.statuses()) == {"done"}


def test_closing_gives_up_the_check(desk):
    """What waits to be checked is not checked any more, and what is being checked is given up."""
    for bring in (editing, checking):
        bring(desk)
        desk.session.close()
        desk.worker.pass_pauses()
        assert desk.session.state == Editing()
    assert [task.is_dropped for task in desk.worker.tasks] == [True]
    desk.check()
    desk.session.close()
    assert desk.session.state == Ready()


def test_failed_check_is_the_problem_until_the_job_changes(desk, monkeypatch):
    """Why is said, and remains the problem until the job changes; then all is well."""
    desk.check().forget()

    def fail(*args) -> None:
        raise ProjectError("It is damaged.")

    with monkeypatch.context() as patch:
        patch.setattr(Threshold, "source", fail)
        desk.check()
    assert desk.said["failed"] == [Failure("It is damaged.")]
    assert desk.said["checked"] == [None]
    assert desk.session.problem == "It is damaged."
    assert desk.session.state == Editing()
    assert desk.session.plan is None
    desk.worker.pass_pauses()
    assert desk.session.state == Editing()
    desk.session.set_job(desk.job())
    assert desk.session.problem == ""
    desk.check()
    assert desk.session.state == Ready()


def test_failing_classifier_ends_one_image_or_the_run(desk, monkeypatch):
    """One image that cannot be predicted ends alone; what is no Exception ends the run, with its trace."""
    pixels = random_image(20, 30)
    pixels[3, 3] = BROKEN
    np.save(desk.images[0], pixels)
    desk.check().run()
    assert desk.statuses() == ["failed", "done"]
    desk.classifier.gate = lambda: (_ for _ in ()).throw(SystemExit(3))
    desk.check(existing="overwrite").run()
    (failure,) = desk.said["failed"]
    assert "SystemExit" in failure.reason
    assert "Traceback" in failure.trace
    assert isinstance(desk.session.state, Ended)


def test_run_that_cannot_start_has_no_ledger(desk):
    """It has no ledger; the ledger of the run before, whose images are still shown, stays."""
    desk.check().run()
    ledger = desk.session.ledger
    desk.session.resume(desk.folder / "missing.ledger.jsonl")
    desk.worker.finish()
    assert desk.said["ended"] == [ledger, None]
    assert desk.session.ledger is ledger
    assert "missing.ledger.jsonl" in desk.said["failed"][0].reason


ACTS = {
    "set_job": lambda desk: desk.session.set_job(desk.job(existing="overwrite")),
    "set_nothing": lambda desk: desk.session.set_job(None, "Add images first."),
    "select": lambda desk: setattr(desk.session, "selected", (str(desk.images[0]),)),
    "check": lambda desk: desk.session.check(),
    "start": lambda desk: desk.session.start(),
    "start_selected": lambda desk: desk.session.start_selected(),
    "retry": lambda desk: desk.session.retry_failed(),
    "resume": lambda desk: desk.session.resume(desk.folder / "missing.ledger.jsonl"),
    "cancel": lambda desk: desk.session.cancel(),
    "close": lambda desk: desk.session.close(),
    "work": lambda desk: desk.worker.tasks and not desk.worker.tasks[-1].is_over and desk.worker.tasks[-1].advance(),
    "finish": lambda desk: desk.worker.tasks and not desk.worker.tasks[-1].is_over and desk.worker.finish(),
    "pauses": lambda desk: desk.worker.pass_pauses(),
}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=25))
def test_no_order_of_calls_breaks_the_states(tmp_path_factory, acts):
    """No state follows on one that it must not follow on, and every run that has begun comes to its end."""
    desk = Desk(tmp_path_factory.mktemp("desk"), n_images=1)
    desk.session.set_job(desk.job(existing="overwrite"))
    for act in acts:
        ACTS[act](desk)
    desk.session.close()
    while not all(task.is_over for task in desk.worker.tasks):
        for task in desk.worker.tasks:
            if not task.is_over:
                task.advance()
        desk.worker.pass_pauses()
    assert all(after in NEXT[before] for before, after in pairwise(desk.states))
    assert not isinstance(desk.session.state, Running)
    n_runs = sum(after is Running and before is not Running for before, after in pairwise(desk.states))
    assert len(desk.said["ended"]) == n_runs


def test_retry_takes_what_is_set_now(desk):
    """After a setting has changed, a new run has the images that could not be predicted; the ledger of before stays."""
    desk.check().run()
    (desk.folder / "out" / "image_0_Probabilities.h5").unlink()
    desk.check().run()
    assert desk.statuses() == ["done", "problem"]
    before = desk.session.ledger
    desk.check(existing="overwrite")
    assert desk.session.to_retry() == (str(desk.images[1]),)
    desk.session.retry_failed()
    desk.worker.finish()
    desk.worker.finish()
    assert [(row.input, row.status) for row in desk.session.ledger.rows] == [(str(desk.images[1]), "done")]
    assert desk.session.ledger.path != before.path
