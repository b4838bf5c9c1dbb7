"""Running a call, and saying what became of it."""

import argparse
import os
from contextlib import ExitStack

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.console import Ends
from napari_batch_prediction.errors import BatchPredictionError, ExportError
from napari_batch_prediction.headless.arguments import NAME
from napari_batch_prediction.headless.messages import Messages, redirected
from napari_batch_prediction.headless.retraining import load_for
from napari_batch_prediction.headless.translation import OPTIONS, make_job
from napari_batch_prediction.headless.workflows import unused_options
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspections
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.records.events import BatchFinished, Event, FileFinished, Notice
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.report import naming, see
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.wording import count, size

DONE, FAILED = 0, 1


def run(arguments: argparse.Namespace, ends: Ends) -> int:
    """Run a call; return its exit status.

    Parameters
    ----------
    arguments
        The options, see :func:`~napari_batch_prediction.headless.arguments.parse`.
    ends
        The signals that end the process.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(redirected(arguments.redirect_output))
            messages = stack.enter_context(Messages(arguments.logfile))
        except OSError as error:
            Messages(None).warn(f"{NAME}: '{error.filename}' cannot be written: {error.strerror}.")
            return FAILED
        try:
            return _run(arguments, ends, messages)
        except BatchPredictionError as error:
            messages.warn(f"{NAME}: {error}")
            return FAILED


def _run(arguments: argparse.Namespace, ends: Ends, messages: Messages) -> int:
    classifier = load_for(arguments, messages)
    if unused := [*arguments.unknown, *unused_options(arguments, classifier.workflow)]:
        messages.warn(f"Unused command-line args: {' '.join(unused)}")
    if not arguments.files:
        messages.say("No image is named, so nothing is exported.")
        return DONE
    job = make_job(arguments, classifier, os.environ)
    with naming(OPTIONS):
        plan = _enough_memory(job, classifier, ends, messages)
    for planned in plan.rows:
        for warning in planned.warnings:
            messages.warn(f"{planned.input}: {warning}")
    ledger, error = _ledger(plan, ends, messages)
    bad = [row for row in ledger.rows if row.status != "done"]
    for row in bad:
        if row.trace and arguments.debug:
            messages.warn(row.trace)
        messages.warn(f"{NAME}: {row.input}: {row.reason}")
    if told := see((problem.setting for row in plan for problem in row.problems), OPTIONS):
        messages.warn(told)
    if error is not None:
        messages.warn(f"{NAME}: {error}")
    if bad:
        messages.warn(f"{NAME}: {len(bad)} of {count(len(ledger.rows), 'image')} could not be exported.")
    return FAILED if bad or error is not None else DONE


def _enough_memory(job: BatchJob, classifier: Classifier, ends: Ends, messages: Messages) -> Plan:
    """Return the plan; with a larger limit on memory if an image needs more than the caller allows, as in ilastik."""
    inspections = Inspections()
    while True:
        plan = make_plan(job, classifier, inspections=inspections, should_cancel=ends.came)
        short = [row.input for row in plan.rows if any(problem.setting == "memory" for problem in row.problems)]
        if not short or job.memory is None:
            return plan
        more = job.memory * 2 if job.memory < _MOST else None
        if more is not None:
            messages.warn(f"{short[0]} needs more than {size(job.memory)} of memory: {size(more)} are used.")
        job = job.model_copy(update={"memory": more})


_MOST = 2**42


def _ledger(plan: Plan, ends: Ends, messages: Messages) -> tuple[Ledger, ExportError | None]:
    """Run a plan; return what became of each image, and the error of its table."""
    ended: list[BatchFinished] = []

    def show(event: Event) -> None:
        match event:
            case Notice(text):
                messages.say(text)
            case FileFinished(index=index, row=row) if row.status == "done":
                for name in row.outputs:
                    # A sequence has a file for each slice.
                    first, *others = plan.rows[index].files(name)
                    last = f" to {others[-1].name}" if others else ""
                    messages.say(f"{row.input}: exported to {first}{last}")
            case BatchFinished():
                ended.append(event)

    error = None
    with ends.noted():
        try:
            run_plan(plan, show, ends.came)
        except ExportError as failed:
            if not ended:
                raise
            error = failed
    for name, path in ended[0].ledger.tables.items():
        messages.say(f"{name}: {path}")
    return ended[0].ledger, error
