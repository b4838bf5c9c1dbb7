"""The verbs of a job, called by the methods of :class:`~napari_batch_prediction.job.job.BatchJob`."""

from collections.abc import Callable

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.running.run import run_plan


def plan_job(job: BatchJob) -> Plan:
    """Return the plan of a job."""
    return make_plan(job)


def run_job(
    job: BatchJob,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Plan and run a job; return its ledger."""
    return run_plan(make_plan(job), on_event, should_cancel)
