"""Pixels that touch over their faces, by their positions in the order of a volume."""

from numba import njit

from napari_batch_prediction.simd.caching import UNCOUNTED


@njit(**UNCOUNTED)
def neighbours(pixel, shape, found):
    """List the neighbours of a pixel over its faces, and return their number."""
    depth, height, width = shape
    x, y, z = pixel % width, (pixel // width) % height, pixel // (width * height)
    n = 0
    if z > 0:
        found[n] = pixel - width * height
        n += 1
    if y > 0:
        found[n] = pixel - width
        n += 1
    if x > 0:
        found[n] = pixel - 1
        n += 1
    if x < width - 1:
        found[n] = pixel + 1
        n += 1
    if y < height - 1:
        found[n] = pixel + width
        n += 1
    if z < depth - 1:
        found[n] = pixel + width * height
        n += 1
    return n
