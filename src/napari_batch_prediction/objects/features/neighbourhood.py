"""ilastik's features of the pixels around objects."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.first_pass import add_first
from napari_batch_prediction.objects.features.second_pass import add_second
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.standard import StandardSums, Values
from napari_batch_prediction.objects.features.windows import Corners, work_on_windows
from napari_batch_prediction.objects.volume import Volume
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
def _add_first(low, high, reach, with_object, sums, labels, values, origin, objects):
    for i in objects:
        where, own = _runs_near(labels, values, origin, low[i], high[i], i + 1, reach, with_object)
        add_first(where, own, _ZERO, _ZERO + 1, sums)


@cached
def _add_second(low, high, reach, with_object, sums, labels, values, origin, objects):
    for i in objects:
        where, own = _runs_near(labels, values, origin, low[i], high[i], i + 1, reach, with_object)
        add_second(where, own, _ZERO, _ZERO + 1, sums)


def _reach(margin: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return how many pixels along x are near, (z, y) away from a pixel; -1 if none is.

    Near is what is less far than the largest margin M, where a pixel is as long along an axis as the margin there goes
    into M, without remainder.

    Parameters
    ----------
    margin
        Along x, y, z.
    """
    most = max(margin)
    length_x, length_y, length_z = (most // pixels if pixels else math.inf for pixels in margin)

    def steps(length: float) -> int:
        return 0 if math.isinf(length) else int(most // length)

    def square(n: NDArray[np.float64], length: float) -> NDArray[np.float64]:
        return np.zeros_like(n) if math.isinf(length) else (n * length) ** 2

    z, y, x = (np.arange(-steps(n), steps(n) + 1, dtype=np.float64) for n in (length_z, length_y, length_x))
    x = x[len(x) // 2 :]
    distance = np.sqrt(
        square(z, length_z)[:, None, None] + square(y, length_y)[None, :, None] + square(x, length_x)[None, None, :]
    )
    # ilastik keeps distances in single precision.
    near: NDArray[np.bool_] = distance.astype(np.float32) < np.float32(most)
    return np.asarray(near.sum(axis=2), np.int64) - 1


def _boxes(
    low: Corners, high: Corners, margin: tuple[int, ...], extents: tuple[int, int, int]
) -> tuple[Corners, Corners]:
    """Return the boxes in which neighbours of objects are looked for.

    ilastik adds the margin to a corner that already lies beyond the object, and one more; without a margin for z it
    looks at the first plane alone.
    """
    begin, end = np.zeros_like(low), np.ones_like(high)
    for position, pixels in enumerate(margin):
        axis = 2 - position
        begin[:, axis] = np.maximum(low[:, axis] - pixels, 0)
        end[:, axis] = np.minimum(high[:, axis] + 1 + pixels, extents[axis])
    return begin, end


def neighbourhood_features(
    labels: Volume,
    raw: Volume,
    low: Corners,
    high: Corners,
    names: Iterable[str],
    margin: tuple[int, ...],
    with_object: bool,
    workers: int = 1,
    block_bytes: int = SLAB_BYTES,
) -> dict[str, Values]:
    """Return standard features of the pixels near each object; other objects' pixels count, too.

    Parameters
    ----------
    labels, raw
        As for :func:`~napari_batch_prediction.objects.features.standard.standard_features`.
    low, high
        The boxes of the objects along z, y, x: first pixels, and those after the last.
    names
        Names of features of :data:`~napari_batch_prediction.objects.features.names.LOCAL`.
    margin
        Pixels along x, y and, in 3D, z; not all 0.
    with_object
        True if the object's own pixels count.
    workers
        Number of threads.
    block_bytes
        What a block of the image should take in memory, where two are at once.

    Returns
    -------
    For each name float64 (objects, columns); NaN for an object without any pixel near it.
    """
    names = list(names)
    n, n_channels, extents = len(low), raw.shape[0], labels.shape[1:]
    begin, end = _boxes(low, high, margin, extents)
    reach = _reach((margin[0], margin[1], margin[2] if len(margin) > 2 else 0))
    sums = StandardSums(n, n_channels, 3 if extents[0] > 1 else 2, names)
    first = partial(_add_first, begin, end, reach, with_object, sums.first)
    work_on_windows(labels, raw, begin, end, first, workers, block_bytes)
    if sums.needs.second_pass:
        sums.begin_second(range_of_each=True)
        second = partial(_add_second, begin, end, reach, with_object, sums.second)
        work_on_windows(labels, raw, begin, end, second, workers, block_bytes)
    found = {name: sums.values(name) for name in names}
    for values in found.values():
        values[sums.first.place[:, 0] == 0] = np.nan
    return found
