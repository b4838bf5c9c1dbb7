"""Objects of a preview with other settings, made of the probabilities that the preview before has predicted."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing

from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.base import COUNT, TIME, Classifier
from napari_batch_prediction.classifiers.derived import OBJECTS
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.formats.common.memory import MemoryWriter
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.opening import open_input
from napari_batch_prediction.records.ledger import LedgerRow, Table
from napari_batch_prediction.running.changes import States, states
from napari_batch_prediction.running.executor import TaskEnded
from napari_batch_prediction.running.objects import ObjectsOfImage
from napari_batch_prediction.running.task import FileTask
from napari_batch_prediction.running.volumes import StoppedError
from napari_batch_prediction.session.work import ShouldCancel


def states_of_task(task: FileTask) -> States:
    """Return the states of the files of a task; none if these do not say whether its pixels have changed."""
    if task.beside or task.location.in_memory:
        return {}
    with closing(open_input(task.job, task.location, {})) as image:
        return states(task.job, task.location, image)


def is_made_of_the_same(before: BatchJob, task: FileTask) -> bool:
    """Return True if the objects of a task are made of the probabilities of another job, by other settings at most."""
    making = task.objects.making if task.objects is not None else None
    if making is None or making.is_classified or not making.made_from:
        return False
    return before.model_copy(update={"objects": task.job.objects}) == task.job


def make_again(
    task: FileTask, classifier: Classifier, values: Mapping[str, NDArray], should_cancel: ShouldCancel
) -> TaskEnded | None:
    """Make the objects of a task of values that were predicted before; None if it was cancelled.

    Parameters
    ----------
    task
        The task.
    classifier
        Its classifier.
    values
        The values of the outputs of an earlier task that differs in the settings of objects alone, by their names.
    should_cancel
        Asked at every part of the work.
    """
    started = time.perf_counter()
    if task.objects is None:
        raise ValueError("the task has no objects")
    transforms = {output.export.name: transform for output, transform in task.outputs}
    of_pixels = {output.export.name for output, _ in task.outputs if not output.export.of_objects}
    writers = {name: MemoryWriter(each.shape, each.dtype) for name, each in transforms.items() if name not in of_pixels}

    def write(tile: Tile, numbers: NDArray, paint: Callable[[str, NDArray], NDArray]) -> None:
        for name, writer in writers.items():
            piece = transforms[name].apply(tile, paint(name, numbers))
            if piece is not None:
                writer.write(*piece)

    made_from = task.objects.making.made_from
    probabilities = reorder(values[made_from], transforms[made_from].axes, "tczyx")
    with closing(open_input(task.job, task.location, {})) as image:
        objects = ObjectsOfImage(task.objects, classifier, image, None, None, should_cancel, lambda: None)
        whole = [slice(0, image.extents[key]) for key in "zyx"]
        try:
            for t, of_time in zip(task.tiles.times, probabilities, strict=True):
                objects.add(Tile(t, *whole), of_time)
                objects.finish(t, write)
        except StoppedError:
            return None
        finally:
            objects.close()
    counts = Table((TIME, COUNT), tuple(sorted(objects.counts.items())))
    row = LedgerRow(str(task.location), "done", seconds=time.perf_counter() - started, tables={OBJECTS: counts})
    kept = {name: values[name] for name in of_pixels}
    return TaskEnded(task, row, {**kept, **{name: each.values for name, each in writers.items()}}, objects.tables())
