"""The pieces of work of a session, each done in the background."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import Arrays
from napari_batch_prediction.planning.inspection import Inspected, Inspections
from napari_batch_prediction.planning.plan import Found, Plan, iter_plan
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.records.record import Recorded, read_record
from napari_batch_prediction.running.resume import plan_resume
from napari_batch_prediction.running.run import iter_run
from napari_batch_prediction.session.work import ShouldCancel

# The findings of a check are passed on so often, in seconds.
FOUND_EVERY = 0.1

CheckStep = Found | list[Inspected]


class InMemory(NamedTuple):
    """What a job needs and is in memory already.

    Attributes
    ----------
    classifier
        The classifier; None if it has to be read.
    arrays
        The images in memory, by location.
    """

    classifier: Classifier | None
    arrays: Arrays


def check(
    job: BatchJob, given: InMemory, inspections: Inspections, should_cancel: ShouldCancel
) -> Generator[CheckStep, None, Plan]:
    """Make a plan. Findings are passed on a few times a second, not image by image."""
    steps = iter_plan(job, given.classifier, arrays=given.arrays, inspections=inspections, should_cancel=should_cancel)
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
        if time.monotonic() - sent > FOUND_EVERY:
            yield waiting
            waiting, sent = [], time.monotonic()


def resume(record: Path, should_cancel: ShouldCancel) -> Generator[Recorded, None, Plan]:
    """Read a record, which is shown even if the run cannot go on, and plan the rest of its run."""
    yield read_record(record)
    return plan_resume(record)


def retry(record: Path, should_cancel: ShouldCancel) -> Generator[Recorded, None, Plan]:
    """Plan the inputs that failed in a recorded run."""
    yield from ()
    return plan_resume(record, failed=True)


def run(plan: Plan, should_cancel: ShouldCancel) -> Generator[Event, None, Ledger]:
    """Run a plan."""
    return iter_run(plan, should_cancel)


def end_at_once(plan: Plan, should_cancel: ShouldCancel) -> Generator[Event, None, Ledger]:
    """Note the end of a run that was cancelled before it began."""
    return iter_run(plan, lambda: True)
