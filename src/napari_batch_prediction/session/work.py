"""Work in the background, as a session asks for it."""

from collections.abc import Callable, Generator
from typing import NamedTuple, Protocol, TypeVar

from napari_batch_prediction.records.ledger import explain

Step = TypeVar("Step")
Result = TypeVar("Result")

ShouldCancel = Callable[[], bool]

Work = Callable[[ShouldCancel], Generator[Step, None, Result]]
"""A generator function. Its argument is a function that returns True once it has to stop; it asks often."""


class Failure(NamedTuple):
    """Work that ended with an error.

    Attributes
    ----------
    reason
        The reason, in words.
    trace
        The whole stack trace of an unexpected error; empty otherwise.
    setting
        The field of a job, an export or an input's settings that mends it; None if none does.
    """

    reason: str
    trace: str = ""
    setting: str | None = None


class Task(Protocol):
    """A piece of work under way."""

    def cancel(self) -> None:
        """Ask the work to stop; its steps until then and its end are still passed on."""

    def drop(self) -> None:
        """Cancel, and pass on nothing more."""


class Pause(Protocol):
    """An act that waits for a pause."""

    def start(self) -> None:
        """Begin the pause, or begin it anew; the act follows at its end."""

    def stop(self) -> None:
        """Do not act."""


class Worker(Protocol):
    """Runs work in the background, and brings its steps to the thread of the session."""

    def run(
        self, work: Work[Step, Result], step: Callable[[Step], object], end: Callable[[Result | Failure], object]
    ) -> Task:
        """Begin a piece of work.

        Parameters
        ----------
        work
            The work.
        step
            Called with every step that the work yields.
        end
            Called with the result or the failure, when the thread of the work is over.

        Returns
        -------
        The task. Neither function is called before it is returned.
        """

    def pause(self, seconds: float, act: Callable[[], object]) -> Pause:
        """Return a pause, not started yet, before an act in the thread of the session."""


def guarded(steps: Generator[Step, None, Result]) -> Generator[Step, None, Result | Failure]:
    """Yield every step; return the result, or the failure if anything is raised."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        except BaseException as error:  # libraries also raise errors that are no Exception
            reason, trace = explain(error)
            return Failure(str(reason), trace, reason.setting)
        # Outside the block, so that the end of this generator is not caught.
        yield step
