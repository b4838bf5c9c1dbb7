"""The states of a training session, each with its own data."""

from dataclasses import dataclass

from napari_batch_prediction.session.work import Failure, Task


@dataclass(frozen=True, slots=True)
class Idle:
    """Live is off, and nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Due:
    """Settings have changed; training begins once the changes pause."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something is missing before anything can be trained or shown.

    Attributes
    ----------
    reason
        What is missing, in words.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Training:
    """A classifier is being trained.

    Attributes
    ----------
    task
        The work.
    notice
        Why it takes longer this time; empty if it does not.
    """

    task: Task
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """What is on the canvas is being predicted.

    Attributes
    ----------
    task
        The work.
    notice
        Why it takes longer this time; empty if it does not.
    """

    task: Task
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the canvas is predicted, by a classifier of the labels as they are."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Training or predicting has failed; it is tried again when something changes.

    Attributes
    ----------
    failure
        The reason.
    """

    failure: Failure


TrainingState = Idle | Due | Waiting | Training | Showing | Shown | Failed
