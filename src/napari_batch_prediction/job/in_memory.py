"""What a job has in memory, beside its data: a loaded classifier, and images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_batch_prediction.locations.base import Arrays

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier

UNSAVED = Path("classifier:unsaved")
"""The file of a classifier that is in none."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """The classifier and the images of a job that are in memory already.

    Jobs are compared by their data, which name these, so that any two of this are equal.

    Attributes
    ----------
    classifier
        The classifier; None if it has to be read.
    arrays
        The images in memory, or the reasons why they are none, by location.
    """

    classifier: "Classifier | None" = None
    arrays: Arrays = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InMemory)

    __hash__ = None  # type: ignore[assignment]

    def changed(self, new: "InMemory", *, keep_classifier: bool) -> "InMemory":
        """Return this with the images of another besides or instead; the classifier too is kept if it has none."""
        classifier = new.classifier or (self.classifier if keep_classifier else None)
        return InMemory(classifier, {**self.arrays, **new.arrays})


NOTHING = InMemory()
"""Nothing is in memory."""
