"""Work off the main thread, so that the window always answers."""

from collections.abc import Callable, Generator
from threading import Event
from typing import Any, TypeVar

from napari.qt.threading import GeneratorWorker, create_worker
from qtpy.QtCore import QObject, QTimer

from napari_batch_prediction.session.work import Failure, Result, ShouldCancel, Step, Work, guarded
from napari_batch_prediction.widgets.parts.message import printable
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.process import allow_threads, full_collections

Value = TypeVar("Value")


class Task(QObject):
    """A piece of work in napari's thread worker.

    Parameters
    ----------
    work
        A generator function. Its argument is a function that returns True once it has to stop; it asks often.
    parent
        The widget that shows the work, if there is one. The work is cancelled when the widget is deleted.
    step
        Called in the main thread with every value that the work yields.
    end
        Called with the result of the work or a :class:`Failure`, when its thread is over; not after :meth:`drop`, nor
        after napari has quit the work.
    """

    def __init__(
        self,
        work: Work[Any, Any],
        parent: QObject | None,
        step: Callable[[Any], object] | None = None,
        end: Callable[[Any], object] | None = None,
    ) -> None:
        super().__init__(parent)
        self._step, self._end = step, end
        # Empty until the work has returned.
        self._results: list[object] = []
        self._cancelled = Event()
        self._dropped = False
        self._worker = create_worker(
            _steps, work(self._cancelled.is_set), self._cancelled, _start_thread=False, _worker_class=_Worker
        )
        self._worker.yielded.connect(self._on_yielded)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)
        self.destroyed.connect(self._cancelled.set)

    def start(self) -> None:
        """Begin the work."""
        allow_threads()
        self._worker.start()

    def cancel(self) -> None:
        """Ask the work to stop; values that it yields until then are still passed on."""
        self._cancelled.set()

    def drop(self) -> None:
        """Cancel, and pass on nothing more."""
        self._dropped = True
        self.cancel()

    def _on_yielded(self, value: object) -> None:
        # Once napari has quit the worker, parts of the window may be gone.
        if self._step is not None and not self._dropped and not self._worker.abort_requested:
            self._step(value)

    def _on_returned(self, value: object) -> None:
        if isinstance(value, Failure):
            value = value._replace(reason=printable(value.reason), trace=printable(value.trace))
        self._results.append(value)

    def _on_finished(self) -> None:
        try:
            if self._end is not None and self._results and not self._dropped and not self._worker.abort_requested:
                self._end(self._results[0])
        finally:
            self.deleteLater()


class QtWorker:
    """Runs the work of a session in napari's threads.

    Parameters
    ----------
    parent
        The widget that shows the session.
    """

    def __init__(self, parent: QObject) -> None:
        self._parent = parent

    def run(
        self, work: Work[Step, Result], step: Callable[[Step], object], end: Callable[[Result | Failure], object]
    ) -> Task:
        """Begin a piece of work; see :class:`~napari_batch_prediction.session.work.Worker`."""
        task = Task(work, self._parent, step, end)
        task.start()
        return task

    def pause(self, seconds: float, act: Callable[[], object]) -> QTimer:
        """Return a pause, not started yet, before an act."""
        return single_shot(self._parent, round(1000 * seconds), act)


def in_background(
    function: Callable[[], Value], parent: QObject, end: Callable[[Value | Failure], object] | None = None
) -> Task:
    """Call a function in a thread.

    Parameters
    ----------
    function
        The function. It cannot be stopped.
    parent
        The widget that shows the result.
    end
        Called in the main thread with the result or the failure.
    """

    def work(should_cancel: ShouldCancel) -> Generator[None, None, Value]:
        yield from ()
        return function()

    task = Task(work, parent, end=end)
    task.start()
    return task


class _Worker(GeneratorWorker):  # type: ignore[misc]
    """napari's worker with one switch for both ways to stop: cancelled by the user, or quit by napari."""

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
            with full_collections.seldom():
                return super().work()
        finally:
            # A worker that quits leaves its generator open: close it, so that it cleans up now.
            self._steps.close()


def _steps(steps: Generator[Any, None, Any]) -> Generator[object, None, object]:
    """Guard the steps: superqt loses a RuntimeError, and other errors than Exception end Qt."""
    return (yield from guarded(steps))
