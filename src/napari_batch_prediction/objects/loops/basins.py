"""Parts of objects: a watershed on the distance to their border, level by level from the highest."""

import numpy as np
from numba import njit

from napari_batch_prediction.objects.loops.faces import neighbours
from napari_batch_prediction.objects.loops.sets import find_root
from napari_batch_prediction.simd.caching import UNCOUNTED, cached


@njit(**UNCOUNTED)
def _spread(height_of, shape, level, basin_of, queue, tail, found):
    """Let the basins of the pixels in a queue spread over pixels of the same level."""
    head = 0
    while head < tail:
        pixel = queue[head]
        head += 1
        for k in range(neighbours(pixel, shape, found)):
            other = found[k]
            if basin_of[other] == 0 and height_of[other] == level:
                basin_of[other] = basin_of[pixel]
                queue[tail] = other
                tail += 1


@cached
def find_basins(heights, order, depth, basins, parents, peaks, queue):
    """Divide pixels into basins around the maxima of a height, and return the number of basins.

    Where two basins meet, the lower one becomes part of the other, unless it is higher than the place by more than
    ``depth``. What is at one level goes to the nearest basin.

    Parameters
    ----------
    heights
        Heights (z, y, x).
    order
        Pixels to divide, the highest first, those of one height in the order of the volume.
    depth
        A basin is higher by more than this than the places where it meets others that are higher.
    basins
        Takes the numbers of basins, from 1 by first pixel; 0 at first.
    parents, peaks, queue
        Scratch, as long as there are pixels to divide, and one more.
    """
    height_of, basin_of, shape = heights.ravel(), basins.ravel(), heights.shape
    found = np.empty(6, np.int64)
    n, start = 0, 0
    while start < order.size:
        level = height_of[order[start]]
        end = start
        tail = 0
        # Pixels beside those of higher levels take the basin of the highest one, all at once.
        while end < order.size and height_of[order[end]] == level:
            for k in range(neighbours(order[end], shape, found)):
                if basin_of[found[k]] != 0:
                    queue[tail] = order[end]
                    tail += 1
                    break
            end += 1
        for i in range(tail):
            best = -1
            for k in range(neighbours(queue[i], shape, found)):
                other = found[k]
                if height_of[other] > level and (best < 0 or height_of[other] > height_of[best]):
                    best = other
            basin_of[queue[i]] = basin_of[best]
        _spread(height_of, shape, level, basin_of, queue, tail, found)
        for i in range(start, end):
            if basin_of[order[i]] == 0:
                n += 1
                parents[n], peaks[n] = n, level
                basin_of[order[i]] = n
                queue[0] = order[i]
                _spread(height_of, shape, level, basin_of, queue, 1, found)
        for i in range(start, end):
            for k in range(neighbours(order[i], shape, found)):
                other = found[k]
                if basin_of[other] == 0:
                    continue
                a, b = find_root(parents, basin_of[order[i]]), find_root(parents, basin_of[other])
                if a != b:
                    # Of two of the same height, the one that was found first stays.
                    if peaks[a] > peaks[b] or (peaks[a] == peaks[b] and a < b):
                        a, b = b, a
                    if peaks[a] - level <= depth:
                        parents[a] = b
        start = end
    # From now on a peak is the new number of its basin.
    for i in range(1, n + 1):
        peaks[i] = 0
    n_left = 0
    for pixel in range(heights.size):
        if basin_of[pixel] != 0:
            root = find_root(parents, basin_of[pixel])
            if peaks[root] == 0:
                n_left += 1
                peaks[root] = n_left
            basin_of[pixel] = peaks[root]
    return n_left
