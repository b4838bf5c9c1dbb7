"""Resuming a run from its ledger."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.planning.inputs.second import pixel_hash
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.planning.provenance import file_hash, measure
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import CANCELLED, Ledger, LedgerRow
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import SUFFIX, Recorded, RecordedInput
from napari_batch_prediction.running.run import run_plan


def plan_resume(ledger: Path, *, failed: bool = False, should_cancel: Callable[[], bool] | None = None) -> Plan:
    """Check the outputs of a recorded run, and plan the rest.

    An input that was done is kept if its outputs exist with the recorded size and hash. Nothing is changed on the
    disk.

    Parameters
    ----------
    ledger
        The ledger of the run.
    failed
        True to run only inputs that failed, not those that were cancelled or never begun.
    should_cancel
        Called before every input, in each of the steps of planning; the plan is cancelled once it returns True.

    Raises
    ------
    SettingsError
        If it is cancelled, the ledger is missing or not valid, or the classifier has changed.
    ProjectError
        If the classifier cannot be used.
    """
    recorded = read_record(ledger)
    job = recorded.job.model_copy(update={"ledger": ledger})
    # False also for names that cannot be: these are refused with the rest of the job.
    is_there = os.path.isfile(job.classifier)  # noqa: PTH113
    if is_there and file_hash(job.classifier) != recorded.classifier_sha256:
        raise SettingsError(
            f"The classifier {job.classifier} has changed since the run of {ledger}. Put the old file "
            "back, or start a new run."
        )
    decide = partial(_decide, job, failed=failed)
    plan = make_plan(job, earlier=recorded.inputs, decide=decide, should_cancel=should_cancel)
    if any(row.kept is not None and row.kept.status == "done" for row in plan) and _has_lost_rows(plan, recorded):
        decide = partial(_decide, job, failed=failed, keep=False)
        plan = make_plan(job, earlier=recorded.inputs, decide=decide, should_cancel=should_cancel)
    return replace(plan, recorded=recorded)


def _has_lost_rows(plan: Plan, recorded: Recorded) -> bool:
    """Return True if a table of objects, whose rows are nowhere else, is not as its run has written it."""
    paths = [plan.tables[export.name] for export in plan.exports if export.of_objects and export.name in plan.tables]
    return not all(path.is_file() and file_hash(path) in recorded.hashes for path in paths)


def _decide(job: BatchJob, before: RecordedInput, *, failed: bool, keep: bool = True) -> LedgerRow | Problem | None:
    """Return the row of an earlier run if it is kept, a problem with its outputs, or None if the input is to be run.

    Unless ``keep``, inputs that are done are run again.
    """
    old = before.row
    if failed and (old is None or old.status == "cancelled"):
        return old or LedgerRow(input=before.input, status="cancelled", reason=CANCELLED)
    if old is not None and old.status == "skipped":
        return old
    if old is None or old.status != "done":
        return None
    exists = {source: all(map(_exists, written.paths)) for source, written in old.written.items()}
    for source, written in old.written.items():
        path = old.outputs[source]
        try:
            is_changed = exists[source] and measure(written.paths) != written
        except OSError as error:
            return Problem("output", f"{path} cannot be read: {error.strerror}.", path=path)
        if is_changed:
            return Problem("output", f"{path} is not what was written. Remove it to have it made again.", path=path)
    if not (keep and all(exists.values())):
        return None
    return _changed_beside(job, before, old) or old


def _changed_beside(job: BatchJob, before: RecordedInput, row: LedgerRow) -> Problem | None:
    """Return the problem that a second image of an input that is done has changed since; None if it has not."""
    for role in ROLES.values():
        if (expected := row.beside.get(role.field)) is None:
            continue
        location = before.beside.get(role.field, "")
        try:
            with open_image(location, stack=job.stack) as image:
                is_same = pixel_hash(image) == expected
        except BatchPredictionError as error:
            return replace(Problem.of(error), setting=role.field)
        if not is_same:
            text = f"The {role.noun} '{location}' has changed since the run. Put the old one back, or start a new run."
            return Problem("settings", text, role.field)
    return None


def _exists(path: Path) -> bool:
    """Return True if an output exists; the paths of a run are absolute, so that any other is not one of its outputs."""
    return path.is_absolute() and os.path.exists(path)  # noqa: PTH110 - False for names too long


def resume(
    ledger: str | os.PathLike[str] | Ledger,
    *,
    failed: bool = False,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Resume a recorded run: predict what is not done, or is not there any more.

    Parameters
    ----------
    ledger
        The ledger of the run, a file ``*.ledger.jsonl``, or what ``run`` returned.
    failed
        True to run only inputs that failed, not those that were cancelled or never begun.
    on_event
        Called in the calling thread with every event as it happens.
    should_cancel
        Called between tiles; the run stops once it returns True.

    Returns
    -------
    The ledger, with a row for each input of the run.

    Raises
    ------
    SettingsError
        If the ledger is missing or not valid, or the classifier has changed.
    ProjectError
        If the classifier cannot be used.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> ledger = nbp.BatchJob("nuclei.ilp", "nuclei_0*.png", folder="resumed").run()
    >>> ledger[1].outputs["Probabilities"].unlink()
    >>> nbp.resume(ledger)
    <Ledger: 2 inputs: 2 done>
    """
    path = ledger.path if isinstance(ledger, Ledger) else ledger
    if not isinstance(path, str | os.PathLike):
        raise SettingsError(f"{path!r} is not the ledger of a run, expected a file *{SUFFIX}.", setting="ledger")
    return run_plan(plan_resume(Path(path), failed=failed), on_event, should_cancel)
