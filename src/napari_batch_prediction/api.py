"""What can be done with a job: its verbs, bound to the data."""

from collections.abc import Callable

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import Plan, make_plan
from napari_batch_prediction.records.events import Event
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.running.run import run_plan

__all__ = ["BatchJob"]


def _plan(self: BatchJob) -> Plan:
    """Open every input, name every output and find every problem. Nothing is written.

    Raises
    ------
    ProjectError
        If the classifier cannot be used.
    SettingsError
        If a source, format or name template is unknown, or no input is given.
    """
    return make_plan(self)


def _run(
    self: BatchJob,
    on_event: Callable[[Event], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Ledger:
    """Plan and run the batch; inputs with problems fail alone.

    Parameters
    ----------
    on_event
        Called with every event as it happens, in the calling thread.
    should_cancel
        Asked between tiles; the run stops when it returns True.

    Returns
    -------
    The ledger: what happened to each input.
    """
    return run_plan(make_plan(self), on_event, should_cancel)


for _name, _verb in (("plan", _plan), ("run", _run)):
    _verb.__name__, _verb.__qualname__ = _name, f"BatchJob.{_name}"
    setattr(BatchJob, _name, _verb)
