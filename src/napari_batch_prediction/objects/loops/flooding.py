"""Identity-preserving hysteresis: objects that grow from cores, the highest pixels first."""

import numpy as np
from numba import njit

from napari_batch_prediction.objects.loops.faces import neighbours
from napari_batch_prediction.simd.caching import UNCOUNTED, cached


@njit(**UNCOUNTED)
def _push(costs, pixels, n, cost, pixel):
    """Put a pixel on a heap with the least cost on top, and return its length.

    Pixels of equal cost are in the order in which the heaps of C++ move them, which decides between objects.
    """
    at = n
    while at > 0:
        parent = (at - 1) // 2
        if not costs[parent] > cost:
            break
        costs[at], pixels[at] = costs[parent], pixels[parent]
        at = parent
    costs[at], pixels[at] = cost, pixel
    return n + 1


@njit(**UNCOUNTED)
def _pop(costs, pixels, n):
    """Take the top from a heap, and return its length: the hole sinks to the bottom, then the last element rises."""
    n -= 1
    cost, pixel = costs[n], pixels[n]
    at, child = 0, 0
    while child < (n - 1) // 2:
        child = 2 * (child + 1)
        if costs[child] > costs[child - 1]:
            child -= 1
        costs[at], pixels[at] = costs[child], pixels[child]
        at = child
    if n % 2 == 0 and n > 0 and child == (n - 2) // 2:
        child = 2 * child + 1
        costs[at], pixels[at] = costs[child], pixels[child]
        at = child
    _push(costs, pixels, at, cost, pixel)
    return n


@cached
def flood(cost, labels, limit):
    """Grow labels over the faces of pixels, the least cost first, until the least cost is above a limit.

    A pixel gets its label when the first of its neighbours is taken, so that objects end one pixel beyond the limit.

    Parameters
    ----------
    cost, labels
        The cost of pixels (z, y, x), and their labels, which grow.
    limit
        The largest cost of a pixel whose neighbours get its label.
    """
    n_pixels = cost.size
    cost_of, label_of = cost.ravel(), labels.ravel()
    # Every pixel is put on the heap once, at most.
    costs, pixels = np.empty(n_pixels + 1, np.float32), np.empty(n_pixels + 1, np.int64)
    found = np.empty(6, np.int64)
    n = 0
    for pixel in range(n_pixels):
        if label_of[pixel] != 0:
            for k in range(neighbours(pixel, cost.shape, found)):
                if label_of[found[k]] == 0:
                    n = _push(costs, pixels, n, cost_of[pixel], pixel)
                    break
    while n > 0:
        pixel, top = pixels[0], costs[0]
        if top > limit:
            break
        n = _pop(costs, pixels, n)
        for k in range(neighbours(pixel, cost.shape, found)):
            other = found[k]
            if label_of[other] == 0:
                label_of[other] = label_of[pixel]
                n = _push(costs, pixels, n, max(top, cost_of[other]), other)
