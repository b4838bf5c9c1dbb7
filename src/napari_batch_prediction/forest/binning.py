"""Features of training rows as numbers of bins: at most 256 for each feature, of about as many rows each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.growth_space import N_BINS
from napari_batch_prediction.simd.kernel import Kernel

_LOOPS = "napari_batch_prediction.forest.bin_loops"
_assign_bins, _cut_into_bins = Kernel(_LOOPS, "assign_bins"), Kernel(_LOOPS, "cut_into_bins")

# The threshold that parts this value from NaN is finite, too.
_LARGEST = np.nextafter(np.finfo(np.float32).max, np.float32(0))


class BinnedFeatures(NamedTuple):
    """The features of training rows in bins. All rows of a bin go the same way at every node.

    Attributes
    ----------
    bins
        uint8 (features, rows): the bin of each value; bins are in the order of values, NaN after all.
    lowest, highest
        float32 (features, 256): the smallest and the largest value in each bin, NaN in a bin of NaN.
    """

    bins: NDArray[np.uint8]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]


def bin_features(features: NDArray[np.float32], classes: NDArray[np.integer] | None = None) -> BinnedFeatures:
    """Return features in bins.

    Equal values share a bin. Where a feature has at most 256 different values, each has a bin of its own. Bins are cut
    as if no class had less than half of its even share of the rows: a class of few rows is parted from the others, too.

    Parameters
    ----------
    features
        float32 (rows, features). NaN goes right at every node, and has the last bin. So has infinity, as thresholds
        are finite.
    classes
        The class of each row, from 0; None if rows have none.
    """
    n_rows, n_features = features.shape
    repeated = np.empty(0, np.intp) if classes is None else _repeated(classes)
    columns = np.ascontiguousarray(features.T, np.float32)
    bins = np.empty((n_features, n_rows), np.uint8)
    lowest = np.full((n_features, N_BINS), np.nan, np.float32)
    highest = np.full((n_features, N_BINS), np.nan, np.float32)
    for j in range(n_features):
        column = np.where(columns[j] <= _LARGEST, np.maximum(columns[j], -_LARGEST), np.float32(np.nan))
        weighted = np.concatenate([column, column[repeated]]) if len(repeated) else column
        n_bins = _cut_into_bins(np.sort(weighted), lowest[j], highest[j])
        _assign_bins(column, lowest[j], n_bins, bins[j])
    return BinnedFeatures(bins, lowest, highest)


def _repeated(classes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the rows, some several times, that classes of few rows lack to half of their even share."""
    counts = np.bincount(classes)
    share = len(classes) // (2 * np.count_nonzero(counts))
    times = np.maximum(share // np.maximum(counts, 1), 1)
    return np.repeat(np.arange(len(classes)), (times - 1)[classes])
