"""The second pass over an image, when means and axes are known: higher moments and histograms of all objects, compiled.

As in the first pass, each sum takes the pixels of its object in scan order.
"""

import numpy as np
from numba import njit

from napari_batch_prediction.objects.features.loops.first_pass import SHARE
from napari_batch_prediction.simd.caching import INLINED, cached


@njit(**INLINED)
def _add_moments(sums, i, values, shift, x, stop):
    for c in range(values.shape[0]):
        mean = sums.mean[i, c]
        third = sums.moments[i, 0, c]
        fourth = sums.moments[i, 1, c]
        for p in range(x, stop):
            difference = np.float64(values[c, shift + p]) - mean
            square = difference * difference
            third += square * difference
            fourth += square * square
        sums.moments[i, 0, c] = third
        sums.moments[i, 1, c] = fourth


@njit(**INLINED)
def _add_axis_moments(sums, i, x, stop, y, z):
    n_dims = sums.axes.shape[1]
    for k in range(n_dims):
        third = sums.axis_moments[i, 0, k]
        fourth = sums.axis_moments[i, 1, k]
        along_y = sums.axes[i, 1, k] * (y - sums.center[i, 1])
        along_z = sums.axes[i, 2, k] * (z - sums.center[i, 2]) if n_dims == 3 else 0.0
        for p in range(x, stop):
            q = sums.axes[i, 0, k] * (p - sums.center[i, 0]) + along_y + along_z
            square = q * q
            third += square * q
            fourth += square * square
        sums.axis_moments[i, 0, k] = third
        sums.axis_moments[i, 1, k] = fourth


@njit(**INLINED)
def _add_weighted_moments(sums, i, values, shift, x, stop, y, z):
    n_dims = sums.weighted_axes.shape[1]
    for k in range(n_dims):
        third = sums.weighted_moments[i, 0, k]
        fourth = sums.weighted_moments[i, 1, k]
        along_y = sums.weighted_axes[i, 1, k] * (y - sums.weighted_center[i, 1])
        along_z = sums.weighted_axes[i, 2, k] * (z - sums.weighted_center[i, 2]) if n_dims == 3 else 0.0
        for p in range(x, stop):
            q = sums.weighted_axes[i, 0, k] * (p - sums.weighted_center[i, 0]) + along_y + along_z
            square = q * q
            third += values[0, shift + p] * (square * q)
            fourth += values[0, shift + p] * (square * square)
        sums.weighted_moments[i, 0, k] = third
        sums.weighted_moments[i, 1, k] = fourth


@njit(**INLINED)
def _add_channel_moments(sums, i, values, shift, x, stop):
    n_channels = values.shape[0]
    for p in range(x, stop):
        for k in range(n_channels):
            q = 0.0
            for c in range(n_channels):
                q += sums.channel_axes[i, c, k] * (values[c, shift + p] - sums.mean[i, c])
            square = q * q
            sums.channel_moments[i, 0, k] += square * q
            sums.channel_moments[i, 1, k] += square * square
            if q < sums.channel_range[i, 0, k]:
                sums.channel_range[i, 0, k] = q
            if q > sums.channel_range[i, 1, k]:
                sums.channel_range[i, 1, k] = q


@njit(**INLINED)
def _add_histogram(sums, i, values, shift, x, stop):
    n_bins = sums.histogram.shape[1]
    scale = sums.bins_per_value[i]
    start = sums.first_bin[i]
    for p in range(x, stop):
        position = scale * (np.float64(values[0, shift + p]) - start)
        # The upper end belongs to the last bin; NaN and what lies outside to none.
        if position >= 0.0 and position <= n_bins:
            sums.histogram[i, min(int(position), n_bins - 1)] += 1


@cached
def add_second(where, values, part, parts, sums):
    """Add runs to the sums of the second pass; see :func:`~...first_pass.add_first`."""
    with_moments = sums.moments.shape[0] > 0
    with_axes = sums.axis_moments.shape[0] > 0
    with_weighted = sums.weighted_moments.shape[0] > 0
    with_channels = sums.channel_moments.shape[0] > 0
    with_histogram = sums.histogram.shape[0] > 0
    at = 0
    for run in range(where.shape[0]):
        i = where[run, 0] - 1
        z, y, x, stop = where[run, 1], where[run, 2], where[run, 3], where[run, 4]
        shift = at - x
        at += stop - x
        if parts > 1 and (i // SHARE) % parts != part:
            continue
        if with_moments:
            _add_moments(sums, i, values, shift, x, stop)
        if with_axes:
            _add_axis_moments(sums, i, x, stop, y, z)
        if with_weighted:
            _add_weighted_moments(sums, i, values, shift, x, stop, y, z)
        if with_channels:
            _add_channel_moments(sums, i, values, shift, x, stop)
        if with_histogram:
            _add_histogram(sums, i, values, shift, x, stop)
