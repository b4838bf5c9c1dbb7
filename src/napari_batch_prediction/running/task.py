"""A task: one file of a run as data, complete for predicting it in this process or another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_batch_prediction.engine.tiles import Tiles
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.objects.measuring import ObjectColumns
from napari_batch_prediction.planning.exports import NamedExport, table_region, tables_of_images
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.planning.inputs.second import Beside
from napari_batch_prediction.planning.memory import MemoryShares, PlannedOutput, bytes_before, sources
from napari_batch_prediction.planning.objects import ObjectMaking, scratch_folder
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.running.objects import ObjectWork
from napari_batch_prediction.running.volumes import STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A table to be made of one image.

    Attributes
    ----------
    table
        The table's source.
    made_from
        The image source whose values are summed.
    region
        Start and stop along each of ``t c z y x`` of the box with a sum of its own.
    classes
        The classes whose probabilities the values are, if they are.
    """

    table: str
    made_from: str
    region: dict[str, tuple[int, int]]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask:
    """One input of a run; it can be pickled if its image is on disk.

    Attributes
    ----------
    index
        The index of the plan's row.
    job
        The job for this input alone.
    classifier_sha256
        SHA-256 of the classifier's file, in hexadecimal.
    location, image
        The input, and its header when the job was checked.
    outputs
        The outputs, each with the transform of its prediction.
    own
        Outputs that an earlier part of the same run may have made, if they exist.
    measurements
        The tables to be made of the image.
    sources
        Names of the image sources to predict.
    tiles
        The tiles of the image, in order.
    held, each
        Bytes that the task takes as long as its file is open, and that a thread takes for one of its tiles.
    room
        Bytes that all tasks may take at a time; None if that is not limited.
    token
        The mark of the run in the names of temporary files.
    beside
        The second images, such as a mask.
    tables
        The tables of objects of this image alone.
    objects
        How its objects are made; None if it has none.
    """

    index: int
    job: BatchJob
    classifier_sha256: str
    location: Location
    image: ImageInfo
    outputs: tuple[PlannedOutput, ...]
    own: frozenset[Path]
    measurements: tuple[Measurement, ...]
    sources: tuple[str, ...]
    tiles: Tiles
    held: int = 0
    each: int = 0
    room: int | None = None
    token: str = ""
    beside: Beside = ()
    tables: tuple[OutputPlan, ...] = ()
    objects: ObjectWork | None = None

    @property
    def n_steps(self) -> int:
        """The steps of progress: the tiles, and for each time point some for its objects."""
        return len(self.tiles) + (STEPS * len(self.tiles.times) if self.objects is not None else 0)


def rows_to_run(plan: Plan) -> dict[int, PlanRow]:
    """Return the rows of a plan that are to be run, by their index."""
    return {index: row for index, row in enumerate(plan.rows) if row.is_to_run}


def make_tasks(plan: Plan, workers: int, token: str = "") -> dict[int, FileTask | Problem]:
    """Return a task for each row of a plan that is to be run, by the row's index; a problem if memory is too small.

    Parameters
    ----------
    plan
        The checked job.
    workers
        Number of threads of the whole run.
    token
        The mark of the run in the names of temporary files.
    """
    rows = rows_to_run(plan)
    threads = max(1, workers // max(1, len(rows)))
    # Outputs of images in memory stay in memory until the run ends.
    kept = sum(plan.n_bytes for row in rows.values() for plan in row.unnamed if plan.folder is None)
    before = 0 if plan.job.memory is None else bytes_before(plan.classifier) + kept
    making = ObjectMaking.of(plan.job, plan.classifier, plan.exports)
    shares = MemoryShares(plan.classifier, plan.exports, workers, plan.job.memory, before, making)
    images = [(row.image.extents, row.image.channel_names) for row in plan.rows if row.image is not None]
    work = None
    if making is not None:
        columns = ObjectColumns.of(images)
        work = ObjectWork(making=making, columns=columns, workers=threads, room=shares.room)
    return {index: make_task(plan, index, row, shares, work, threads, token) for index, row in rows.items()}


def make_task(
    plan: Plan,
    index: int,
    row: PlanRow,
    shares: MemoryShares,
    work: ObjectWork | None = None,
    threads: int = 1,
    token: str = "",
) -> FileTask | Problem:
    """Return the task of one row of a plan; a problem if memory is too small for it.

    Parameters
    ----------
    plan, index, row
        The checked job, and one of its rows, with the header of its image.
    shares
        The memory of the run.
    work
        How objects are made; None if there are none.
    threads
        Number of threads for this input.
    token
        The mark of the run in the names of temporary files.
    """
    if row.image is None:
        raise ValueError(f"{row.input} could not be read: it has no task.")
    outputs = tuple((output, output.transform) for output in row.plans if output.transform is not None)
    stays = row.location.in_memory and not row.outputs
    share = shares.share(row.image, outputs, threads, row.beside, in_memory=stays)
    problem = shares.shortage(share)
    if problem is not None:
        return problem
    return FileTask(
        index=index,
        job=plan.job.for_input(row.input),
        classifier_sha256=plan.classifier_sha256,
        location=row.location,
        image=row.image,
        outputs=outputs,
        own=row.own,
        measurements=measurements(plan.exports, row.image),
        sources=sources(plan.exports),
        tiles=share.tiles,
        held=share.held,
        each=share.each,
        room=shares.room,
        token=token,
        beside=row.beside,
        tables=tuple(output for output in row.plans if not output.export.is_image),
        objects=None if work is None else _with_folder(work, row, row.image),
    )


def measurements(exports: Sequence[NamedExport], image: ImageInfo) -> tuple[Measurement, ...]:
    """Return the tables to be made of an image, in the order of the exports."""
    return tuple(
        Measurement(
            table=table.source.name,
            made_from=table.source.made_from,
            region=table_region(table, image.extents),
            classes=table.source.classes,
        )
        for table in tables_of_images(exports)
    )


def _with_folder(work: ObjectWork, row: PlanRow, image: ImageInfo) -> ObjectWork:
    """Return work on objects with the folder for temporary files, if there are any: to find it, the disk is asked."""
    return replace(work, folder=scratch_folder(row.plans)) if work.making.scratch_bytes(image.extents) else work
