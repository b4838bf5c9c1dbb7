"""Going on with a recorded run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.files import remove_leftovers
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.planning.provenance import file_hash, measure
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import CANCELLED, Ledger, LedgerRow
from napari_batch_prediction.records.record import RecordedInput, read_record
from napari_batch_prediction.running.run import run_plan


def plan_resume(ledger: Path, *, failed: bool = False) -> Plan:
    """Check what a recorded run did, and plan the rest.

    What is said to be done is kept if its outputs are there with the size and the hash they had.

    Parameters
    ----------
    ledger
        The record of the run.
    failed
        Do only what failed, not what was never done.

    Raises
    ------
    SettingsError
        If there is no such record, or the classifier is not the one it names.
    ProjectError
        If the classifier cannot be used.
    """
    recorded = read_record(ledger)
    job = recorded.job.model_copy(update={"ledger": ledger})
    if job.classifier.exists() and file_hash(job.classifier) != recorded.classifier_sha256:
        raise SettingsError(
            f"The classifier {job.classifier} has changed since the run that {ledger} records. Put the old file "
            "back, or start a new run."
        )
    return make_plan(job, earlier=recorded.inputs, decide=partial(_decide, failed=failed))


def _decide(before: RecordedInput, *, failed: bool) -> LedgerRow | Problem | None:
    """Return what an earlier run did for an input if that holds, what is wrong with it, or None if it is to be run."""
    old = before.row
    if failed and (old is None or old.status == "cancelled"):
        return old or LedgerRow(before.input, "cancelled", CANCELLED)
    if old is not None and old.status == "skipped":
        return old
    if old is None or old.status != "done":
        if before.begun:
            for path in before.own:
                remove_leftovers(path)
        return None
    there = {source: all(path.exists() for path in written.paths) for source, written in old.written.items()}
    for source, written in old.written.items():
        if there[source] and measure(written.paths) != written:
            path = old.outputs[source]
            return Problem("output", f"{path} is not what was written. Remove it to have it made again.", path=path)
    return old if all(there.values()) else None


def resume(
    ledger: Path,
    *,
    failed: bool = False,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Go on with a recorded run; see :func:`plan_resume` and :func:`~napari_batch_prediction.running.run.run_plan`."""
    return run_plan(plan_resume(ledger, failed=failed), on_event, should_cancel)
