"""Problems as values: a reason against predicting an input, and the setting that mends it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from napari_batch_prediction.errors import (
    AxesError,
    BatchPredictionError,
    ExportError,
    ImageMismatchError,
    ImageReadError,
    OutputExistsError,
    ProjectError,
)
from napari_batch_prediction.wording import shortened

Severity = Literal["error", "warning"]

Kind = Literal[
    "classifier", "image", "mismatch", "axes", "exists", "output", "space", "settings", "memory", "unexpected"
]
"""The subject of a problem: the classifier, an unreadable image, an image that does not fit the classifier, its axes,
an output that exists, an output that cannot be written, disk space, a setting, memory, or an unexpected failure."""

# The first class that matches decides.
_KINDS: tuple[tuple[type[BaseException], Kind], ...] = (
    (ProjectError, "classifier"),
    (ImageMismatchError, "mismatch"),
    (AxesError, "axes"),
    (OutputExistsError, "exists"),
    (ExportError, "output"),
    (ImageReadError, "image"),
    (BatchPredictionError, "settings"),
    (MemoryError, "memory"),
    (OSError, "image"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why an input cannot be predicted, or why its prediction may be wrong.

    Attributes
    ----------
    kind
        Its subject.
    text
        The whole message, for people; also ``str(problem)``.
    setting
        The field of a job, an export or an input's settings that mends it; None if none does.
    path
        The file or folder concerned.
    severity
        ``"error"`` if the input cannot be predicted, ``"warning"`` if it can.
    """

    kind: Kind
    text: str
    setting: str | None = None
    path: Path | None = None
    severity: Severity = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, error: BaseException, text: str | None = None) -> "Problem":
        """Return an error as a problem, with another text if one is given."""
        kinds: Iterator[Kind] = (kind for error_class, kind in _KINDS if isinstance(error, error_class))
        problem = cls(next(kinds, "unexpected"), str(error) if text is None else text)
        if isinstance(error, BatchPredictionError):
            problem = replace(problem, setting=error.setting, path=error.path)
        return problem
