"""Running a plan: handing over tasks in order, yielding events, writing the ledger and the tables."""

import secrets
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.files import remove_leftovers
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.planning.memory import sources
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.events import (
    BatchFinished,
    BatchStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    TileDone,
)
from napari_batch_prediction.records.ledger import CANCELLED, Ledger, LedgerRow
from napari_batch_prediction.records.record import Recorded
from napari_batch_prediction.running.executor import (
    MakeExecutor,
    Step,
    TaskAdvanced,
    TaskEnded,
    TaskStarted,
    ThreadExecutor,
)
from napari_batch_prediction.running.object_tables import ObjectTables
from napari_batch_prediction.running.objects import ILASTIK, PLAIN
from napari_batch_prediction.running.preparing import preparing
from napari_batch_prediction.running.recorder import Recorder
from napari_batch_prediction.running.tables import write_table
from napari_batch_prediction.running.task import FileTask, make_tasks, rows_to_run


def iter_run(
    plan: Plan, should_cancel: Callable[[], bool] | None = None, make_executor: MakeExecutor = ThreadExecutor
) -> Generator[Event, None, Ledger]:
    """Run a checked job; yield its events as they happen.

    A failure ends one input alone. A cancelled run finishes the tiles under way, removes incomplete outputs, yields an
    end for every input, and writes the tables of the inputs that are done. Closing the generator early does the same
    without events and tables.

    The outputs of inputs in memory are in :class:`FileFinished`. A run of such inputs alone has no ledger, since it
    cannot be resumed; neither has one whose job says so.

    Parameters
    ----------
    plan
        The checked job. Inputs with problems are not run.
    should_cancel
        Called before every tile, from several threads; the run ends once it returns True.
    make_executor
        Factory of the executor.

    Yields
    ------
    Events, in the thread that iterates.

    Returns
    -------
    The ledger, with a row for each input.

    Raises
    ------
    SettingsError
        If the ledger exists and is not resumed, or another run is writing to it.
    ExportError
        If the ledger cannot be written; if a table cannot, after the last event.
    """
    run = _Run(plan, should_cancel, make_executor)
    has_files = plan.resumed or any(not row.location.in_memory or row.outputs for row in rows_to_run(plan).values())
    recorder = run.recorder = Recorder(plan, run.token) if has_files and plan.job.ledger is not False else None
    try:
        if recorder is not None and plan.recorded is not None:
            run.remove_leftovers(plan.recorded)
        yield from run.prepare()
        with compilation_told(run.executor.tell):
            for event in run.events():
                if recorder is not None:
                    event = recorder.note(event)
                yield event
    finally:
        run.executor.stop()
        run.close()
        if recorder is not None:
            recorder.close()
    path = recorder.path if recorder else None
    if run.table_error is not None:
        record = path or (plan.job.ledger or None if plan.resumed else None)
        remedy = f" The counts are in the ledger {record}: resume it to have the table." if record else ""
        raise ExportError(f"{str(run.table_error).rstrip('.')}.{remedy}") from run.table_error
    return replace(run.ledger(), path=path)


def run_plan(
    plan: Plan,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    make_executor: MakeExecutor = ThreadExecutor,
) -> Ledger:
    """Run a checked job to its end; see :func:`iter_run`.

    Parameters
    ----------
    plan
        The checked job.
    on_event
        Called in the calling thread with every event.
    should_cancel
        Called before every tile, from several threads; the run ends once it returns True.
    make_executor
        Factory of the executor.
    """
    ledger = Ledger(())
    with closing(iter_run(plan, should_cancel, make_executor)) as events:
        for event in events:
            if on_event is not None:
                on_event(event)
            if isinstance(event, BatchFinished):
                ledger = event.ledger
    return ledger


class _Run:
    """The state of one run: hands over tasks and turns the executor's steps into events."""

    def __init__(self, plan: Plan, should_cancel: Callable[[], bool] | None, make_executor: MakeExecutor) -> None:
        workers = self._workers = plan.job.workers or n_cores()
        self._plan = plan
        self._should_cancel = should_cancel
        self._is_cancelled = False
        self.token = secrets.token_hex(6)
        self.executor = make_executor(plan.classifier, plan.arrays, workers, self._cancelled)
        self._tasks: dict[int, FileTask | Problem] = {}
        self._n_tiles = self._n_pixels = 0
        self._n_done = self._pixels_done = 0
        self._done_of: Counter[int] = Counter()
        self._ended: dict[int, LedgerRow] = {}
        self._tables: dict[str, Path] = {}
        self._object_tables = ObjectTables(plan, self.token)
        self.table_error: ExportError | None = None
        self.recorder: Recorder | None = None

    def remove_leftovers(self, recorded: Recorded) -> None:
        """Remove what earlier parts of the run have left; the ledger is locked, so that none is going on."""
        files = [path for row in self._plan.rows for path in row.outputs.values()]
        for folder in dict.fromkeys(path.parent for path in [*files, *self._plan.tables.values(), recorded.path]):
            try:
                remove_leftovers(folder, recorded.tokens)
            except ExportError as error:  # it is in nobody's way
                self.executor.tell(str(error))

    def close(self) -> None:
        """Remove what is left of tables that are not whole."""
        self._object_tables.close()

    def prepare(self) -> Iterator[Notice]:
        """Load what predicting takes, if memory is limited, and make the tasks; yield notices."""
        if self._plan.job.memory is not None and rows_to_run(self._plan):
            yield from preparing(self._plan.classifier, sources(self._plan.exports), self._cancelled)
        self._tasks = make_tasks(self._plan, self._workers, self.token)
        tasks = [task for task in self._tasks.values() if isinstance(task, FileTask)]
        self._n_tiles = sum(task.n_steps for task in tasks)
        self._n_pixels = sum(task.tiles.n_pixels for task in tasks)

    def events(self) -> Generator[Event, None, None]:
        """Run every task and write the tables; yield events."""
        n_files = sum(isinstance(task, FileTask) for task in self._tasks.values())
        yield BatchStarted(n_files, self._n_tiles, self._n_pixels)
        for index, row in enumerate(self._plan.rows):
            if row.kept is not None:
                yield self._end(index, row.kept)
            elif problems := self._problems(index, row):
                reason = " ".join(map(str, problems))
                yield self._end(index, LedgerRow(input=row.input, status="problem", reason=reason))
            elif row.skip:
                skipped = LedgerRow(input=row.input, status="skipped", reason="All outputs exist.", outputs=row.outputs)
                yield self._end(index, skipped)
            elif isinstance(task := self._tasks[index], FileTask) and not self._cancelled():
                yield from map(self._event, self.executor.hand_over(task))
        yield from map(self._event, self.executor.wait())
        for index in self._tasks:
            if index not in self._ended:
                row = self._plan.rows[index]
                yield self._end(index, LedgerRow(input=row.input, status="cancelled", reason=CANCELLED))
        self._write_tables()
        yield BatchFinished(self.ledger())

    def ledger(self) -> Ledger:
        """Return the ledger of the inputs that have ended so far."""
        return Ledger(tuple(self._ended[index] for index in sorted(self._ended)), tables=self._tables)

    def _problems(self, index: int, row: PlanRow) -> tuple[Problem, ...]:
        """Return the problems of a row, also that memory is too small for it as measured now."""
        task = self._tasks.get(index)
        return (*row.problems, task) if isinstance(task, Problem) else row.problems

    def _event(self, step: Step) -> Event:
        match step:
            case Notice():
                return step
            case TaskStarted(task):
                return FileStarted(task.index, task.n_steps)
            case TaskAdvanced(task, n_done):
                self._n_done += 1
                # Tiles of one input are of similar size.
                self._pixels_done += _pixels(task, n_done) - _pixels(task, self._done_of[task.index])
                self._done_of[task.index] = n_done
                return TileDone(
                    index=task.index,
                    done=n_done,
                    n_tiles=task.n_steps,
                    batch_done=self._n_done,
                    batch_tiles=self._n_tiles,
                    pixels_done=self._pixels_done,
                    n_pixels=self._n_pixels,
                )
            case TaskEnded(task, row, outputs, tables):
                arrays: Mapping[str, Any] = outputs
                if row.status == "failed":
                    # Tiles that will never be done are subtracted, so that progress reaches 100 %.
                    n_done = self._done_of[task.index]
                    self._n_tiles -= task.n_steps - n_done
                    self._n_pixels -= task.tiles.n_pixels - _pixels(task, n_done)
                if tables:
                    arrays = {**arrays, **self._in_memory(task.index, tables)}
                return self._end(task.index, row, arrays, tables.get(PLAIN))

    def _in_memory(self, index: int, tables: Mapping[str, ObjectTable]) -> dict[str, ObjectTable]:
        """Return the tables of objects that stay in memory, for an image in memory."""
        row = self._plan.rows[index]
        if not row.location.in_memory:
            return {}
        exports = [export for export in self._plan.exports if export.of_objects and not export.is_image]
        kept = [export for export in exports if export.name not in row.outputs]
        return {export.name: tables[ILASTIK if export.as_ilastik else PLAIN] for export in kept}

    def _end(
        self,
        index: int,
        row: LedgerRow,
        arrays: Mapping[str, Any] | None = None,
        table: ObjectTable | None = None,
    ) -> FileFinished:
        self._ended[index] = row
        self._object_tables.end(index, row, table)
        return FileFinished(index, row, arrays or {})

    def _write_tables(self) -> None:
        """Write the tables; keep the first error, to be raised at the end of the run."""
        for name, path in self._plan.tables.items():
            try:
                if name in self._object_tables:
                    if self._object_tables.write(name, self.recorder):
                        self._tables[name] = path
                elif write_table(self._plan, name, self.ledger().rows, self.recorder, self.token):
                    self._tables[name] = path
            except ExportError as error:
                self.table_error = self.table_error or error

    def _cancelled(self) -> bool:
        if not self._is_cancelled and self._should_cancel is not None and self._should_cancel():
            self._is_cancelled = True
        return self._is_cancelled


def _pixels(task: FileTask, n_done: int) -> int:
    """Return the pixels in so many steps of a task."""
    return task.tiles.n_pixels * n_done // task.n_steps
