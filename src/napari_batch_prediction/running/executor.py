"""Carrying out tasks: what an executor is, and the one that works in threads of this process."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.records.ledger import LedgerRow, Status
from napari_batch_prediction.running.file import OpenFile
from napari_batch_prediction.running.task import FileTask

# Tiles that wait behind those being worked on, so that no thread runs dry between two files.
AHEAD = 2


class TaskStarted(NamedTuple):
    """The tiles of a task are being worked on."""

    task: FileTask


class TaskAdvanced(NamedTuple):
    """One more tile of a task is done; ``n_done`` are."""

    task: FileTask
    n_done: int


class TaskEnded(NamedTuple):
    """A task has reached its end; ``arrays`` are the predictions of an image in memory, by the name of the export."""

    task: FileTask
    row: LedgerRow
    arrays: Mapping[str, NDArray]


class Told(NamedTuple):
    """Something the user should know while waiting, as a sentence."""

    text: str


Step = TaskStarted | TaskAdvanced | TaskEnded | Told


class Executor(Protocol):
    """Carries out the tasks of a run. All methods but :meth:`tell` are called in one thread.

    Each task that was handed over ends with one :class:`TaskEnded`, whatever is wrong with it, unless the executor is
    stopped. When the run is cancelled, tasks end soon, with the status ``"cancelled"``.
    """

    def hand_over(self, task: FileTask) -> Iterator[Step]:
        """Take a task; yield what happens to this and other tasks until there is room for the next."""

    def wait(self) -> Iterator[Step]:
        """Yield what happens until every task has ended."""

    def tell(self, text: str) -> None:
        """Have a sentence among the steps; called from any thread."""

    def stop(self) -> None:
        """End what is under way and remove what is not whole; no effect when every task has ended."""


MakeExecutor = Callable[[Classifier, Arrays, int, Callable[[], bool]], Executor]
"""Makes the executor of a run, of the arguments that :class:`ThreadExecutor` takes."""


class _Progress:
    """How far a task is."""

    def __init__(self, file: OpenFile) -> None:
        self.file = file
        self.n_done = 0
        self.n_under_way = 0
        self.error: BaseException | None = None


class ThreadExecutor:
    """Hands tiles of several files to one pool of threads, in the order of the files, a few ahead.

    Parameters
    ----------
    classifier
        The classifier of every task.
    arrays
        Images in memory.
    workers
        Number of threads.
    is_cancelled
        Asked before every tile, from several threads.
    """

    def __init__(self, classifier: Classifier, arrays: Arrays, workers: int, is_cancelled: Callable[[], bool]) -> None:
        self._classifier = classifier
        self._arrays = arrays
        self._n_most = workers + AHEAD
        self._is_cancelled = is_cancelled
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="predict")
        # Each tile that was handed out comes back here once: whether it was done, or an end of the process that came
        # up in it. Sentences come here too.
        self._back: SimpleQueue[tuple[_Progress, bool, BaseException | None] | Told] = SimpleQueue()
        self._n_out = 0
        self._open: dict[int, _Progress] = {}

    def hand_over(self, task: FileTask) -> Iterator[Step]:
        """Take a task, see :meth:`Executor.hand_over`."""
        progress = self._open[task.index] = _Progress(OpenFile(task, self._classifier, self._arrays))
        try:
            progress.file.open()
        except Exception as error:  # whatever is wrong with one input, the others go on
            progress.error = error
            yield self._end(progress, "failed")
            return
        yield TaskStarted(task)
        for tile in task.tiles:
            while self._n_out >= self._n_most:
                yield from self._take_back()
            if progress.error is not None or self._has_ended():
                return
            self._pool.submit(self._predict, progress, tile)
            progress.n_under_way += 1
            self._n_out += 1

    def wait(self) -> Iterator[Step]:
        """Yield what happens, see :meth:`Executor.wait`."""
        while self._n_out or not self._back.empty():
            yield from self._take_back()
        for progress in [*self._open.values()]:
            yield self._end(progress, "cancelled")

    def tell(self, text: str) -> None:
        """Have a sentence among the steps, see :meth:`Executor.tell`."""
        self._back.put(Told(text))

    def stop(self) -> None:
        """End what is under way, see :meth:`Executor.stop`."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for progress in [*self._open.values()]:
            self._end(progress, "cancelled")

    def _has_ended(self) -> bool:
        return self._stopped.is_set() or self._is_cancelled()

    def _predict(self, progress: _Progress, tile: Tile) -> None:
        """Predict one tile, in a thread of the pool."""
        is_done, end = False, None
        try:
            if progress.error is None and not self._has_ended():
                progress.file.predict(tile)
                is_done = True
        except Exception as error:  # kept here, so that no tile begins after the first failure
            progress.error = progress.error or error
        except BaseException as error:  # an end of the process that was asked for: the run ends with it
            end = error
        self._back.put((progress, is_done, end))

    def _take_back(self) -> Iterator[Step]:
        """Wait until a tile comes back or there is something to tell; yield all that has happened by then."""
        returned = deque([self._back.get()])
        while not self._back.empty():
            returned.append(self._back.get())
        for item in returned:
            if isinstance(item, Told):
                yield item
                continue
            progress, is_done, end = item
            self._n_out -= 1
            progress.n_under_way -= 1
            if end is not None:
                raise end
            task = progress.file.task
            if is_done:
                progress.n_done += 1
                yield TaskAdvanced(task, progress.n_done)
            if progress.n_done == len(task.tiles):
                yield self._end(progress, "done")
            elif progress.error is not None and progress.n_under_way == 0:
                yield self._end(progress, "failed")

    def _end(self, progress: _Progress, status: Status) -> TaskEnded:
        del self._open[progress.file.task.index]
        row = progress.file.close(status, progress.error)
        # Whoever takes the step has the arrays; they are held here no longer.
        arrays, progress.file.arrays = progress.file.arrays, {}
        return TaskEnded(progress.file.task, row, arrays)
