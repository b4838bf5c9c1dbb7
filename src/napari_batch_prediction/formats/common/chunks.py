"""How a file is divided into chunks, and chunks put together from tiles."""

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
    """Return ilastik's shape of a chunk: one time point, one channel, ``nbytes`` as equal along z, y, x as fits.

    The shortest axis is served first; what it cannot use is left to the others.
    """
    spatial = sorted((n, i) for i, n in enumerate(shape) if axes[i] not in "tc")
    chunk = [1] * len(shape)
    pixels = nbytes // itemsize
    for left, (extent, i) in zip(range(len(spatial), 0, -1), spatial, strict=True):
        side = pixels if left == 1 else round(pixels ** (1 / left))
        chunk[i] = max(1, min(extent, side))
        pixels //= chunk[i]
    return tuple(chunk)


class ChunkAssembler:
    """Put chunks together from tiles that come in any order from several threads.

    What a tile covers only in part waits in memory for the rest.

    Parameters
    ----------
    axes, shape, dtype
        The whole array.
    chunk
        Shape of the chunks; those at the far edges are cut off.

    Attributes
    ----------
    grid
        Number of chunks along each axis.
    count
        Number of chunks.
    row_bytes
        Bytes of a row of chunks at one time point: that much waits if tiles come by t, y, z, x.
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
        """Return the part of the array that a chunk covers."""
        return tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(index, self.chunk, self.shape, strict=True))

    def add(self, region: Region, values: NDArray) -> Iterator[tuple[Index, NDArray]]:
        """Take a tile, not to be changed afterwards; yield the index and the values of each chunk that it completes."""
        touched = (range(part.start // c, -(-part.stop // c)) for part, c in zip(region, self.chunk, strict=True))
        for index in product(*touched):
            inside, outside = zip(*self._overlap(index, region), strict=True)
            complete = self._fill(index, inside, values[outside])
            if complete is not None:
                yield index, complete

    def clear(self) -> None:
        """Forget the chunks that are not complete."""
        self._partial.clear()

    def _overlap(self, index: Index, region: Region) -> Iterator[tuple[slice, slice]]:
        """Yield, for each axis, where a chunk and a region meet: seen from the chunk, and from the region."""
        for i, c, part in zip(index, self.chunk, region, strict=True):
            start, stop = max(i * c, part.start), min((i + 1) * c, part.stop)
            yield slice(start - i * c, stop - i * c), slice(start - part.start, stop - part.start)

    def _fill(self, index: Index, inside: Region, values: NDArray) -> NDArray | None:
        """Return the chunk if these values complete it."""
        extents = tuple(part.stop - part.start for part in self.region(index))
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
    """Return a chunk that was cut off at the edge in its full shape, filled with 0."""
    if chunk.shape == shape:
        return chunk
    full = np.zeros(shape, chunk.dtype)
    full[tuple(slice(0, n) for n in chunk.shape)] = chunk
    return full


class InOrder(Generic[T]):
    """Hand items on by their position, whatever the order in which they come: equal content gives equal files.

    Parameters
    ----------
    axes
        Axes of the array.
    grid
        Number of chunks along each axis.
    """

    def __init__(self, axes: str, grid: tuple[int, ...]) -> None:
        self._grid = grid
        # About the order of the tiles, so that little waits.
        self._axes = [axes.index(key) for key in "tyzxc" if key in axes]
        self._waiting: dict[int, tuple[Index, T]] = {}
        self._next = 0

    def push(self, index: Index, item: T) -> Iterator[tuple[Index, T]]:
        """Take the item of a chunk and yield those whose turn it is. For one thread at a time."""
        position = 0
        for axis in self._axes:
            position = position * self._grid[axis] + index[axis]
        self._waiting[position] = index, item
        while self._next in self._waiting:
            yield self._waiting.pop(self._next)
            self._next += 1

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
