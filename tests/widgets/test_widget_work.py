"""Work in napari's thread worker."""

import gc
import threading

import pytest
from qtpy.QtCore import QObject
from superqt.utils import WorkerBase

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.process import SELDOM
from napari_batch_prediction.widgets.work import Task, in_background

WAIT_MS = 20_000


@pytest.fixture
def owner(qtbot):
    yield QObject()
    WorkerBase.await_workers(WAIT_MS)


class Heard:
    """A task, begun, and what it says: its steps and, apart from them, its end."""

    def __init__(self, qtbot, work, owner: QObject) -> None:
        self.qtbot = qtbot
        self.steps: list = []
        self.ends: list = []
        self.threads = set()
        self.task = Task(work, owner, self.step, self.ends.append)
        self.task.start()

    def step(self, value) -> None:
        assert not self.ends
        self.steps.append(value)
        self.threads.add(threading.current_thread())

    def begins(self) -> "Heard":
        self.qtbot.waitUntil(lambda: bool(self.steps), timeout=WAIT_MS)
        return self

    def ending(self):
        self.qtbot.waitUntil(lambda: bool(self.ends), timeout=WAIT_MS)
        (end,) = self.ends
        return end


def test_yields_in_the_main_thread(qtbot, owner):
    """What is yielded in the worker arrives in the main thread, in order, before the end."""
    threads = []

    def work(should_cancel):
        threads.append(threading.current_thread())
        yield from range(5)
        return "over"

    heard = Heard(qtbot, work, owner)
    assert heard.ending() == "over"
    assert heard.steps == list(range(5))
    assert heard.threads == {threading.main_thread()}
    assert threads != [threading.main_thread()]


def test_a_function_in_the_background(qtbot, owner):
    """Its result arrives in the main thread, and so does what it raises."""
    ends = []
    for function in (threading.current_thread, lambda: 1 / 0):
        in_background(function, owner, lambda end: ends.append((end, threading.current_thread())))
        qtbot.waitUntil(lambda: bool(ends), timeout=WAIT_MS)
        (end, thread) = ends.pop()
        assert thread is threading.main_thread()
        assert end is not thread
    assert end.reason == "Unexpected ZeroDivisionError: division by zero"


ERRORS = {
    "of this package": (ImageReadError("It is damaged."), "It is damaged.", False),
    "unforeseen": (ZeroDivisionError("by zero"), "Unexpected ZeroDivisionError: by zero", True),
    "runtime": (RuntimeError("gone"), "Unexpected RuntimeError: gone", True),
    "end of iteration": (StopIteration("over"), "Unexpected RuntimeError: generator raised StopIteration", True),
}


@pytest.mark.parametrize(("error", "reason", "has_trace"), ERRORS.values(), ids=ERRORS)
def test_whatever_is_raised_is_told(qtbot, owner, error, reason, has_trace):
    """An exception ends the work, and arrives as a failure: a sentence, and a trace if nobody foresaw it."""

    def work(should_cancel):
        yield 1
        raise error

    heard = Heard(qtbot, work, owner)
    failure = heard.ending()
    assert heard.steps == [1]
    assert isinstance(failure, Failure)
    assert failure.reason == reason
    assert ("Traceback" in failure.trace) == has_trace


def until_cancelled(cleaned: threading.Event):
    """Return work that ends only when it is asked to."""

    def work(should_cancel):
        try:
            yield "started"
            while not should_cancel():
                yield "busy"
            return "stopped"
        finally:
            cleaned.set()

    return work


def test_cancel_lets_the_work_end(qtbot, owner):
    """Work that is cancelled still says how it ended."""
    heard = Heard(qtbot, until_cancelled(threading.Event()), owner).begins()
    heard.task.cancel()
    assert heard.ending() == "stopped"


STOPS = {
    "dropped": lambda task, owner: task.drop(),
    "quit by napari": lambda task, owner: WorkerBase.await_workers(WAIT_MS),
    "owner deleted": lambda task, owner: owner.deleteLater(),
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_stopped_work_cleans_up_in_its_thread(qtbot, stop):
    """However the work is stopped, it cleans up in its thread."""
    cleaned = threading.Event()
    owner = QObject()
    heard = Heard(qtbot, until_cancelled(cleaned), owner).begins()
    stop(heard.task, owner)
    qtbot.waitUntil(cleaned.is_set, timeout=WAIT_MS)
    WorkerBase.await_workers(WAIT_MS)


def test_a_dropped_task_says_nothing(qtbot, owner):
    """After drop nothing is passed on, though it was on its way."""
    cleaned = threading.Event()
    heard = Heard(qtbot, until_cancelled(cleaned), owner).begins()
    heard.task.drop()
    n = len(heard.steps)
    qtbot.waitUntil(cleaned.is_set, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not WorkerBase._worker_set, timeout=WAIT_MS)
    assert len(heard.steps) == n
    assert heard.ends == []


def test_full_collections_are_put_off(qtbot, owner):
    """While anything is worked on, full garbage collections are rare; when the last work ends all is as before."""
    WorkerBase.await_workers(WAIT_MS)  # of other tests
    before = gc.get_threshold()
    tasks = [Heard(qtbot, until_cancelled(threading.Event()), owner).begins() for _ in range(2)]
    assert gc.get_threshold() == (*before[:2], SELDOM)
    for heard, expected in zip(tasks, ((*before[:2], SELDOM), before), strict=True):
        heard.task.cancel()
        heard.ending()
        assert gc.get_threshold() == expected
