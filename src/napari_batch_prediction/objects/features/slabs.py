"""Parts of a volume in scan order, so that sums over pixels do not depend on how it is cut."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.objects.volume import Volume

SLAB_BYTES = 2**25
"""What a part should take: more saves nothing, and must be in memory twice."""

# Loops are compiled for arrays like these; others would have them compiled again.
_AS_COMPILED: tuple[Literal["C"], Literal["W"], Literal["A"]] = ("C", "W", "A")


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


def read_labels(labels: Volume, box: Box) -> NDArray[np.uint32]:
    """Return the labels (z, y, x) of a box."""
    return np.require(labels.read(box)[0], np.uint32, _AS_COMPILED)


def read_values(raw: Volume, box: Box) -> NDArray[np.float32]:
    """Return the values (c, z, y, x) of a box as ilastik computes with them: in single precision."""
    return np.require(raw.read(box), np.float32, _AS_COMPILED)


def read_slabs(
    labels: Volume, raw: Volume | None, pool: ThreadPoolExecutor, slab_bytes: int = SLAB_BYTES
) -> Iterator[tuple[tuple[int, int], NDArray[np.uint32], NDArray[np.float32]]]:
    """Yield the start along z and y, the labels (z, y, x) and the values (c, z, y, x) of the slabs of an image.

    The next slab is read by a thread of the pool while the caller works on one.

    Parameters
    ----------
    labels
        Numbers of objects; its first channel is read.
    raw
        The image; without it, values have no channel.
    pool
        Where slabs are read.
    slab_bytes
        What a slab should take.
    """
    shape = labels.shape[1:]
    n_channels = raw.shape[0] if raw is not None else 0
    bytes_per_pixel = 4 * (1 + n_channels)

    def read(box: Box) -> tuple[tuple[int, int], NDArray[np.uint32], NDArray[np.float32]]:
        own = read_labels(labels, box)
        values = np.empty((0, *own.shape), np.float32) if raw is None else read_values(raw, box)
        return (box[0].start, box[1].start), own, values

    waiting = None
    for box in slabs(shape, slab_bytes // bytes_per_pixel):
        following = pool.submit(read, box)
        if waiting is not None:
            yield waiting.result()
        waiting = following
    if waiting is not None:
        yield waiting.result()
