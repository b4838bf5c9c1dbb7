"""A session with real threads and a real classifier: a small batch from editing to its results, and again."""

import shutil
import threading
from pathlib import Path

import pytest
from golden import ROOT as GOLDEN
from session_workers import ThreadWorker
from threshold import files_in

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.session.session import BatchSession
from napari_batch_prediction.session.state import Ended, Ready, Running

CASE = GOLDEN / "a_2d_u8"


class Desk:
    """A session on a copy of a golden case, with ends of its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("project.ilp", "test1.png", "test2.png"):
            shutil.copy(CASE / name, folder)
        self.worker = ThreadWorker()
        self.session = BatchSession(self.worker, lambda job: InMemory(None, {}))
        self.ends: list = []
        self.problems: list[str] = []
        self.recorded: list = []
        self.threads: set[threading.Thread] = set()
        self.session.ended.connect(lambda ledger: self.ends.append(ledger))
        self.session.failed.connect(lambda failure: self.problems.append(failure.reason))
        self.session.recorded.connect(lambda recorded: self.recorded.append(recorded))
        for signal in (self.session.inspected, self.session.events, self.session.state_changed):
            signal.connect(lambda _: self.threads.add(threading.current_thread()))

    def check(self, *names: str, folder: str = "out", **values) -> None:
        inputs = tuple(str(self.folder / name) for name in names or ("test1.png", "test2.png"))
        exports = (Export(folder=self.folder / folder),)
        job = BatchJob(classifier=self.folder / "project.ilp", inputs=inputs, exports=exports, workers=1, **values)
        self.session.set_job(job)
        self.worker.wait_until(lambda: isinstance(self.session.state, Ready))

    def to_the_end(self) -> list[str] | None:
        """What became of each image, when the run is over."""
        self.worker.wait_until(lambda: isinstance(self.session.state, Ended))
        return [row.status for row in self.ends[-1].rows] if self.ends[-1] is not None else None


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_small_batch_is_checked_and_run_in_threads(desk):
    """It is checked and run in threads; all that is said comes to the session's own."""
    desk.check()
    assert desk.session.start()
    assert desk.to_the_end() == ["done", "done"]
    assert files_in(desk.folder / "out") == {"test1_Probabilities.h5", "test2_Probabilities.h5"}
    assert desk.threads == {threading.main_thread()}
    assert [one.row.status for one in read_record(desk.ends[0].path).inputs] == ["done", "done"]


def test_failed_images_are_retried_and_nothing_is_left_to_resume(desk):
    """What failed is done once more when its cause is gone; then there is nothing left to be resumed."""
    whole = (desk.folder / "test2.png").read_bytes()
    (desk.folder / "test2.png").write_bytes(whole[: len(whole) // 2])
    desk.check()
    desk.session.start()
    assert desk.to_the_end() == ["done", "failed"]
    (desk.folder / "test2.png").write_bytes(whole)
    desk.session.retry_failed()
    assert desk.to_the_end() == ["done", "done"]
    first, second = desk.ends
    assert first.path == second.path
    assert desk.recorded == []
    desk.session.resume(first.path)
    assert desk.to_the_end() == ["done", "done"]
    assert [one.path for one in desk.recorded] == [first.path]
    assert desk.problems == []


def test_retry_after_the_results_were_moved_away_is_a_new_run(desk):
    """A ledger that is gone cannot go on: what failed is run anew with the same settings and a ledger of its own."""
    whole = (desk.folder / "test2.png").read_bytes()
    (desk.folder / "test2.png").write_bytes(whole[: len(whole) // 2])
    desk.check()
    desk.session.start()
    assert desk.to_the_end() == ["done", "failed"]
    (desk.folder / "out").rename(desk.folder / "moved")
    (desk.folder / "test2.png").write_bytes(whole)
    desk.session.retry_failed()
    assert desk.to_the_end() == ["done"]
    assert desk.problems == []
    assert files_in(desk.folder / "out") == {"test2_Probabilities.h5"}


def test_retry_as_before_takes_the_settings_of_the_run(desk):
    """However the job is changed meanwhile, the run goes on where it was going to."""
    (desk.folder / "test2.png").rename(desk.folder / "away.png")
    desk.check()
    desk.session.start()
    assert desk.to_the_end() == ["done", "problem"]
    (desk.folder / "away.png").rename(desk.folder / "test2.png")
    desk.check(folder="elsewhere")
    desk.session.retry_as_before()
    assert desk.to_the_end() == ["done", "done"]
    assert files_in(desk.folder / "out") == {"test1_Probabilities.h5", "test2_Probabilities.h5"}
    assert not (desk.folder / "elsewhere").exists()


def test_resume_without_the_classifier_shows_the_record(desk):
    """The ledger is read all the same; why the run cannot go on is said."""
    desk.check()
    desk.session.start()
    desk.to_the_end()
    (desk.folder / "project.ilp").unlink()
    desk.session.resume(desk.ends[0].path)
    assert desk.to_the_end() is None
    assert [one.path for one in desk.recorded] == [desk.ends[0].path]
    assert "project.ilp" in desk.problems[0]


def test_retry_after_a_resume_that_cannot_go_on(desk):
    """What is retried is the run whose ledger was read, not one before it."""
    desk.check()
    desk.session.start()
    desk.to_the_end()
    (desk.folder / "test2.png").unlink()
    desk.check(existing="overwrite")
    desk.session.start()
    assert desk.to_the_end() == ["done", "problem"]
    first, second = desk.ends
    shutil.copy(CASE / "test2.png", desk.folder)
    project = (desk.folder / "project.ilp").rename(desk.folder / "away.ilp")
    desk.session.resume(second.path)
    assert desk.to_the_end() is None
    project.rename(desk.folder / "project.ilp")
    desk.session.retry_failed()
    assert desk.to_the_end() == ["done", "done"]
    assert desk.ends[-1].path == second.path != first.path


def test_session_closed_in_the_middle_ends_soon(desk):
    """The run ends soon, with an end for every image and nothing half-written; all its threads are over."""
    threads_of_others = set(threading.enumerate())
    desk.check()
    desk.session.start()
    desk.worker.wait_until(lambda: isinstance(desk.session.state, Running) and desk.session.state.plan is not None)
    desk.session.close()
    statuses = desk.to_the_end()
    assert len(statuses) == 2
    assert "cancelled" in statuses
    assert len(files_in(desk.folder / "out")) == statuses.count("done")
    desk.worker.wait_until(lambda: threads_of_others.issuperset(threading.enumerate()))


def test_changes_during_a_check(desk):
    """However often the job changes while it is checked, the plan is that of the last change."""
    for name in ("test1.png", "test2.png"):
        desk.session.set_job(BatchJob(classifier=desk.folder / "project.ilp", inputs=(str(desk.folder / name),)))
        desk.session.check()
    desk.worker.wait_until(lambda: isinstance(desk.session.state, Ready))
    assert [row.input for row in desk.session.plan.rows] == [str(desk.folder / "test2.png")]
