"""Quantiles of histograms, compiled."""

import math

import numpy as np

from napari_batch_prediction.simd.caching import cached


@cached
def interpolate(histogram, count, least, most, first_bin, bins_per_value, quantiles, out):
    """Set the quantiles of each histogram."""
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
