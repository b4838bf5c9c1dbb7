"""Work in napari's thread worker."""

import gc
import threading

import pytest
from qtpy.QtCore import QObject
from superqt.utils import WorkerBase

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.widgets.work import SELDOM, Failure, Task

WAIT_MS = 20_000


@pytest.fixture
def owner(qtbot):
    yield QObject()
    WorkerBase.await_workers(WAIT_MS)


def collect(task: Task) -> list:
    came: list = []
    task.yielded.connect(came.append)
    return came


def test_yields_in_the_main_thread(qtbot, owner):
    """What is yielded in the worker arrives in the main thread, in order, before the end."""
    threads = []

    def work(should_cancel):
        threads.append(threading.current_thread())
        yield from range(5)

    task = Task(work, owner)
    came = []
    task.yielded.connect(lambda value: came.append((value, threading.current_thread())))
    with qtbot.waitSignal(task.ended, timeout=WAIT_MS):
        task.start()
    assert came == [(i, threading.main_thread()) for i in range(5)]
    assert threads != [threading.main_thread()]


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

    task = Task(work, owner)
    came = collect(task)
    with qtbot.waitSignal(task.ended, timeout=WAIT_MS):
        task.start()
    assert came[0] == 1
    (failure,) = came[1:]
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
            yield "stopped"
        finally:
            cleaned.set()

    return work


def test_cancel_lets_the_work_end(qtbot, owner):
    """Work that is cancelled still says how it ended."""
    task = Task(until_cancelled(threading.Event()), owner)
    came = collect(task)
    with qtbot.waitSignal(task.yielded, timeout=WAIT_MS):
        task.start()
    with qtbot.waitSignal(task.ended, timeout=WAIT_MS):
        task.cancel()
    assert came[-1] == "stopped"


STOPS = {
    "dropped": lambda task, owner: task.drop(),
    "quit by napari": lambda task, owner: WorkerBase.await_workers(WAIT_MS),
    "owner deleted": lambda task, owner: owner.deleteLater(),
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_stopped_from_outside(qtbot, stop):
    """However the work is stopped, it cleans up in its thread."""
    cleaned = threading.Event()
    owner = QObject()
    task = Task(until_cancelled(cleaned), owner)
    with qtbot.waitSignal(task.yielded, timeout=WAIT_MS):
        task.start()
    stop(task, owner)
    qtbot.waitUntil(cleaned.is_set, timeout=WAIT_MS)
    WorkerBase.await_workers(WAIT_MS)


def test_a_dropped_task_says_nothing(qtbot, owner):
    """After drop nothing is passed on, though it was on its way."""
    cleaned = threading.Event()
    task = Task(until_cancelled(cleaned), owner)
    came = collect(task)
    with qtbot.waitSignal(task.yielded, timeout=WAIT_MS):
        task.start()
    task.drop()
    n = len(came)
    qtbot.waitUntil(cleaned.is_set, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not WorkerBase._worker_set, timeout=WAIT_MS)
    assert len(came) == n


def test_full_collections_are_put_off(qtbot, owner):
    """While anything is worked on, full garbage collections are rare; when the last work ends all is as before."""
    WorkerBase.await_workers(WAIT_MS)  # of other tests
    before = gc.get_threshold()
    tasks = [Task(until_cancelled(threading.Event()), owner) for _ in range(2)]
    for task in tasks:
        with qtbot.waitSignal(task.yielded, timeout=WAIT_MS):
            task.start()
    assert gc.get_threshold() == (*before[:2], SELDOM)
    for task, expected in zip(tasks, ((*before[:2], SELDOM), before), strict=True):
        with qtbot.waitSignal(task.ended, timeout=WAIT_MS):
            task.cancel()
        assert gc.get_threshold() == expected
