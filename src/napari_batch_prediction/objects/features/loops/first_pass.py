"""The first pass over an image: numbers, places, extremes, means and scatter of all objects, compiled.

Each sum takes the pixels of its object one by one in scan order (x, then y, then z), by the update that ilastik's
library makes for each pixel. So the sums are the same, bit for bit, however the image is cut into parts in that order.
A row of pixels of one object is a run: its sums are taken out of the arrays once, and put back at its end.
"""

import numpy as np
from numba import njit

from napari_batch_prediction.simd.caching import INLINED, cached

SHARE = 16
"""Threads share the objects: so many of consecutive numbers go to one thread, then to the next."""


@njit(**INLINED)
def _add_box(sums, i, x, stop, y, z):
    if x < sums.box[i, 0, 0]:
        sums.box[i, 0, 0] = x
    if stop - 1 > sums.box[i, 1, 0]:
        sums.box[i, 1, 0] = stop - 1
    if y < sums.box[i, 0, 1]:
        sums.box[i, 0, 1] = y
    if y > sums.box[i, 1, 1]:
        sums.box[i, 1, 1] = y
    if sums.box.shape[2] == 3:
        if z < sums.box[i, 0, 2]:
            sums.box[i, 0, 2] = z
        if z > sums.box[i, 1, 2]:
            sums.box[i, 1, 2] = z


@njit(**INLINED)
def _add_scatter_2d(sums, i, x, stop, y):
    n = sums.place[i, 0]
    sum_x = sums.place[i, 1]
    sum_y = sums.place[i, 2]
    xx = sums.scatter[i, 0]
    yx = sums.scatter[i, 1]
    yy = sums.scatter[i, 2]
    for p in range(x, stop):
        n += 1.0
        sum_x += p
        sum_y += y
        weight = n / (n - 1.0) if n > 1.0 else 0.0
        dx = sum_x / n - p
        dy = sum_y / n - y
        xx += weight * dx * dx
        yx += weight * dy * dx
        yy += weight * dy * dy
    sums.scatter[i, 0] = xx
    sums.scatter[i, 1] = yx
    sums.scatter[i, 2] = yy


@njit(**INLINED)
def _add_scatter_3d(sums, i, x, stop, y, z):
    n = sums.place[i, 0]
    sum_x = sums.place[i, 1]
    sum_y = sums.place[i, 2]
    sum_z = sums.place[i, 3]
    xx = sums.scatter[i, 0]
    yx = sums.scatter[i, 1]
    yy = sums.scatter[i, 2]
    zx = sums.scatter[i, 3]
    zy = sums.scatter[i, 4]
    zz = sums.scatter[i, 5]
    for p in range(x, stop):
        n += 1.0
        sum_x += p
        sum_y += y
        sum_z += z
        weight = n / (n - 1.0) if n > 1.0 else 0.0
        dx = sum_x / n - p
        dy = sum_y / n - y
        dz = sum_z / n - z
        xx += weight * dx * dx
        yx += weight * dy * dx
        yy += weight * dy * dy
        zx += weight * dz * dx
        zy += weight * dz * dy
        zz += weight * dz * dz
    sums.scatter[i, 0] = xx
    sums.scatter[i, 1] = yx
    sums.scatter[i, 2] = yy
    sums.scatter[i, 3] = zx
    sums.scatter[i, 4] = zy
    sums.scatter[i, 5] = zz


@njit(**INLINED)
def _add_covariance(sums, i, values, shift, x, stop, mean_less_value, total):
    n = sums.place[i, 0]
    n_channels = total.size
    for c in range(n_channels):
        total[c] = sums.values[i, c, 0]
    for p in range(x, stop):
        n += 1.0
        for c in range(n_channels):
            total[c] += values[c, shift + p]
            mean_less_value[c] = total[c] / n - values[c, shift + p]
        if n > 1.0:
            weight = n / (n - 1.0)
            at = 0
            for c in range(n_channels):
                for b in range(c + 1):
                    sums.covariance[i, at] += weight * mean_less_value[c] * mean_less_value[b]
                    at += 1


@njit(**INLINED)
def _add_values(sums, i, values, shift, c, x, stop):
    n = sums.place[i, 0]
    total = sums.values[i, c, 0]
    least = sums.values[i, c, 1]
    most = sums.values[i, c, 2]
    if sums.deviation.shape[0] > 0:
        deviation = sums.deviation[i, c]
        for p in range(x, stop):
            value = np.float64(values[c, shift + p])
            n += 1.0
            total += value
            if n > 1.0:
                difference = total / n - value
                deviation += n / (n - 1.0) * (difference * difference)
            # NaN is neither smaller nor larger.
            if value < least:
                least = value
            if value > most:
                most = value
        sums.deviation[i, c] = deviation
    else:
        for p in range(x, stop):
            value = np.float64(values[c, shift + p])
            total += value
            if value < least:
                least = value
            if value > most:
                most = value
    sums.values[i, c, 0] = total
    sums.values[i, c, 1] = least
    sums.values[i, c, 2] = most


@njit(**INLINED)
def _add_weights(sums, i, values, shift, x, stop, y, z):
    in_3d = sums.place.shape[1] == 4
    first = sums.place.shape[1]
    total = sums.weights[i, 0]
    sum_x = sums.weights[i, 1]
    sum_y = sums.weights[i, 2]
    sum_z = sums.weights[i, 3] if in_3d else 0.0
    for p in range(x, stop):
        value = np.float64(values[0, shift + p])
        total += value
        sum_x += value * p
        sum_y += value * y
        sum_z += value * z
        if total > value:
            dx = dy = dz = np.nan
            if total != 0.0:
                dx = sum_x / total - p
                dy = sum_y / total - y
                dz = sum_z / total - z
            weight = total * value / (total - value)
            sums.weights[i, first] += weight * dx * dx
            sums.weights[i, first + 1] += weight * dy * dx
            sums.weights[i, first + 2] += weight * dy * dy
            if in_3d:
                sums.weights[i, first + 3] += weight * dz * dx
                sums.weights[i, first + 4] += weight * dz * dy
                sums.weights[i, first + 5] += weight * dz * dz
    sums.weights[i, 0] = total
    sums.weights[i, 1] = sum_x
    sums.weights[i, 2] = sum_y
    if in_3d:
        sums.weights[i, 3] = sum_z


@njit(**INLINED)
def _put_extreme(sums, i, which, value, x, y, z):
    sums.extremes[i, which, 0] = value
    sums.extremes[i, which, 1] = x
    sums.extremes[i, which, 2] = y
    if sums.extremes.shape[2] == 4:
        sums.extremes[i, which, 3] = z


@njit(**INLINED)
def _add_extremes(sums, i, values, shift, x, stop, y, z):
    for p in range(x, stop):
        value = np.float64(values[0, shift + p])
        if value < sums.extremes[i, 0, 0]:
            _put_extreme(sums, i, 0, value, p, y, z)
        if value > sums.extremes[i, 1, 0]:
            _put_extreme(sums, i, 1, value, p, y, z)


@cached
def add_first(where, values, part, parts, sums):
    """Add runs to the sums of the first pass.

    Parameters
    ----------
    where, values
        See :class:`~napari_batch_prediction.objects.features.runs.Runs`; values have no channels if no sum takes them.
    part, parts
        This thread, and the number of threads that share the objects.
    sums
        See :class:`~napari_batch_prediction.objects.features.sums.FirstSums`.
    """
    n_channels = values.shape[0]
    mean_less_value = np.empty(n_channels)
    total = np.empty(n_channels)
    with_box = sums.box.shape[0] > 0
    with_scatter = sums.scatter.shape[0] > 0
    with_covariance = sums.covariance.shape[0] > 0
    with_values = sums.values.shape[0] > 0
    with_weights = sums.weights.shape[0] > 0
    with_extremes = sums.extremes.shape[0] > 0
    in_3d = sums.place.shape[1] == 4
    at = 0
    for run in range(where.shape[0]):
        i = where[run, 0] - 1
        z, y, x, stop = where[run, 1], where[run, 2], where[run, 3], where[run, 4]
        shift = at - x
        at += stop - x
        if parts > 1 and (i // SHARE) % parts != part:
            continue
        if with_box:
            _add_box(sums, i, x, stop, y, z)
        if with_scatter:
            if in_3d:
                _add_scatter_3d(sums, i, x, stop, y, z)
            else:
                _add_scatter_2d(sums, i, x, stop, y)
        if with_covariance:
            _add_covariance(sums, i, values, shift, x, stop, mean_less_value, total)
        if with_values:
            for c in range(n_channels):
                _add_values(sums, i, values, shift, c, x, stop)
        if with_weights:
            _add_weights(sums, i, values, shift, x, stop, y, z)
        if with_extremes:
            _add_extremes(sums, i, values, shift, x, stop, y, z)
        # Whole numbers, which are exact in any order.
        n = stop - x
        sums.place[i, 0] += n
        sums.place[i, 1] += (x + stop - 1) * n // 2
        sums.place[i, 2] += y * n
        if in_3d:
            sums.place[i, 3] += z * n
