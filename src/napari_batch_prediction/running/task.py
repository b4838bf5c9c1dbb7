"""A task: one file of a run as data, complete for predicting it in this process or another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Tiles, make_tiles
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.planning.exports import NamedExport, counted
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.planning.transform import Transform, export_region, predicted_box

PlannedOutput = tuple[OutputPlan, Transform]


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
    """

    table: str
    made_from: str
    region: dict[str, tuple[int, int]]


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
    measurement
        The table to be made of the image; None if there is none.
    sources
        Names of the image sources to predict.
    tiles
        The tiles of the image, in order.
    token
        The mark of the run in the names of temporary files.
    """

    index: int
    job: BatchJob
    classifier_sha256: str
    location: Location
    image: ImageInfo
    outputs: tuple[PlannedOutput, ...]
    own: frozenset[Path]
    measurement: Measurement | None
    sources: tuple[str, ...]
    tiles: Tiles
    token: str = ""


def make_tasks(plan: Plan, workers: int, token: str = "") -> dict[int, FileTask]:
    """Return a task for each row of a plan that is to be run, by the row's index.

    Parameters
    ----------
    plan
        The checked job.
    workers
        Number of threads of the whole run.
    token
        The mark of the run in the names of temporary files.
    """
    rows = {
        index: row
        for index, row in enumerate(plan.rows)
        if row.image is not None and not (row.problems or row.skip or row.kept)
    }
    share = max(1, workers // max(1, len(rows)))
    # Outputs of images in memory stay in memory until the run ends.
    held = sum(row.n_bytes for row in rows.values() if row.location.in_memory)
    return {index: make_task(plan, index, row, share, held, token) for index, row in rows.items()}


def make_task(plan: Plan, index: int, row: PlanRow, workers: int, held: int = 0, token: str = "") -> FileTask:
    """Return the task of one row of a plan.

    Parameters
    ----------
    plan, index, row
        The checked job, and one of its rows, with the header of its image.
    workers
        Number of threads for this input.
    held
        Bytes that the run keeps in memory for other inputs.
    token
        The mark of the run in the names of temporary files.
    """
    if row.image is None:
        raise ValueError(f"{row.input} could not be read: it has no task.")
    outputs = tuple((output, output.transform) for output in row.plans if output.transform is not None)
    measurement = _measurement(plan.exports, row.image)
    names = [output.export.source.name for output, _ in outputs]
    sources = tuple(dict.fromkeys([*names, measurement.made_from] if measurement else names))
    transforms = [transform for _, transform in outputs]
    starts, sizes = predicted_box(row.image.extents, transforms, is_whole=measurement is not None)
    chunk = outputs[0][0].chunk if outputs else {}
    tiles = make_tiles(
        sizes,
        plan.classifier.context,
        (chunk.get("z", 1), chunk.get("y", 1), chunk.get("x", 1)),
        plan.classifier.memory(sources),
        workers,
        ENGINE.limits,
        None if plan.job.memory is None else plan.job.memory - held - _waiting_bytes(row, outputs, workers),
        starts,
    )
    return FileTask(
        index=index,
        job=plan.job.for_input(row.input),
        classifier_sha256=plan.classifier_sha256,
        location=row.location,
        image=row.image,
        outputs=outputs,
        own=row.own,
        measurement=measurement,
        sources=sources,
        tiles=tiles,
        token=token,
    )


def _measurement(exports: Sequence[NamedExport], image: ImageInfo) -> Measurement | None:
    table = counted(exports)
    if table is None:
        return None
    region = export_region(table.settings, {**image.extents, "c": table.source.channels})
    return Measurement(table=table.source.name, made_from=table.source.made_from, region=region)


def _waiting_bytes(row: PlanRow, outputs: Sequence[PlannedOutput], workers: int) -> int:
    """Return the number of bytes that wait in memory to be written to files."""
    if row.location.in_memory:
        return 0
    targets = (
        (output.export.format, Target(output.path, transform.axes, transform.shape, transform.dtype))
        for output, transform in outputs
    )
    # While one thread completes a row of chunks, another has begun the next.
    n_rows = 1 if workers == 1 else 2
    return sum(format_.writer(target).held_bytes(n_rows) for format_, target in targets)
