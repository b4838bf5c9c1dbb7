"""Work off the main thread, so that the window always answers."""

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any, NamedTuple

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QThreadPool, Signal

from napari_batch_prediction.records.ledger import explain
from napari_batch_prediction.widgets.parts.message import printable

AT_ONCE = 4
"""How many pieces of work can be under way at once, at least."""

SELDOM = 1000
"""Full garbage collections come after so many smaller ones while there is work."""

ShouldCancel = Callable[[], bool]
Work = Callable[[ShouldCancel], Generator[object, None, Any]]


class Failure(NamedTuple):
    """Work that ended with an error.

    Attributes
    ----------
    reason
        What went wrong, in words.
    trace
        The whole stack trace of an unexpected error; empty otherwise.
    """

    reason: str
    trace: str = ""


class Task(QObject):
    """One piece of work in napari's thread worker.

    Parameters
    ----------
    work
        A generator function. It gets a function that says whether to stop, and asks it often.
    parent
        The widget that shows the work. The work is cancelled when the widget is deleted.

    Attributes
    ----------
    yielded
        Everything that the work yields, and a :class:`Failure` if it raises. Emitted in the main thread.
    ended
        Emitted once, after the last ``yielded``.
    """

    yielded = Signal(object)
    ended = Signal()

    def __init__(self, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._cancelled = Event()
        self._dropped = False
        self._worker = create_worker(
            _guarded, work(self._cancelled.is_set), self._cancelled, _start_thread=False, _worker_class=_Worker
        )
        self._worker.yielded.connect(self._take)
        self._worker.finished.connect(self._end)
        self.destroyed.connect(self._cancelled.set)

    def start(self) -> None:
        """Begin."""
        # A run, a check and a row that is read must not wait for each other, however few cores there are.
        pool = QThreadPool.globalInstance()
        if pool is not None and pool.maxThreadCount() < AT_ONCE:
            pool.setMaxThreadCount(AT_ONCE)
        self._worker.start()

    def cancel(self) -> None:
        """Ask the work to stop. What it yields until then is still passed on."""
        self._cancelled.set()

    def drop(self) -> None:
        """Cancel, and pass nothing on any more."""
        self._dropped = True
        self.cancel()

    def _take(self, value: object) -> None:
        # After napari has quit the worker its window may be half gone.
        if not self._dropped and not self._worker.abort_requested:
            self.yielded.emit(value)

    def _end(self) -> None:
        if not self._dropped:
            self.ended.emit()
        self.deleteLater()


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """napari's worker with one switch for every way to stop: cancelled by the user, or quit by napari."""

    def __init__(
        self,
        func: Callable[..., Generator[object]],
        steps: Generator[object],
        cancelled: Event,
    ) -> None:
        super().__init__(func, steps)
        self._steps = steps
        self._cancelled = cancelled

    def quit(self) -> None:
        """Ask the work to stop; napari calls this when its window closes."""
        self._cancelled.set()
        super().quit()

    def work(self) -> Any:
        """Do the work, in the thread."""
        try:
            with _FewFullCollections.while_working():
                return super().work()
        finally:
            # A worker that quits leaves its generator where it stands: let it clean up, here and now.
            self._steps.close()


class _FewFullCollections:
    """Puts off full garbage collections: each stops the window for 0.2 s and more, whichever thread it is in.

    The thresholds are those of the process, so all work shares them.
    """

    _lock = Lock()
    _n_working = 0
    _before = (0, 0, 0)

    @classmethod
    @contextmanager
    def while_working(cls) -> Iterator[None]:
        """Put them off until the last of the work that is under way ends."""
        with cls._lock:
            if not cls._n_working:
                cls._before = gc.get_threshold()
                gc.set_threshold(*cls._before[:2], SELDOM)
            cls._n_working += 1
        try:
            yield
        finally:
            with cls._lock:
                cls._n_working -= 1
                if not cls._n_working:
                    gc.set_threshold(*cls._before)


def _guarded(steps: Generator[object]) -> Generator[object]:
    """Yield every step, then what went wrong: superqt loses a RuntimeError, and Qt dies of what is no Exception."""
    while True:
        try:
            step = next(steps)
        except StopIteration:
            return
        except BaseException as error:  # whatever it is, the window says it
            yield Failure(*map(printable, map(str, explain(error))))
            return
        # Outside of the block: who closes this generator raises here.
        yield step
