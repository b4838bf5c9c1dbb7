"""The verbs of a job, called by the methods of :class:`~napari_batch_prediction.job.job.BatchJob`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.images.arrays import XarrayImage, as_xarray
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.records.events import BatchStarted, Event, FileFinished, TileDone
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.running.run import run_plan


def plan_job(job: BatchJob) -> Plan:
    """Return the plan of a job."""
    return make_plan(job)


def run_job(
    job: BatchJob,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Ledger:
    """Plan and run a job; return its ledger, with the results of images in memory."""
    plan = make_plan(job)
    arrays: dict[int, dict[str, Any]] = {}

    def note(event: Event) -> None:
        match event:
            case BatchStarted(n_tiles=n_tiles) if progress is not None:
                progress(0, n_tiles)
            case TileDone(batch_done=n_done, batch_tiles=n_tiles) if progress is not None:
                progress(n_done, n_tiles)
            case FileFinished(index=index) if event.arrays:
                arrays[index] = _results(plan, plan.rows[index], event.arrays)
        if on_event is not None:
            on_event(event)

    ledger = run_plan(plan, note, should_cancel)
    rows = tuple(replace(row, arrays=arrays[i]) if i in arrays else row for i, row in enumerate(ledger.rows))
    return replace(ledger, rows=rows)


def _results(plan: Plan, row: PlanRow, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of an image in memory as :meth:`Classifier.predict` gives them; tables as they are."""
    image = plan.arrays.get(row.input)
    axes = row.image.axes if row.image is not None else ""
    return {
        name: values if isinstance(values, ObjectTable) else _result(row.plan(name), values, image, axes)
        for name, values in arrays.items()
    }


def _result(output: OutputPlan, values: NDArray, image: object, own: str) -> Any:
    transform, source = output.transform, output.export.source
    if transform is None:
        return values
    axes = transform.axes
    if "c" in axes and not source.has_channels and output.export.settings.output_axes is None:
        values, axes = np.squeeze(values, axes.index("c")), axes.replace("c", "")
    if not isinstance(image, XarrayImage):
        return values
    first, last = transform.region["c"]
    names = source.channel_names[first:last]
    return as_xarray(values, axes, image.part(transform.region, own), own, output.export.name, names)
