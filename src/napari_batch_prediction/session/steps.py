"""The pieces of work of a session, each done in the background."""

import time
from collections.abc import Generator
from pathlib import Path

from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspected, Inspections
from napari_batch_prediction.planning.plan import Found, Plan, iter_plan
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import Recorded
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run
from napari_batch_prediction.session.work import ShouldCancel

# The inspected images of a check are passed on so often, in seconds.
INSPECTED_EVERY = 0.1

CheckStep = Found | list[Inspected]


def check(
    job: BatchJob, in_memory: InMemory, inspections: Inspections, should_cancel: ShouldCancel
) -> Generator[CheckStep, None, Plan]:
    """Make a plan. Inspected images are passed on a few times a second, not one by one."""
    steps = iter_plan(
        job,
        in_memory.classifier,
        arrays=in_memory.arrays,
        inspections=inspections,
        should_cancel=should_cancel,
    )
    waiting: list[Inspected] = []
    sent = time.monotonic()
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            if waiting:
                yield waiting
            plan: Plan = end.value
            return plan
        if isinstance(step, Found):
            yield step
            continue
        waiting.append(step)
        if time.monotonic() - sent > INSPECTED_EVERY:
            yield waiting
            waiting, sent = [], time.monotonic()


def resume(record: Path, should_cancel: ShouldCancel) -> Generator[Recorded, None, Plan]:
    """Read a ledger and plan the rest of its run. The ledger comes first, to be shown even if that fails."""
    yield read_record(record)
    return plan_resume(record, should_cancel=should_cancel)


def retry(record: Path, should_cancel: ShouldCancel) -> Generator[Recorded, None, Plan]:
    """Plan the inputs that failed in a recorded run."""
    yield from ()
    return plan_resume(record, failed=True, should_cancel=should_cancel)


def run(plan: Plan, should_cancel: ShouldCancel) -> Generator[Event, None, Ledger]:
    """Run a plan."""
    return iter_run(plan, should_cancel)


def end_at_once(plan: Plan, should_cancel: ShouldCancel) -> Generator[Event, None, Ledger]:
    """Run a plan that was cancelled before it began, for its events and its ledger."""
    return iter_run(plan, lambda: True)


def shared_problems(plan: Plan) -> list[str]:
    """Return the problems, in words, that all images of a plan have."""
    texts = [[str(each) for each in row.problems] for row in plan.rows]
    return [text for text in texts[0] if all(text in others for others in texts)] if texts else []
