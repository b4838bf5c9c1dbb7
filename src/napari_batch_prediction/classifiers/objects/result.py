"""What is known of the objects of a time point once they are classified."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.objects.sources import IDENTITIES, PREDICTIONS
from napari_batch_prediction.ilp.objects.project import ObjectProject
from napari_batch_prediction.objects.features.names import DEFAULT, Feature, column_titles
from napari_batch_prediction.objects.features.table import FeatureTable
from napari_batch_prediction.objects.table import ObjectTable, unused

_TIME, _NUMBER, _CLASS = "time", "object", "class"
_ORIGINAL = "original_oid"


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectResult:
    """The objects of one time point.

    Attributes
    ----------
    n
        Number of objects, which are numbered from 1.
    probabilities
        float32 (n + 1, classes): by the number of an object, for each class how probable it is; 0 for the background.
    classes
        uint8 (n + 1,): by the number of an object, that of its most probable class, from 1; 0 for the background.
    features
        ilastik's features by their names: (n, columns) each, the first row that of object 1.
    originals
        By the number of an object, its number in the label image; None if there is no label image.
    """

    n: int
    probabilities: NDArray[np.float32]
    classes: NDArray[np.uint8]
    features: FeatureTable
    originals: NDArray | None = None

    def paint(self, source: str, numbers: NDArray) -> NDArray:
        """Return the values (c, z, y, x) of an image source, given the numbers (z, y, x) of objects."""
        if source == IDENTITIES:
            return numbers[None].astype(np.uint32, copy=False)
        if source == PREDICTIONS:
            classes: NDArray[np.uint8] = self.classes[numbers][None]
            return classes
        return np.stack([column[numbers] for column in np.ascontiguousarray(self.probabilities.T)])

    def table(
        self,
        project: ObjectProject,
        time: int,
        n_channels: int,
        n_dims: int,
        features: Collection[Feature] | None = None,
    ) -> ObjectTable:
        """Return the table of the objects: time, number, class and probabilities, then the features.

        Features are called as in ilastik's tables. Those that the project computes, all or the given ones, come after
        ilastik's default ones, in the order of their names inside ilastik.
        """
        names = np.array(project.label_names, dtype=object)
        columns: dict[str, NDArray] = {
            _TIME: np.full(self.n, time, np.int64),
            _NUMBER: np.arange(1, self.n + 1, dtype=np.int64),
            _CLASS: names[self.classes[1:].astype(np.intp) - 1],
        }
        for i, name in enumerate(project.label_names):
            columns[unused(f"Probability of {name}", columns)] = self.probabilities[1:, i]
        for feature, values in sorted(self.features.items(), key=lambda item: (item[0].plugin != DEFAULT, item[0])):
            if features is not None and feature.plugin != DEFAULT and feature not in features:
                continue
            for title, column in zip(column_titles(feature, n_channels, n_dims), values.T, strict=True):
                # Two plugins may have the same; the default features are exact.
                columns.setdefault(title, column)
        if self.originals is not None:
            columns[_ORIGINAL] = self.originals[1:]
        return ObjectTable(columns)
