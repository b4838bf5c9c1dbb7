"""The compiled loops that cut a feature into bins."""

import numpy as np
from numba import uint64

from napari_batch_prediction.simd.caching import cached

_N_BINS = 256


@cached
def cut_into_bins(values, lowest, highest):
    """Cut sorted values, NaN last, into bins of about as many values; return the number of bins.

    A value that alone is more than its share of what is left has a bin of its own, and the others share the rest.

    Parameters
    ----------
    values
        float32 (n,).
    lowest, highest
        float32 (256,): set to the smallest and the largest value of each bin.
    """
    n = values.size
    n_numbers = n
    while n_numbers > 0 and np.isnan(values[n_numbers - 1]):
        n_numbers -= 1
    most = _N_BINS - (n_numbers < n)
    n_different = 1 if n_numbers else 0
    for i in range(1, n_numbers):
        n_different += values[i] != values[i - 1]
    n_bins = 0
    start = 0
    while start < n_numbers:
        share = 1.0 if n_different <= most else (n_numbers - start) / (most - n_bins)
        stop = start
        while stop < n_numbers:
            # One more value, with all that equal it.
            after = stop + 1
            while after < n_numbers and values[after] == values[stop]:
                after += 1
            # The bin ends before a value that brings it farther from its share.
            if stop > start and n_bins < most - 1 and after - start - share > share - (stop - start):
                break
            stop = after
            if n_bins < most - 1 and stop - start >= share:
                break
        lowest[n_bins], highest[n_bins] = values[start], values[stop - 1]
        n_bins += 1
        start = stop
    if n_numbers < n:
        # NaN is in the last bin, which has no values to part it by.
        n_bins += 1
    return n_bins


@cached
def assign_bins(column, lowest, n_bins, bins):
    """Set the bin of each value: the last one whose smallest value is not greater; that of NaN is the last.

    Parameters
    ----------
    column
        float32 (n,).
    lowest
        float32 (256,): see :func:`cut_into_bins`; NaN in a bin of NaN, and where there is no bin.
    n_bins
        The number of bins.
    bins
        uint8 (n,): set.
    """
    for i in range(uint64(column.size)):
        value = column[i]
        # Eight steps without branches, which no processor could predict.
        bin_ = uint64(0)
        for step in (128, 64, 32, 16, 8, 4, 2, 1):
            bin_ += uint64(step) * uint64(lowest[bin_ + uint64(step)] <= value)
        bins[i] = uint64(n_bins - 1) if np.isnan(value) else bin_
