"""Shapes of chunks, and assembling chunks from tiles."""

import threading
from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 512_000

Index = tuple[int, ...]
Region = tuple[slice, ...]
T = TypeVar("T")


def chunk_shape(axes: str, shape: tuple[int, ...], itemsize: int, nbytes: int = CHUNK_BYTES) -> tuple[int, ...]:
    """Return ilastik's shape of a chunk: one time point, one channel, ``nbytes`` as equal along z, y, x as possible.

    The shortest axis comes first; pixels that it cannot use are left to the others.
    """
    spatial = sorted((n, i) for i, n in enumerate(shape) if axes[i] not in "tc")
    chunk = [1] * len(shape)
    pixels = nbytes // itemsize
    for n_axes, (extent, i) in zip(range(len(spatial), 0, -1), spatial, strict=True):
        side = pixels if n_axes == 1 else round(pixels ** (1 / n_axes))
        chunk[i] = max(1, min(extent, side))
        pixels //= chunk[i]
    return tuple(chunk)


class ChunkAssembler:
    """Assembles chunks from tiles that come in any order from several threads.

    Incomplete chunks wait in memory.

    Parameters
    ----------
    axes, shape, dtype
        Axes, shape and type of the whole array.
    chunk
        Shape of the chunks; chunks at the far edges are smaller.

    Attributes
    ----------
    grid
        Number of chunks along each axis.
    count
        Number of chunks.
    row_bytes
        Bytes of a row of chunks at one time point, which wait if tiles come in the order t, y, z, x.
    """

    def __init__(self, axes: str, shape: tuple[int, ...], chunk: tuple[int, ...], dtype: np.dtype) -> None:
        self.axes = axes
        self.shape = shape
        self.chunk = chunk
        self.dtype = dtype
        self.grid = tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))
        self.count = prod(self.grid)
        sizes = zip(axes, chunk, shape, strict=True)
        self.row_bytes = prod(min(c, n) if key in "ty" else n for key, c, n in sizes) * dtype.itemsize
        self._lock = threading.Lock()
        self._partial: dict[Index, tuple[NDArray, list[int]]] = {}

    def region(self, index: Index) -> Region:
        """Return the region of a chunk in the array."""
        return tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, self.chunk, self.shape, strict=True))

    def add(self, region: Region, values: NDArray) -> Iterator[tuple[Index, NDArray]]:
        """Take a tile, which must not be changed afterwards; yield index and values of each chunk that it completes."""
        touched = (range(s.start // c, -(-s.stop // c)) for s, c in zip(region, self.chunk, strict=True))
        for index in product(*touched):
            inside, outside = zip(*self._overlap(index, region), strict=True)
            complete = self._fill(index, inside, values[outside])
            if complete is not None:
                yield index, complete

    def clear(self) -> None:
        """Drop incomplete chunks."""
        self._partial.clear()

    def _overlap(self, index: Index, region: Region) -> Iterator[tuple[slice, slice]]:
        """Yield the overlap of a chunk and a region along each axis: relative to the chunk, and to the region."""
        for i, c, extent in zip(index, self.chunk, region, strict=True):
            start, stop = max(i * c, extent.start), min((i + 1) * c, extent.stop)
            yield slice(start - i * c, stop - i * c), slice(start - extent.start, stop - extent.start)

    def _fill(self, index: Index, inside: Region, values: NDArray) -> NDArray | None:
        """Add values to a chunk; return the chunk if they complete it."""
        extents = tuple(s.stop - s.start for s in self.region(index))
        if values.shape == extents:
            return np.ascontiguousarray(values, self.dtype)
        with self._lock:
            if index not in self._partial:
                self._partial[index] = np.empty(extents, self.dtype), [prod(extents)]
            buffer, missing = self._partial[index]
        buffer[inside] = values
        with self._lock:
            missing[0] -= values.size
            return self._partial.pop(index)[0] if missing[0] == 0 else None


def padded(chunk: NDArray, shape: tuple[int, ...]) -> NDArray:
    """Return a smaller chunk of the edge in full shape, padded with 0."""
    if chunk.shape == shape:
        return chunk
    full = np.zeros(shape, chunk.dtype)
    full[tuple(slice(0, n) for n in chunk.shape)] = chunk
    return full


class InOrder(Generic[T]):
    """Passes items on in the order of their position, so that equal content gives equal files.

    Parameters
    ----------
    axes
        Axes of the array.
    grid
        Number of chunks along each axis.
    """

    def __init__(self, axes: str, grid: tuple[int, ...]) -> None:
        self._grid = grid
        # Same axis order as the tiles, so that few chunks wait.
        self._axes = [axes.index(key) for key in "tyzxc" if key in axes]
        self._waiting: dict[int, tuple[Index, T]] = {}
        self._next = 0

    def push(self, index: Index, item: T) -> Iterator[tuple[Index, T]]:
        """Take the item of a chunk; yield the items whose turn it is. For one thread at a time."""
        position = 0
        for axis in self._axes:
            position = position * self._grid[axis] + index[axis]
        self._waiting[position] = index, item
        while self._next in self._waiting:
            yield self._waiting.pop(self._next)
            self._next += 1

    def clear(self) -> None:
        """Drop waiting items."""
        self._waiting.clear()
