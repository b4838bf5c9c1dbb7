"""The levels of a multi-resolution image, each with half the pixels along z, y and x of the one before."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, extents
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, Index, Region, chunk_shape

ZARR_CHUNK_BYTES = 1_000_000
_SPATIAL = tuple(KEYS.index(key) for key in "zyx")


def zarr_chunk(axes: str, shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the shape of chunks: one time point, one channel, about 1 MB.

    If there are several chunks along an axis, their extent is even, so that each becomes a whole region of the next
    level.
    """
    by_key = extents(axes, shape)
    stored = tuple(by_key[key] for key in KEYS)
    sides = dict(zip(KEYS, chunk_shape(KEYS, stored, itemsize, ZARR_CHUNK_BYTES), strict=True))
    return tuple(sides[key] if sides[key] in (1, by_key[key]) else sides[key] // 2 * 2 for key in axes)


def level_shapes(shape: tuple[int, ...], itemsize: int, n: int | None = None) -> list[tuple[int, ...]]:
    """Return the shapes (t, c, z, y, x) of ``n`` levels; of all, down to one chunk for a time point and channel."""
    shapes = [shape]
    while zarr_chunk(KEYS, shape, itemsize)[2:] != shape[2:] if n is None else len(shapes) < n:
        shape = shape[:2] + tuple(-(-n // 2) for n in shape[2:])
        shapes.append(shape)
    return shapes


class Halver:
    """Halves the resolution of a level.

    Parameters
    ----------
    shape
        Shape of the level, (t, c, z, y, x).
    nearest
        True to take the first of two values instead of their mean.
    """

    def __init__(self, shape: tuple[int, ...], *, nearest: bool) -> None:
        self._axes = [axis for axis in _SPATIAL if shape[axis] > 1]
        self._nearest = nearest

    def region(self, region: tuple[slice, ...]) -> tuple[slice, ...]:
        """Return the region of the next level for a region of this one."""
        return tuple(slice(s.start // 2, -(-s.stop // 2)) if axis in self._axes else s for axis, s in enumerate(region))

    def values(self, values: NDArray) -> NDArray:
        """Return the values of a region at half the resolution, in the same type; integers are rounded."""
        dtype = values.dtype
        nearest = self._nearest or dtype.name in ("int64", "uint64")  # float64 cannot represent them all
        halved: NDArray[Any] = values if nearest else values.astype(np.float32 if dtype.itemsize < 4 else np.float64)
        for axis in self._axes:
            first, second = halved.take(_every(halved, axis, 0), axis), halved.take(_every(halved, axis, 1), axis)
            if not nearest:
                pairs = [slice(None)] * halved.ndim
                pairs[axis] = slice(0, second.shape[axis])
                # The last of an odd number of values stays.
                first[tuple(pairs)] = (first[tuple(pairs)] + second) / 2
            halved = first
        return (np.rint(halved) if dtype.kind in "ui" and not nearest else halved).astype(dtype)


def _every(values: NDArray, axis: int, start: int) -> NDArray:
    return np.arange(start, values.shape[axis], 2)


class Pyramid:
    """Assembles the chunks of all levels from regions of the first.

    Parameters
    ----------
    shapes
        Shapes of the levels, (t, c, z, y, x), the finest first.
    dtype
        The type of the values.
    nearest
        True to take the first of two values instead of their mean.

    Attributes
    ----------
    levels
        The assembler of chunks of each level.
    axes
        The axes of all levels.
    count, row_bytes
        The sums over the levels.
    """

    def __init__(self, shapes: list[tuple[int, ...]], dtype: np.dtype, *, nearest: bool) -> None:
        self.levels = [ChunkAssembler(KEYS, s, zarr_chunk(KEYS, s, dtype.itemsize), dtype) for s in shapes]
        self.axes = KEYS
        self.count = sum(level.count for level in self.levels)
        self.row_bytes = sum(level.row_bytes for level in self.levels)
        self._halvers = [Halver(shape, nearest=nearest) for shape in shapes[:-1]]

    def add(self, region: Region, values: NDArray, level: int = 0) -> Iterator[tuple[Index, NDArray]]:
        """Take a region of a level; yield each chunk that it completes, with level and index."""
        chunks = self.levels[level]
        for index, chunk in chunks.add(region, values):
            yield (level, *index), chunk
            if level < len(self._halvers):
                halver = self._halvers[level]
                yield from self.add(halver.region(chunks.region(index)), halver.values(chunk), level + 1)

    def clear(self) -> None:
        """Drop incomplete chunks."""
        for level in self.levels:
            level.clear()
