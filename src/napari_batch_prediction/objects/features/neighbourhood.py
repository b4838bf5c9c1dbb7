"""ilastik's features of the pixels around objects."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.standard import StandardSums, Values
from napari_batch_prediction.objects.features.windows import Corners, work_on_windows
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_LOOPS = "napari_batch_prediction.objects.features.loops.neighbourhood"
_add_first, _add_second = Kernel(_LOOPS, "add_first_near"), Kernel(_LOOPS, "add_second_near")


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
        Pixels along x, y and, in 3D, z; not all 0. If one is 0, the object's own pixels are all that counts.
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
    if 0 in margin:
        # ilastik divides by it, and no distance is a number: nothing is near, and what it takes for the neighbourhood,
        # all that is either near or of the object, is the object.
        reach, with_object = np.zeros((1, 1), np.int64), True
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
