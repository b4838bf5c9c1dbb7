"""Workers for a session without a window: one that works step by step when it is told to, one with real threads."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, Queue

from napari_batch_prediction.session.work import guarded


class FakeTask:
    """Work of which nothing is done but by :meth:`advance`."""

    def __init__(self, work, step: Callable, end: Callable) -> None:
        self.is_cancelled = self.is_dropped = self.is_over = False
        self._steps = guarded(work(lambda: self.is_cancelled))
        self._step, self._end = step, end

    def cancel(self) -> None:
        self.is_cancelled = True

    def drop(self) -> None:
        self.is_cancelled = self.is_dropped = True

    def advance(self) -> None:
        """Do one step, or come to the end."""
        try:
            step = next(self._steps)
        except StopIteration as end:
            self.is_over = True
            if not self.is_dropped:
                self._end(end.value)
            return
        if not self.is_dropped:
            self._step(step)


@dataclass
class FakePause:
    act: Callable
    is_waiting: bool = False

    def start(self) -> None:
        self.is_waiting = True

    def stop(self) -> None:
        self.is_waiting = False

    def passes(self) -> None:
        """Let the pause pass; without effect if it was not started."""
        if self.is_waiting:
            self.is_waiting = False
            self.act()


@dataclass
class FakeWorker:
    """Holds every task that was begun, and every pause by its seconds."""

    tasks: list[FakeTask] = field(default_factory=list)
    pauses: dict[float, FakePause] = field(default_factory=dict)

    def run(self, work, step: Callable, end: Callable) -> FakeTask:
        self.tasks.append(FakeTask(work, step, end))
        return self.tasks[-1]

    def pause(self, seconds: float, act: Callable) -> FakePause:
        while seconds in self.pauses:
            seconds += 1e-9  # another pause of the same length
        return self.pauses.setdefault(seconds, FakePause(act))

    def finish(self) -> None:
        """Do all the work that was begun last."""
        task = self.tasks[-1]
        while not task.is_over:
            task.advance()

    def pass_pauses(self) -> None:
        """Let all the pauses pass that wait now."""
        for pause in list(self.pauses.values()):
            pause.passes()


class ThreadTask:
    def __init__(self, work, step: Callable, end: Callable, news: Queue) -> None:
        self._cancelled, self._is_dropped = threading.Event(), False
        self._steps = guarded(work(self._cancelled.is_set))
        self._step, self._end, self._news = step, end, news
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def cancel(self) -> None:
        self._cancelled.set()

    def drop(self) -> None:
        self._is_dropped = True
        self.cancel()

    def _work(self) -> None:
        while True:
            try:
                step = next(self._steps)
            except StopIteration as end:
                self._news.put(partial(self._tell, self._end, end.value))
                return
            self._news.put(partial(self._tell, self._step, step))

    def _tell(self, listener: Callable, value: object) -> None:
        if not self._is_dropped:
            listener(value)


class ThreadPause:
    def __init__(self, seconds: float, act: Callable) -> None:
        self._seconds, self._act = seconds, act
        self._end: float | None = None

    def start(self) -> None:
        self._end = time.monotonic() + self._seconds

    def stop(self) -> None:
        self._end = None

    def look(self) -> None:
        if self._end is not None and time.monotonic() >= self._end:
            self._end = None
            self._act()


class ThreadWorker:
    """Works in threads; the thread that calls :meth:`wait_until` hears of it meanwhile."""

    def __init__(self) -> None:
        self._news: Queue = Queue()
        self._pauses: list[ThreadPause] = []

    def run(self, work, step: Callable, end: Callable) -> ThreadTask:
        return ThreadTask(work, step, end, self._news)

    def pause(self, seconds: float, act: Callable) -> ThreadPause:
        self._pauses.append(ThreadPause(seconds, act))
        return self._pauses[-1]

    def wait_until(self, condition: Callable[[], bool], timeout: float = 120) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"Waited {timeout} s in vain."
            for pause in self._pauses:
                pause.look()
            try:
                self._news.get(timeout=0.01)()
            except Empty:
                continue
