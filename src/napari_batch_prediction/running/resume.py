"""Going on with a recorded run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.files import remove_leftovers
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.planning.provenance import file_hash, measure
from napari_batch_prediction.planning.rows import PlanRow
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
    plan = make_plan(job, earlier=recorded.inputs)
    rows = (_decide(row, before, failed) for row, before in zip(plan.rows, recorded.inputs, strict=True))
    return replace(plan, rows=tuple(rows))


def _decide(row: PlanRow, before: RecordedInput, failed: bool) -> PlanRow:
    """Return the row as it is to be run, or kept."""
    old = before.row
    if failed and (old is None or old.status == "cancelled"):
        return replace(row, kept=old or LedgerRow(row.input, "cancelled", CANCELLED))
    if old is not None and old.status == "skipped":
        return replace(row, kept=old)
    if old is None or old.status != "done":
        if before.begun:
            for path in before.own:
                remove_leftovers(path)
        return row
    there = {source: all(path.exists() for path in written.paths) for source, written in old.written.items()}
    for source, written in old.written.items():
        if there[source] and measure(written.paths) != written:
            problem = f"{old.outputs[source]} is not what was written. Remove it to have it made again."
            return replace(row, problems=(*row.problems, problem))
    return replace(row, kept=old) if all(there.values()) else row


def resume(
    ledger: Path,
    *,
    failed: bool = False,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Go on with a recorded run; see :func:`plan_resume` and :func:`~napari_batch_prediction.running.run.run_plan`."""
    return run_plan(plan_resume(ledger, failed=failed), on_event, should_cancel)
