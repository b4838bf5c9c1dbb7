"""Tasks and executors: any executor carries out the same run, also one whose work is done in other processes."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from threshold import BROKEN, Threshold, count, files_in, plan_for, random_image, read, save_images, whole

from napari_batch_prediction.records.events import BatchFinished, FileFinished, FileStarted, Notice, TileDone
from napari_batch_prediction.running.executor import TaskAdvanced, TaskEnded, TaskStarted
from napari_batch_prediction.running.file import OpenFile
from napari_batch_prediction.running.run import iter_run
from napari_batch_prediction.running.task import make_tasks


def predict(task, path):
    """Carry out a whole task, as another process or machine would."""
    file = OpenFile(task, Threshold(path), {})
    try:
        file.open()
        for tile in task.tiles:
            file.predict(tile)
    except Exception as error:  # as the executor of threads does
        return file.close("failed", error)
    return file.close("done")


class ProcessExecutor:
    """Whole tasks in other processes; nothing is known of their tiles until they end."""

    def __init__(self, classifier, arrays, workers, is_cancelled):
        self.pool = ProcessPoolExecutor(2, get_context("spawn"))
        self.path = classifier.path
        self.is_cancelled = is_cancelled
        self.futures = {}
        self.told = []

    def hand_over(self, task):
        self.futures[task.index] = task, self.pool.submit(predict, task, self.path)
        yield TaskStarted(task)

    def wait(self):
        yield from map(Notice, self.told)
        for task, future in self.futures.values():
            row = future.result(timeout=60)
            if row.status == "done":
                yield from (TaskAdvanced(task, i + 1) for i in range(len(task.tiles)))
            yield TaskEnded(task, row, {}, {})

    def tell(self, text):
        self.told.append(text)

    def stop(self):
        self.pool.shutdown()


@pytest.fixture
def paths(tmp_path):
    """Two images that can be predicted, one whose prediction fails, and one that is not there."""
    paths = save_images(tmp_path, "a", "b", "c")
    broken = np.load(paths[1])
    broken[0, 0] = BROKEN
    np.save(paths[1], broken)
    return [*paths, tmp_path / "missing.npy"]


@pytest.mark.slow
def test_other_processes_give_the_same_as_threads(paths, tmp_path):
    """Tasks that are carried out in other processes give the same files, counts and reasons as threads do."""
    ledgers = {}
    for name, settings in {"threads": {}, "processes": {"make_executor": ProcessExecutor}}.items():
        plan = plan_for(paths, "Probabilities", "Counts", folder=tmp_path / name)
        events = [*iter_run(plan, **settings)]
        ledgers[name] = events[-1].ledger
        assert isinstance(events[-1], BatchFinished)
        assert {event.index for event in events if isinstance(event, FileStarted)} == {0, 1, 2}
        assert sum(isinstance(event, FileFinished) for event in events) == 4
        *_, last = (event for event in events if isinstance(event, TileDone))
        assert last.batch_done == last.batch_tiles
    threads, processes = ledgers["threads"].rows, ledgers["processes"].rows
    assert [row.status for row in threads] == [row.status for row in processes] == ["done", "failed", "done", "problem"]
    assert [row.reason for row in threads] == [row.reason for row in processes]
    assert [row.tables for row in threads] == [row.tables for row in processes]
    assert files_in(tmp_path / "threads") == files_in(tmp_path / "processes")
    for row, path in zip(processes, paths, strict=True):
        if row.status == "done":
            np.testing.assert_array_equal(read(row.outputs["Probabilities"]), whole(np.load(path)))
            assert row.count == count(np.load(path))


def test_pickled_task_holds_its_own_input_alone(tmp_path):
    """A pickled task holds its own input, not the thousands beside it."""
    paths = save_images(tmp_path, *(f"image_{i:02}" for i in range(40)))
    tasks = make_tasks(plan_for(paths), workers=2)
    sizes = [len(pickle.dumps(task)) for task in tasks.values()]
    assert max(sizes) < 10_000
    assert str(paths[1]).encode() not in pickle.dumps(tasks[0])


def test_task_is_frozen_and_pickled(tmp_path):
    """A task cannot be changed, and comes back from a pickle as it was."""
    task = make_tasks(plan_for(save_images(tmp_path, "a")), workers=1)[0]
    with pytest.raises(AttributeError):
        task.index = 1
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301


def test_only_rows_to_be_run_are_tasks(paths, tmp_path):
    """Inputs with problems, and those whose outputs are kept, have no task."""
    np.save(tmp_path / "wide.npy", random_image(5, 5, 3))
    plan = plan_for([*paths, tmp_path / "wide.npy"])
    assert [*make_tasks(plan, workers=1)] == [index for index, row in enumerate(plan.rows) if not row.problems]
    assert len(make_tasks(plan, workers=1)) == 3
