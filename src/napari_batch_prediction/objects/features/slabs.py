"""Parts of a volume in scan order, so that sums over pixels do not depend on how it is cut."""

from collections.abc import Iterator
from math import prod

from napari_batch_prediction.engine.tiles import Box

SLAB_BYTES = 2**25
"""What a part should take: more saves nothing, and must be in memory twice."""


def slabs(shape: tuple[int, int, int], pixels: int) -> Iterator[Box]:
    """Yield parts along z, y, x that follow each other in scan order: planes, or rows of a plane that is too large.

    Parameters
    ----------
    shape
        Extents along z, y and x.
    pixels
        The most pixels of a part, unless a row has more.
    """
    z, y, x = shape
    if prod(shape) == 0:
        return
    planes = min(pixels // (y * x), z)
    if planes:
        for start in range(0, z, planes):
            yield slice(start, min(start + planes, z)), slice(0, y), slice(0, x)
        return
    rows = max(pixels // x, 1)
    for plane in range(z):
        for start in range(0, y, rows):
            yield slice(plane, plane + 1), slice(start, min(start + rows, y)), slice(0, x)
