"""Histograms of objects: their ranges, and quantiles out of them."""

import math

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.names import N_BINS, QUANTILES
from napari_batch_prediction.simd.caching import cached


def bins(least: NDArray[np.float64], most: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where histograms over these ranges of values begin, and the bins for each unit of the value.

    A range of one value is widened as ilastik does it; from 128 on that is lost in rounding, and the bins are infinite.
    """
    widened = np.where(least == most, most + N_BINS * 2.0**-52, most)
    with np.errstate(divide="ignore", invalid="ignore"):
        return least, np.where(widened > least, N_BINS / (widened - least), np.inf)


@cached
def _interpolate(histogram, count, least, most, first_bin, bins_per_value, quantiles, out):
    n_bins = histogram.shape[1]
    position = np.empty(2 * n_bins + 4)
    below = np.empty(2 * n_bins + 4)
    for i in range(len(histogram)):
        scale = bins_per_value[i]
        start = first_bin[i]
        if not math.isfinite(scale):
            out[i] = np.nan
            out[i, 0] = least[i]
            out[i, -1] = most[i]
            continue
        position[0] = scale * (least[i] - start)
        below[0] = 0.0
        last = 0
        # Pixels that are in no bin, because they are NaN, count as lying below all bins.
        so_far = count[i] - histogram[i].sum()
        if so_far > 0:
            last += 1
            position[last] = 0.0
            below[last] = so_far
        for k in range(n_bins):
            if histogram[i, k] > 0:
                if position[last] <= k:
                    last += 1
                    position[last] = k
                    below[last] = so_far
                so_far += histogram[i, k]
                last += 1
                position[last] = k + 1
                below[last] = so_far
        position[last] = scale * (most[i] - start)
        below[last] = count[i]
        out[i, 0] = least[i]
        out[i, -1] = most[i]
        at = 0
        for q in range(1, quantiles.size - 1):
            wanted = count[i] * quantiles[q]
            while at < last and wanted > below[at + 1]:
                at += 1
            share = (wanted - below[at]) / (below[at + 1] - below[at])
            out[i, q] = 1.0 / scale * (share * (position[at + 1] - position[at]) + position[at]) + start


def quantiles(
    histogram: NDArray[np.uint32],
    count: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
    first_bin: NDArray[np.float64],
    bins_per_value: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the quantiles of objects, interpolated between the bins of their histograms.

    Parameters
    ----------
    histogram
        uint32 (objects, bins).
    count, least, most
        float64 (objects,): number of pixels, smallest and largest value.
    first_bin, bins_per_value
        See :func:`bins`.

    Returns
    -------
    float64 (objects, quantiles): the first is the smallest value, the last the largest.
    """
    out = np.empty((len(histogram), len(QUANTILES)))
    _interpolate(histogram, count, least, most, first_bin, bins_per_value, np.array(QUANTILES), out)
    return out
