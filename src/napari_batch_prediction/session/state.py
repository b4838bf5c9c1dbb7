"""The states of a session, each with its own data."""

from dataclasses import dataclass

from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.session.work import Task


@dataclass(frozen=True, slots=True)
class Editing:
    """The job is incomplete, has changed since the last check, or cannot be planned.

    Attributes
    ----------
    is_due
        True if the job is checked once the changes pause.
    """

    is_due: bool = False


@dataclass(frozen=True, slots=True)
class Checking:
    """The job is being checked."""

    task: Task


@dataclass(frozen=True, slots=True)
class Ready:
    """The job is checked as it stands."""


@dataclass(frozen=True, slots=True)
class Running:
    """A run is under way: planned first, then predicting.

    Attributes
    ----------
    task
        The work under way.
    plan
        The plan of the run; None while it is made.
    is_cancelled
        True if the run is about to stop.
    is_check
        True if the plan of the run is also the check of the job as it stands.
    then_check
        True if the job is to be checked after the run.
    """

    task: Task
    plan: Plan | None = None
    is_cancelled: bool = False
    is_check: bool = False
    then_check: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A run has ended, and the job is the same as before.

    Attributes
    ----------
    ledger
        The ledger of the run; None if it could not start.
    """

    ledger: Ledger | None


State = Editing | Checking | Ready | Running | Ended

NEXT: dict[type[State], tuple[type[State], ...]] = {
    Editing: (Editing, Checking, Running),
    Checking: (Editing, Ready),
    Ready: (Editing, Running),
    Running: (Running, Ended),
    Ended: (Editing, Running),
}
"""The states that may follow each state."""
