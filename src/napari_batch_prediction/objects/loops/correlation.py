"""Correlation with symmetric taps, in the order of additions on which the last bit depends."""

import numpy as np

from napari_batch_prediction.simd.caching import cached


@cached
def correlate(values, taps, result):
    """Correlate float32 values (outer, n, inner) with an odd number of symmetric taps, along the axis in the middle.

    Sums are formed in double precision: the middle first, then pairs, the outermost first. The result (outer, m,
    inner) leaves out the ends.
    """
    n_outer, length, n_inner = result.shape
    radius = taps.size // 2
    if n_inner == 1:
        line = np.empty(values.shape[1])
        sums = np.empty(length)
        for o in range(n_outer):
            for i in range(values.shape[1]):
                line[i] = values[o, i, 0]
            middle = taps[radius]
            for i in range(length):
                sums[i] = line[i + radius] * middle
            for k in range(radius):
                tap = taps[k]
                for i in range(length):
                    sums[i] += (line[i + k] + line[i + 2 * radius - k]) * tap
            for i in range(length):
                result[o, i, 0] = sums[i]
        return
    row = np.empty(n_inner)
    for o in range(n_outer):
        for i in range(length):
            middle = taps[radius]
            for x in range(n_inner):
                row[x] = np.float64(values[o, i + radius, x]) * middle
            for k in range(radius):
                tap = taps[k]
                for x in range(n_inner):
                    pair = np.float64(values[o, i + k, x]) + np.float64(values[o, i + 2 * radius - k, x])
                    row[x] += pair * tap
            for x in range(n_inner):
                result[o, i, x] = row[x]
