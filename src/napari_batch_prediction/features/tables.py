"""A selection of features as the compiled loops want it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features import selection
from napari_batch_prediction.features.layout import FIRST_PLANE, N_PLANES
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.features.taps import stored_taps


class FeatureTables(NamedTuple):
    """A selection as the compiled loops want it; one row for each scale in use.

    Attributes
    ----------
    taps
        float32 (scales, 15): the filters of each scale.
    in_2d, needs_tensor
        bool (scales,).
    column
        int64 (scales, channels, 10): entry of the feature vector for each of the :class:`~.layout.Planes`; the number
        of features for unwanted planes.
    n_features
        Length of the feature vector.
    """

    taps: NDArray[np.float32]
    in_2d: NDArray[np.bool_]
    needs_tensor: NDArray[np.bool_]
    column: NDArray[np.int64]
    n_features: int


def feature_tables(features: FeatureSelection, n_channels: int) -> FeatureTables:
    """Return the tables of a selection for images with ``n_channels`` channels."""
    used, n_features = features.used_scales, features.n_features(n_channels)
    column = np.full((len(used), n_channels, N_PLANES), n_features, np.int64)
    entry = 0
    for name, j in features:
        first, width = FIRST_PLANE[name], features.width(name, j)
        for channel in range(n_channels):
            column[used.index(j), channel, first : first + width] = range(entry, entry + width)
            entry += width
    tensors = {j for name, j in features if name == selection.STRUCTURE}
    return FeatureTables(
        np.array([stored_taps(features.scales[j]) for j in used]),
        np.array([features.in_2d[j] for j in used]),
        np.array([j in tensors for j in used]),
        column,
        n_features,
    )
