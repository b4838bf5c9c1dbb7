"""The pixels around objects, compiled."""

import numpy as np
from numba import njit

from napari_batch_prediction.objects.features.loops.first_pass import add_first
from napari_batch_prediction.objects.features.loops.second_pass import add_second
from napari_batch_prediction.simd.caching import COMPILED, cached

# A number of that type and not a constant, for which the passes would be compiled again.
_ZERO = np.int64(0)


@njit(**COMPILED)
def _near(labels, label, reach, with_object):
    """Return where in a box pixels are near the object with the given label, bool (z, y, x).

    Each run of the object's pixels along x is carried to the rows around it, made longer at both ends by the reach
    there. So a row's pixels near the object are those in more runs that have begun than have ended.
    """
    z, y, x = labels.shape
    begun = np.zeros((z, y, x + 1), np.int32)
    reach_z = reach.shape[0] // 2
    reach_y = reach.shape[1] // 2
    for k in range(z):
        for r in range(y):
            at = 0
            while at < x:
                if labels[k, r, at] != label:
                    at += 1
                    continue
                first = at
                while at < x and labels[k, r, at] == label:
                    at += 1
                for dk in range(max(-reach_z, -k), min(reach_z + 1, z - k)):
                    for dr in range(max(-reach_y, -r), min(reach_y + 1, y - r)):
                        further = reach[dk + reach_z, dr + reach_y]
                        if further >= 0:
                            begun[k + dk, r + dr, max(first - further, 0)] += 1
                            begun[k + dk, r + dr, min(at + further, x)] -= 1
    near = np.zeros((z, y, x), np.bool_)
    for k in range(z):
        for r in range(y):
            n_runs = 0
            for at in range(x):
                n_runs += begun[k, r, at]
                near[k, r, at] = n_runs > 0 and (with_object or labels[k, r, at] != label)
    return near


@njit(**COMPILED)
def _runs_near(labels, values, origin, low, high, label, reach, with_object):
    """Return the runs of pixels near an object; where they are counts from the corner of its box."""
    k0, r0, x0 = low[0] - origin[0], low[1] - origin[1], low[2] - origin[2]
    k1, r1, x1 = high[0] - origin[0], high[1] - origin[1], high[2] - origin[2]
    near = _near(labels[k0:k1, r0:r1, x0:x1], label, reach, with_object)
    own = np.empty((values.shape[0], near.size), np.float32)
    where = np.empty((near.size // 2 + near.shape[0] * near.shape[1], 5), np.int64)
    n_runs = 0
    n_pixels = 0
    for k in range(near.shape[0]):
        for r in range(near.shape[1]):
            x = 0
            while x < near.shape[2]:
                if not near[k, r, x]:
                    x += 1
                    continue
                first = x
                while x < near.shape[2] and near[k, r, x]:
                    for c in range(values.shape[0]):
                        own[c, n_pixels] = values[c, k0 + k, r0 + r, x0 + x]
                    n_pixels += 1
                    x += 1
                where[n_runs, 0] = label
                where[n_runs, 1] = k
                where[n_runs, 2] = r
                where[n_runs, 3] = first
                where[n_runs, 4] = x
                n_runs += 1
    return where[:n_runs], own


@cached
def add_first_near(low, high, reach, with_object, sums, labels, values, origin, objects):
    """Add the pixels near objects to the sums of the first pass."""
    for i in objects:
        where, own = _runs_near(labels, values, origin, low[i], high[i], i + 1, reach, with_object)
        add_first(where, own, _ZERO, _ZERO + 1, sums)


@cached
def add_second_near(low, high, reach, with_object, sums, labels, values, origin, objects):
    """Add the pixels near objects to the sums of the second pass."""
    for i in objects:
        where, own = _runs_near(labels, values, origin, low[i], high[i], i + 1, reach, with_object)
        add_second(where, own, _ZERO, _ZERO + 1, sums)
