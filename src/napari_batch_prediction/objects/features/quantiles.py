"""Histograms of objects: their ranges, and quantiles out of them."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.names import N_BINS, QUANTILES
from napari_batch_prediction.simd.kernel import Kernel

_interpolate = Kernel("napari_batch_prediction.objects.features.loops.quantiles", "interpolate")


def bins(least: NDArray[np.float64], most: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where histograms over these ranges of values begin, and the bins for each unit of the value.

    A range of one value is widened as ilastik does it; from 128 on that is lost in rounding, and the bins are infinite.
    """
    widened = np.where(least == most, most + N_BINS * 2.0**-52, most)
    with np.errstate(divide="ignore", invalid="ignore"):
        return least, np.where(widened > least, N_BINS / (widened - least), np.inf)


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
