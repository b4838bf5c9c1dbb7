"""Carrying out tasks: the protocol of executors, and an executor of threads in this process."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.disk import most_open_files
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.records.ledger import LedgerRow, Status
from napari_batch_prediction.running.file import OpenFile
from napari_batch_prediction.running.task import FileTask
from napari_batch_prediction.running.volumes import StoppedError

# Number of tiles that wait for a thread, so that no thread idles between two files.
AHEAD = 2


class TaskStarted(NamedTuple):
    """Work on the tiles of a task begins."""

    task: FileTask


class TaskAdvanced(NamedTuple):
    """One more step of a task is done, ``n_done`` in all: a tile, or a part of the work on its objects."""

    task: FileTask
    n_done: int


class TaskEnded(NamedTuple):
    """A task has ended.

    ``arrays`` are the outputs of an image in memory, by their export's name; ``tables`` are those of its objects,
    by layout.
    """

    task: FileTask
    row: LedgerRow
    arrays: Mapping[str, NDArray]
    tables: Mapping[str, ObjectTable]


Step = TaskStarted | TaskAdvanced | TaskEnded | Notice


class Executor(Protocol):
    """Carries out the tasks of a run. All methods but :meth:`tell` are called in one thread.

    Each task ends with one :class:`TaskEnded`, even if it fails, unless the executor is stopped. When the run is
    cancelled, tasks end soon, with the status ``"cancelled"``.
    """

    def hand_over(self, task: FileTask) -> Iterator[Step]:
        """Take a task; yield the steps of all tasks until there is room for the next."""

    def wait(self) -> Iterator[Step]:
        """Yield steps until every task has ended."""

    def tell(self, text: str) -> None:
        """Add a notice to the steps; called from any thread."""

    def stop(self) -> None:
        """End all tasks and remove incomplete outputs; no effect if every task has ended."""


MakeExecutor = Callable[[Classifier, Arrays, int, Callable[[], bool]], Executor]
"""A factory of executors, with the parameters of :class:`ThreadExecutor`."""


class _Progress:
    """The progress of a task."""

    file: OpenFile

    def __init__(self) -> None:
        self.n_done = 0
        self.n_under_way = 0
        self.error: BaseException | None = None


class _Advanced(NamedTuple):
    """A step of a task that is no tile is done."""

    progress: _Progress


class ThreadExecutor:
    """Hands the tiles of all files in order to one pool of threads, a few in advance.

    Parameters
    ----------
    classifier
        The classifier of every task.
    arrays
        Images in memory.
    workers
        Number of threads.
    is_cancelled
        Called before every tile, from several threads.
    """

    def __init__(self, classifier: Classifier, arrays: Arrays, workers: int, is_cancelled: Callable[[], bool]) -> None:
        self._classifier = classifier
        self._arrays = arrays
        self._n_most = workers + AHEAD
        self._is_cancelled = is_cancelled
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="predict")
        # Tiles come back here from the threads: True with those that are done, and an exception that ends the process.
        # Notices come here, too.
        self._back: SimpleQueue[tuple[_Progress, bool, BaseException | None] | _Advanced | Notice] = SimpleQueue()
        # The index of the task of each tile that is out.
        self._out: list[int] = []
        self._workers = workers
        self._open: dict[int, _Progress] = {}

    def hand_over(self, task: FileTask) -> Iterator[Step]:
        """Take a task, see :meth:`Executor.hand_over`."""
        # The image and the outputs of each task are open files, of which the system has a number.
        n_most = most_open_files() // (4 * (1 + len(task.outputs)))
        while self._out and (len(self._open) > n_most or not self._fits(task, held=task.held)):
            yield from self._take_back()
        progress = self._open[task.index] = _Progress()
        progress.file = OpenFile(
            task,
            self._classifier,
            self._arrays,
            is_stopped=lambda: progress.error is not None or self._has_ended(),
            tell=lambda: self._back.put(_Advanced(progress)),
        )
        try:
            progress.file.open()
        except Exception as error:  # any failure ends only this input
            progress.error = error
            yield self._end(progress, "failed")
            return
        yield TaskStarted(task)
        for tile in task.tiles:
            while len(self._out) >= self._n_most or (self._out and not self._fits(task)):
                yield from self._take_back()
            if progress.error is not None or self._has_ended():
                return
            self._pool.submit(self._predict, progress, tile)
            progress.n_under_way += 1
            self._out.append(task.index)

    def wait(self) -> Iterator[Step]:
        """Yield steps, see :meth:`Executor.wait`."""
        while self._out or not self._back.empty():
            yield from self._take_back()
        for progress in [*self._open.values()]:
            yield self._end(progress, "cancelled")

    def tell(self, text: str) -> None:
        """Add a notice, see :meth:`Executor.tell`."""
        self._back.put(Notice(text))

    def stop(self) -> None:
        """End all tasks, see :meth:`Executor.stop`."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for progress in [*self._open.values()]:
            self._end(progress, "cancelled")

    def _fits(self, task: FileTask, held: int = 0) -> bool:
        """Return True if there is memory for one more tile of a task, and for what the task holds if it is not open."""
        if task.room is None:
            return True
        tiles = sorted([task.each, *(self._open[index].file.task.each for index in self._out)], reverse=True)
        files = sum(progress.file.task.held for progress in self._open.values())
        return held + files + sum(tiles[: self._workers]) <= task.room

    def _has_ended(self) -> bool:
        return self._stopped.is_set() or self._is_cancelled()

    def _predict(self, progress: _Progress, tile: Tile) -> None:
        """Predict one tile, in a thread of the pool."""
        is_done, end = False, None
        try:
            if progress.error is None and not self._has_ended():
                progress.file.predict(tile)
                is_done = True
        except StoppedError:
            pass
        except Exception as error:  # kept, so that no tile begins after the first failure
            progress.error = progress.error or error
        except BaseException as error:  # such as KeyboardInterrupt: it ends the run
            end = error
        self._back.put((progress, is_done, end))

    def _take_back(self) -> Iterator[Step]:
        """Wait for a tile or a notice; yield the steps of all that are back by then."""
        returned = deque([self._back.get()])
        while not self._back.empty():
            returned.append(self._back.get())
        for item in returned:
            if isinstance(item, Notice):
                yield item
                continue
            if isinstance(item, _Advanced):
                item.progress.n_done += 1
                yield TaskAdvanced(item.progress.file.task, item.progress.n_done)
                continue
            progress, is_done, end = item
            task = progress.file.task
            self._out.remove(task.index)
            progress.n_under_way -= 1
            if end is not None:
                raise end
            if is_done:
                progress.n_done += 1
                yield TaskAdvanced(task, progress.n_done)
            if progress.n_done == task.n_steps:
                yield self._end(progress, "done")
            elif progress.error is not None and progress.n_under_way == 0:
                yield self._end(progress, "failed")

    def _end(self, progress: _Progress, status: Status) -> TaskEnded:
        del self._open[progress.file.task.index]
        row = progress.file.close(status, progress.error)
        # The arrays move to the step, so that memory is freed once its receiver drops them.
        file = progress.file
        arrays, file.arrays = file.arrays, {}
        tables, file.tables = file.tables if row.status == "done" else {}, {}
        return TaskEnded(file.task, row, arrays, tables)
