"""Shortest paths over the pixels of a skeleton, compiled.

Which of equally long paths is found depends on the moves of the heap, so these are the moves of ilastik's library.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.skeleton.thinning import ARCS_X, ARCS_Y
from napari_batch_prediction.simd.caching import UNCOUNTED

FAR = 0.5 * float(np.finfo(np.float64).max)
"""Length of a step that the skeleton does not have: two of them can be added."""

ANY_LENGTH = float(np.finfo(np.float64).max)

_DIAGONAL = float(np.sqrt(2.0))


class Paths(NamedTuple):
    """The pixels around a skeleton, by their index y * width + x, and where the last search came.

    Attributes
    ----------
    size
        int64 (2,): height and width.
    bounds
        int64 (4,): the first and last x, the first and last y of the skeleton; searches stay within.
    is_node
        uint8: 1 for pixels of the skeleton.
    cut
        uint8: a bit for each arc that is no longer there.
    distance, before
        float64, int64: the length of the path from the source, and the pixel before on it; -1 if not found yet.
    order
        int64: pixels in the order in which the search was done with them.
    heap, place
        int64: pixels from 1 on, the nearest first; and where a pixel is in it, 0 if not.
    filled
        int64 (2,): entries of the heap, and of order.
    """

    size: NDArray[np.int64]
    bounds: NDArray[np.int64]
    is_node: NDArray[np.uint8]
    cut: NDArray[np.uint8]
    distance: NDArray[np.float64]
    before: NDArray[np.int64]
    order: NDArray[np.int64]
    heap: NDArray[np.int64]
    place: NDArray[np.int64]
    filled: NDArray[np.int64]


@njit(**UNCOUNTED)
def _swap(paths, i, j):
    heap, place = paths.heap, paths.place
    heap[i], heap[j] = heap[j], heap[i]
    place[heap[i]] = i
    place[heap[j]] = j


@njit(**UNCOUNTED)
def _rise(paths, i):
    heap, distance = paths.heap, paths.distance
    while i > 1 and distance[heap[i // 2]] > distance[heap[i]]:
        _swap(paths, i, i // 2)
        i //= 2


@njit(**UNCOUNTED)
def _sink(paths, i):
    heap, distance, n = paths.heap, paths.distance, paths.filled[0]
    while 2 * i <= n:
        child = 2 * i
        if child < n and distance[heap[child]] > distance[heap[child + 1]]:
            child += 1
        if distance[heap[i]] <= distance[heap[child]]:
            break
        _swap(paths, i, child)
        i = child


@njit(**UNCOUNTED)
def _take_first(paths):
    first = paths.heap[1]
    last = paths.filled[0]
    _swap(paths, 1, last)
    paths.filled[0] = last - 1
    paths.place[first] = 0
    if last > 1:
        _sink(paths, 1)
    return first


@njit(**UNCOUNTED)
def step(paths, pixel, arc):
    """Return the length of the step from a pixel along an arc to a pixel within the bounds or beside them."""
    height, width = paths.size
    x, y = pixel % width + ARCS_X[arc], pixel // width + ARCS_Y[arc]
    if x < 0 or y < 0 or x >= width or y >= height:
        return FAR
    if not paths.is_node[pixel] or not paths.is_node[y * width + x] or paths.cut[pixel] >> arc & 1:
        return FAR
    return _DIAGONAL if ARCS_X[arc] != 0 and ARCS_Y[arc] != 0 else 1.0


@njit(**UNCOUNTED)
def cut_arc(paths, pixel, arc):
    """Remove the arc from a pixel to a neighbour, and the one back."""
    height, width = paths.size
    paths.cut[pixel] |= np.uint8(1 << arc)
    x, y = pixel % width + ARCS_X[arc], pixel // width + ARCS_Y[arc]
    if 0 <= x < width and 0 <= y < height:
        paths.cut[y * width + x] |= np.uint8(1 << (7 - arc))


@njit(**UNCOUNTED)
def _forget(paths):
    """Make ready for another search: what the last one found is unknown again."""
    for i in range(paths.filled[1]):
        paths.before[paths.order[i]] = -1
    for i in range(1, paths.filled[0] + 1):
        paths.before[paths.heap[i]] = -1
        paths.place[paths.heap[i]] = 0
    paths.filled[:] = 0


@njit(**UNCOUNTED)
def search(paths, source, target, longest):
    """Find the shortest paths from a pixel (E. W. Dijkstra), until the target is reached; to all pixels if it is -1.

    The result is in ``distance``, ``before`` and ``order``.
    """
    _forget(paths)
    width = paths.size[1]
    paths.distance[source] = 0.0
    paths.before[source] = source
    paths.heap[1] = source
    paths.place[source] = 1
    paths.filled[0] = 1
    while paths.filled[0] > 0:
        if paths.distance[paths.heap[1]] > longest:
            break
        pixel = _take_first(paths)
        paths.order[paths.filled[1]] = pixel
        paths.filled[1] += 1
        if pixel == target:
            break
        for arc in range(8):
            x, y = pixel % width + ARCS_X[arc], pixel // width + ARCS_Y[arc]
            if x < paths.bounds[0] or x > paths.bounds[1] or y < paths.bounds[2] or y > paths.bounds[3]:
                continue
            other = y * width + x
            if paths.place[other] == 0 and paths.before[other] >= 0:
                continue
            there = paths.distance[pixel] + step(paths, pixel, arc)
            if paths.place[other] > 0:
                if there < paths.distance[other]:
                    paths.distance[other] = there
                    paths.before[other] = pixel
                    _rise(paths, paths.place[other])
            elif there <= longest:
                paths.distance[other] = there
                paths.before[other] = pixel
                paths.filled[0] += 1
                paths.heap[paths.filled[0]] = other
                paths.place[other] = paths.filled[0]
                _rise(paths, paths.filled[0])
