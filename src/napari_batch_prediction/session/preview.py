"""A preview: one image, or the part of it that is in sight, predicted into memory."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS, Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.errors import ImageMismatchError, ImageReadError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays, parse
from napari_batch_prediction.objects.measuring import ObjectColumns
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.planning.classifier import with_pixel_classifier
from napari_batch_prediction.planning.exports import NamedExport, named_exports
from napari_batch_prediction.planning.inputs.inspection import ImageInfo, Inspections
from napari_batch_prediction.planning.inputs.second import Beside
from napari_batch_prediction.planning.memory import MemoryShares, PlannedOutput, sources
from napari_batch_prediction.planning.objects import ObjectMaking
from napari_batch_prediction.planning.output import plan_output
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.records.ledger import LedgerRow, Table
from napari_batch_prediction.running.changes import States
from napari_batch_prediction.running.executor import TaskAdvanced, TaskEnded, ThreadExecutor
from napari_batch_prediction.running.objects import PLAIN, ObjectWork
from napari_batch_prediction.running.task import FileTask
from napari_batch_prediction.session.preview_again import is_made_of_the_same, make_again, states_of_task
from napari_batch_prediction.session.preview_choice import Region, choose
from napari_batch_prediction.session.work import Failure, ShouldCancel


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """An image to be previewed.

    Attributes
    ----------
    location, job
        The image, and the job with its settings and the exports whose sources are predicted.
    in_memory
        The classifier and the images of the job that are in memory already.
    sight
        Start and stop of what is in sight of the image, along each of ``t z y x``; axes that are left out, or where
        nothing is in sight, count from end to end.
    beside
        The second images of the image, such as a mask.
    before
        The preview before, whose probabilities are taken if only the settings of objects have changed since.
    """

    location: str
    job: BatchJob
    in_memory: InMemory
    sight: Region = field(default_factory=dict)
    beside: Beside = ()
    before: "Previewed | None" = None


class PreviewAdvanced(NamedTuple):
    """One more tile of a preview is done."""

    n_done: int
    n_tiles: int


@dataclass(frozen=True, kw_only=True)
class Previewed:
    """A preview.

    Attributes
    ----------
    job, exports
        The job of the image alone, and its exports, which write the previewed region.
    arrays
        Images in memory of the job.
    row
        The outcome of the image. The numbers of its table are those of the region.
    values
        The values of each export, by its name; axes as in a file that is written.
    region
        Start and stop of the region along each of ``t z y x``.
    is_whole, is_cut
        True if the region is the whole image; and if it is only the middle of what is in sight, for want of memory.
    classifier
        The classifier.
    objects
        The table of objects, if there are any.
    problem
        The reason why objects are left out, in words; empty if none are.
    states
        The states of the files of the image before it was predicted; none if these do not tell whether it has changed.
    """

    job: BatchJob
    exports: tuple[NamedExport, ...]
    arrays: Arrays
    row: LedgerRow
    values: Mapping[str, NDArray]
    region: Region
    is_whole: bool
    is_cut: bool
    classifier: Classifier
    objects: ObjectTable | None = None
    problem: str = ""
    states: States = field(default_factory=dict)


def preview(
    request: PreviewRequest, should_cancel: ShouldCancel
) -> Generator[PreviewAdvanced | Notice, None, Previewed | Failure | None]:
    """Predict an image, or the part of it that is in sight, as a run does; no file is written.

    Objects are made of whole time points; if these do not fit in memory, what they are made of is predicted instead.

    The values of a pixel are those that a run writes with default settings: the pixels around the region are read, too.

    Yields
    ------
    The progress.

    Returns
    -------
    The preview; the failure if the image cannot be predicted; None if the preview was cancelled.

    Raises
    ------
    BatchPredictionError
        If the classifier cannot be used, or the image cannot be read or does not fit.
    """
    job = request.job
    in_memory = job.in_memory.changed(request.in_memory, keep_classifier=True)
    arrays = in_memory.arrays
    classifier = in_memory.classifier or load_classifier(job.classifier, job.structure_tensor)
    classifier = with_pixel_classifier(job, classifier.with_structure_tensor(job.structure_tensor))
    location = parse(request.location, job.stack)
    inspected = Inspections().look_at(job, location, classifier, arrays)
    image = inspected.image
    if image is None:
        raise ImageReadError(" ".join(map(str, inspected.problems)))
    if inspected.problems:
        raise ImageMismatchError(" ".join(map(str, inspected.problems)))
    choice = choose(classifier, job.exports, image.extents, request.sight)
    region = choice.region
    exported = tuple(Export(source=name, region=dict(region)) for name in choice.sources)
    job = job.for_input(request.location).model_copy(update={"exports": exported})
    exports = named_exports(job, classifier)
    task = _make_task(job, exports, classifier, image, request.beside)
    found = states_of_task(task)
    before = request.before
    if before is not None and found and _is_same(before, task, classifier, found):
        again = make_again(task, classifier, before.values, should_cancel)
        if again is None:
            return None
        ended = again
    else:
        ended = yield from _carry_out(task, classifier, arrays, should_cancel)
    if ended.row.status == "cancelled":
        return None
    if ended.row.status == "failed":
        return Failure(ended.row.reason, ended.row.trace)
    tables = {**ended.row.tables, **_tables(classifier, task, ended.arrays)}
    return Previewed(
        job=job,
        exports=exports,
        arrays=arrays,
        row=LedgerRow(request.location, "done", seconds=ended.row.seconds, tables=tables),
        values=ended.arrays,
        region=region,
        is_whole=all(region[key] == (0, image.extents[key]) for key in region),
        is_cut=choice.is_cut,
        classifier=classifier,
        objects=ended.tables.get(PLAIN),
        problem=choice.problem,
        states=found,
    )


def _is_same(before: Previewed, task: FileTask, classifier: Classifier, found: States) -> bool:
    """Return True if the probabilities of a preview are those that a task would predict."""
    return before.classifier is classifier and before.states == found and is_made_of_the_same(before.job, task)


def _make_task(
    job: BatchJob, exports: Sequence[NamedExport], classifier: Classifier, image: ImageInfo, beside: Beside
) -> FileTask:
    """Return the task of an image whose outputs stay in memory.

    Raises
    ------
    SettingsError
        If the job's limit on memory is too small.
    """
    plans = [plan_output(export, ImageAxes(image.axes, image.extents)) for export in exports]
    outputs: tuple[PlannedOutput, ...] = tuple((plan, plan.transform) for plan in plans if plan.transform is not None)
    workers = job.workers or n_cores()
    shares = MemoryShares.of(job, classifier, exports)
    share = shares.share(image, outputs, workers, beside, in_memory=True)
    making = ObjectMaking.of(job, classifier, exports)
    objects = None
    if making is not None:
        columns = ObjectColumns.of([(image.extents, image.channel_names)])
        making = replace(making, has_table=True, has_table_of_ilastik=False)
        objects = ObjectWork(making=making, columns=columns, workers=workers, room=shares.room)
    if (problem := shares.shortage(share)) is not None:
        raise SettingsError(str(problem), setting="memory")
    return FileTask(
        index=0,
        job=job,
        classifier_sha256="",
        location=parse(job.inputs[0], job.stack),
        image=image,
        outputs=outputs,
        own=frozenset(),
        measurements=(),
        sources=sources(exports),
        # Objects need all of a time point, but not all of these.
        tiles=share.tiles if objects is None else replace(share.tiles, times=range(*outputs[0][1].region["t"])),
        held=share.held,
        each=share.each,
        room=shares.room,
        beside=beside,
        objects=objects,
    )


def _carry_out(
    task: FileTask, classifier: Classifier, arrays: Arrays, should_cancel: ShouldCancel
) -> Generator[PreviewAdvanced | Notice, None, TaskEnded]:
    executor = ThreadExecutor(classifier, arrays, task.job.workers or n_cores(), should_cancel)
    try:
        with compilation_told(executor.tell):
            for step in chain(executor.hand_over(task), executor.wait()):
                match step:
                    case Notice():
                        yield step
                    case TaskAdvanced(_, n_done):
                        yield PreviewAdvanced(n_done, task.n_steps)
                    case TaskEnded():
                        return step
    finally:
        executor.stop()
    raise RuntimeError("A task has not ended.")


def _tables(classifier: Classifier, task: FileTask, values: Mapping[str, NDArray]) -> dict[str, Table]:
    """Return the tables that can be made of the values: their sums over the region at each time point."""
    transforms = {output.export.source.name: transform for output, transform in task.outputs}
    tables = {}
    for source in map(classifier.source, classifier.sources):
        if source.name == COUNTS and source.made_from in transforms:
            transform = transforms[source.made_from]
            times = reorder(values[source.made_from], transform.axes, "tczyx")
            first = transform.region["t"][0]
            sums = [exact_sum(density) / UNIT for density in times]
            tables[source.name] = Table(COUNT_COLUMNS, tuple((first + i, n, n) for i, n in enumerate(sums)))
    return tables
