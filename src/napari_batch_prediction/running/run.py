"""The run: tiles of many images through one pool of threads."""

import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.engine.tiles import Tile, n_cores
from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.events import (
    BatchFinished,
    BatchStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.records.ledger import Ledger, LedgerRow, Status
from napari_batch_prediction.running.recorder import Recorder
from napari_batch_prediction.running.tables import write_table
from napari_batch_prediction.running.work import FileWork

# Tiles that wait behind those being worked on, so that no thread runs dry between two files.
AHEAD = 2


def iter_run(plan: Plan, should_cancel: Callable[[], bool] | None = None) -> Generator[Event, None, Ledger]:
    """Run a checked job; yield what happens as it happens.

    Whatever goes wrong with one input ends that input alone. A run that is cancelled finishes the tiles it is
    working on, removes what is not whole, and still yields an end for every input. Then the tables are written,
    of what is done. Closing the generator early does the same without events and without tables.

    Inputs in memory have no files: their predictions are in :class:`FileFinished`. A batch of nothing else has
    no record, since it could not be resumed.

    Parameters
    ----------
    plan
        The checked job. Inputs with problems are not run.
    should_cancel
        Asked before every tile, from several threads; the run ends when it returns True.

    Yields
    ------
    Events, in the thread that iterates.

    Returns
    -------
    The ledger: what happened to each input.

    Raises
    ------
    SettingsError
        If the record exists and is not resumed, or another run is writing to it.
    ExportError
        If the record cannot be written. If a table cannot, after the last event, when all else is done.
    """
    run = _Run(plan, should_cancel)
    recorder = Recorder(plan) if any(not plan.rows[index].location.in_memory for index in run.works) else None
    try:
        with compilation_told(run.tell):
            for event in run.events():
                if recorder is not None:
                    event = recorder.note(event)
                yield event
    finally:
        run.stop()
        if recorder is not None:
            recorder.close()
    path = recorder.path if recorder else None
    if run.table_error is not None:
        known = path or (plan.job.ledger if plan.resumed else None)
        remedy = f" The counts are in the record {known}: resume it to have the table." if known else ""
        raise ExportError(f"{str(run.table_error).rstrip('.')}.{remedy}") from run.table_error
    return replace(run.ledger(), path=path)


def run_plan(
    plan: Plan,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Run a checked job to its end; see :func:`iter_run`.

    Parameters
    ----------
    plan
        The checked job.
    on_event
        Called with every event, in the calling thread.
    should_cancel
        Asked before every tile, from several threads; the run ends when it returns True.
    """
    ledger = Ledger(())
    with closing(iter_run(plan, should_cancel)) as events:
        for event in events:
            if on_event is not None:
                on_event(event)
            if isinstance(event, BatchFinished):
                ledger = event.ledger
    return ledger


class _Run:
    """The state of one run."""

    def __init__(self, plan: Plan, should_cancel: Callable[[], bool] | None) -> None:
        self.plan = plan
        self.rows = plan.rows
        self.workers = plan.job.workers or n_cores()
        self.should_cancel = should_cancel
        self.cancel = threading.Event()
        infos = {
            i: row.image for i, row in enumerate(plan.rows) if row.image and not (row.problems or row.skip or row.kept)
        }
        share = max(1, self.workers // max(1, len(infos)))
        held = sum(plan.rows[i].n_bytes for i in infos if plan.rows[i].location.in_memory)
        self.works = {i: FileWork(plan, i, info, share, held) for i, info in infos.items()}
        self.batch_tiles = sum(len(work.tiles) for work in self.works.values())
        self.batch_done = 0
        self.running: dict[Future[bool], FileWork] = {}
        self.notice: Future[str] = Future()
        self.lock = threading.Lock()
        self.ended: dict[int, LedgerRow] = {}
        self.tables: dict[str, Path] = {}
        self.table_error: ExportError | None = None
        self.pool = ThreadPoolExecutor(self.workers, thread_name_prefix="predict")

    def events(self) -> Generator[Event, None, None]:
        yield BatchStarted(len(self.rows), self.batch_tiles)
        for index, row in enumerate(self.rows):
            if row.kept is not None:
                yield self._end(index, row.kept)
            elif row.problems:
                reason = " ".join(map(str, row.problems))
                yield self._end(index, LedgerRow(input=row.input, status="failed", reason=reason))
            elif row.skip:
                skipped = LedgerRow(input=row.input, status="skipped", reason="All outputs exist.", outputs=row.outputs)
                yield self._end(index, skipped)
            elif not self.cancelled():
                yield from self._feed(self.works[index])
        while self.running:
            yield from self._wait()
        for index, work in self.works.items():
            if index not in self.ended:
                yield self._end(index, work.close("cancelled"))
        self._write_tables()
        yield BatchFinished(self.ledger())

    def _feed(self, work: FileWork) -> Generator[Event, None, None]:
        """Hand the tiles of one input to the pool, as many at a time as may be under way."""
        try:
            work.open()
        except Exception as error:  # whatever is wrong with one input, the others go on
            work.error = error
            yield self._end_work(work, "failed")
            return
        yield FileStarted(work.index, len(work.tiles))
        for tile in work.tiles:
            while len(self.running) >= self.workers + AHEAD:
                yield from self._wait()
            if work.error is not None or self.cancelled():
                return
            self.running[self.pool.submit(self._tile, work, tile)] = work
            work.in_flight += 1

    def _tile(self, work: FileWork, tile: Tile) -> bool:
        """Work on one tile, in a thread of the pool; return whether it was done."""
        if work.error is not None or self.cancelled():
            return False
        try:
            work.work(tile)
        except Exception as error:  # kept here, so that no tile begins after the first failure
            work.error = work.error or error
            return False
        return True

    def _wait(self) -> Generator[Event, None, None]:
        """Wait until a tile under way ends."""
        reports: list[Future[Any]] = [*self.running, self.notice]
        wait(reports, return_when=FIRST_COMPLETED)
        if self.notice.done():
            yield Notice(self.notice.result())
            self.notice = Future()
        for future in [future for future in self.running if future.done()]:
            work = self.running.pop(future)
            work.in_flight -= 1
            if future.result():
                work.done += 1
                self.batch_done += 1
                yield TileDone(work.index, work.done, len(work.tiles), self.batch_done, self.batch_tiles)
            if work.done == len(work.tiles):
                yield self._end_work(work, "done")
            elif work.error is not None and work.in_flight == 0:
                yield self._end_work(work, "failed")

    def _end_work(self, work: FileWork, status: Status) -> FileFinished:
        # Tiles that will never be done are no longer counted, so that the batch ends at all of its tiles.
        self.batch_tiles -= len(work.tiles) - work.done
        # Whoever takes the event has the arrays; the run holds them no longer.
        arrays, work.arrays = work.arrays, {}
        return self._end(work.index, work.close(status), arrays)

    def _end(self, index: int, row: LedgerRow, arrays: Mapping[str, NDArray] | None = None) -> FileFinished:
        self.ended[index] = row
        return FileFinished(index, row, arrays or {})

    def _write_tables(self) -> None:
        """Write the tables; what goes wrong is said when all else is done."""
        for name, path in self.plan.tables.items():
            try:
                if write_table(self.plan, name, self.ledger().rows):
                    self.tables[name] = path
            except ExportError as error:
                self.table_error = self.table_error or error

    def tell(self, text: str) -> None:
        """Have a notice among the events; called from any thread."""
        with self.lock:
            if not self.notice.done():
                self.notice.set_result(text)

    def cancelled(self) -> bool:
        if not self.cancel.is_set() and self.should_cancel is not None and self.should_cancel():
            self.cancel.set()
        return self.cancel.is_set()

    def stop(self) -> None:
        """Let running tiles end, remove what is not whole, end the threads."""
        self.cancel.set()
        self.pool.shutdown(wait=True, cancel_futures=True)
        for index, work in self.works.items():
            if index not in self.ended:
                work.close("cancelled")

    def ledger(self) -> Ledger:
        return Ledger(tuple(self.ended[index] for index in sorted(self.ended)), tables=self.tables)
