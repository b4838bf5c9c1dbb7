"""The parts of a box that are not the object, compiled."""

import numpy as np
from numba import njit

from napari_batch_prediction.simd.caching import COMPILED, UNCOUNTED, cached


@njit(**UNCOUNTED)
def _flood(outside, waiting, start, sums):
    """Take a connected part out of ``outside`` (z, y, x), and put its number of pixels and their place into sums."""
    z, y, x = outside.shape
    sums[:] = 0.0
    waiting[0] = start
    n = 1
    outside[start // (y * x), start // x % y, start % x] = False
    while n > 0:
        n -= 1
        at = waiting[n]
        i, j, k = at // (y * x), at // x % y, at % x
        sums[0] += 1.0
        sums[1] += k
        sums[2] += j
        sums[3] += i
        if k > 0 and outside[i, j, k - 1]:
            outside[i, j, k - 1] = False
            waiting[n] = at - 1
            n += 1
        if k < x - 1 and outside[i, j, k + 1]:
            outside[i, j, k + 1] = False
            waiting[n] = at + 1
            n += 1
        if j > 0 and outside[i, j - 1, k]:
            outside[i, j - 1, k] = False
            waiting[n] = at - x
            n += 1
        if j < y - 1 and outside[i, j + 1, k]:
            outside[i, j + 1, k] = False
            waiting[n] = at + x
            n += 1
        if i > 0 and outside[i - 1, j, k]:
            outside[i - 1, j, k] = False
            waiting[n] = at - y * x
            n += 1
        if i < z - 1 and outside[i + 1, j, k]:
            outside[i + 1, j, k] = False
            waiting[n] = at + y * x
            n += 1


@njit(**COMPILED)
def _describe(outside, defects, i, center):
    """Find the defects in a box and describe them; coordinates are those in the box."""
    waiting = np.empty(outside.size, np.int64)
    sizes = np.empty(outside.size)
    sums = np.empty(4)
    place = np.zeros(3)
    n = 0
    total = 0.0
    away = 0.0
    _, y, x = outside.shape
    for start in range(outside.size):
        if outside[start // (y * x), start // x % y, start % x]:
            _flood(outside, waiting, start, sums)
            sizes[n] = sums[0]
            n += 1
            total += sums[0]
            distance = 0.0
            for axis in range(3):
                place[axis] += sums[axis + 1]
                distance += (sums[axis + 1] / sums[0] - center[axis]) ** 2
            away += sums[0] * np.sqrt(distance)
    defects.number[i] = n
    if n == 0:
        return
    mean = total / n
    second = third = fourth = 0.0
    for k in range(n):
        difference = sizes[k] - mean
        second += difference**2
        third += difference**3
        fourth += difference**4
    defects.mean[i] = mean
    defects.displacement[i] = away / total
    for axis in range(3):
        defects.center[i, axis] = place[axis] / total
    if n > 1:
        defects.variance[i] = second / (n - 1)
    if n > 2:
        skewness = np.sqrt(n) * third / second**1.5
        defects.skewness[i] = np.sqrt(n * (n - 1.0)) / (n - 2.0) * skewness
    if n > 3:
        kurtosis = n * fourth / second**2 - 3.0
        defects.kurtosis[i] = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * kurtosis + 6.0)


@cached
def find_defects(low, high, centers, defects, labels, values, origin, objects):
    """Describe the defects of objects; positions are counted from the origin of a window."""
    center = np.empty(3)
    for i in objects:
        k0, r0, x0 = low[i, 0] - origin[0], low[i, 1] - origin[1], low[i, 2] - origin[2]
        k1, r1, x1 = high[i, 0] - origin[0], high[i, 1] - origin[1], high[i, 2] - origin[2]
        for axis in range(3):
            center[axis] = centers[i, axis] - low[i, 2 - axis]
        _describe(labels[k0:k1, r0:r1, x0:x1] != i + 1, defects, i, center)
        for axis in range(3):
            defects.center[i, axis] += low[i, 2 - axis]
