"""Chunks of arrays that are read: tiny ones are refused, large ones read one at a time, and the last one kept.

A chunk is decoded as a whole, even for one pixel of it. Of small chunks a region needs few more pixels than it has; an
array in one chunk would be decoded as a whole by every thread for every tile.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Decoding

LARGE = 2**24
"""Chunks of more bytes are large."""
_TINY = 64
_MOST_TINY = 2**20


def check_chunk(location: str, shape: Sequence[int], chunk: Sequence[int]) -> None:
    """Refuse a shape of chunks with which an array could not be read, or not within days.

    Parameters
    ----------
    location
        The array, for messages.
    shape, chunk
        The shapes of the array and of its chunks.

    Raises
    ------
    ImageReadError
        If chunks have an extent below 1, or there are over a million chunks of fewer than 64 values each: a single
        tile would take hundreds of thousands of them.
    """
    if min(chunk, default=1) < 1:
        raise ImageReadError(f"'{location}' is damaged: its chunks have the shape {tuple(chunk)}. Write it again.")
    number = prod(-(-n // size) for n, size in zip(shape, chunk, strict=True))
    if prod(chunk) < _TINY and number > _MOST_TINY:
        raise ImageReadError(
            f"'{location}' is stored in {number} chunks of the shape {tuple(chunk)}, which would take days to read. "
            f"Write it again in chunks of at least {_TINY} values each."
        )


class LargeChunks:
    """An array in large chunks; safe to use from several threads.

    Parameters
    ----------
    read
        Reads a region, given a slice with start and stop for each axis.
    shape, chunk
        The shapes of the array and of its chunks.
    dtype
        The type of the values.
    """

    def __init__(
        self,
        read: Callable[[tuple[slice, ...]], NDArray],
        shape: Sequence[int],
        chunk: Sequence[int],
        dtype: np.dtype,
    ) -> None:
        self._read, self._shape, self._dtype = read, tuple(shape), dtype
        self._chunk = tuple(min(pair) for pair in zip(shape, chunk, strict=True))
        self._stored = prod(chunk) * dtype.itemsize
        self._lock = threading.Lock()
        self._last: tuple[tuple[int, ...], NDArray] | None = None

    @property
    def decoding(self) -> Decoding:
        """One chunk is kept, and one decoded at a time: the chunk in the file may be larger than the array."""
        # While one is decoded, the one before is dropped; its compressed bytes are no more than itself.
        return Decoding(kept=prod(self._chunk) * self._dtype.itemsize, once=2 * self._stored)

    def read(self, region: tuple[slice, ...]) -> NDArray:
        """Return a region, as a new array."""
        values = np.empty(tuple(s.stop - s.start for s in region), self._dtype)
        ranges = [range(s.start // n, -(-s.stop // n)) for s, n in zip(region, self._chunk, strict=True)]
        for index in product(*ranges):
            starts = [i * n for i, n in zip(index, self._chunk, strict=True)]
            with self._lock:
                chunk = self._get(index, starts)
                ends = [start + n for start, n in zip(starts, chunk.shape, strict=True)]
                overlap = [
                    slice(max(s.start, start), min(s.stop, end))
                    for s, start, end in zip(region, starts, ends, strict=True)
                ]
                values[_relative(overlap, [s.start for s in region])] = chunk[_relative(overlap, starts)]
        return values

    def clear(self) -> None:
        """Drop the kept chunk."""
        self._last = None

    def _get(self, index: tuple[int, ...], starts: Sequence[int]) -> NDArray:
        if self._last is None or self._last[0] != index:
            self._last = None
            ends = (min(start + n, most) for start, n, most in zip(starts, self._chunk, self._shape, strict=True))
            self._last = index, self._read(tuple(map(slice, starts, ends)))
        return self._last[1]


def _relative(region: Sequence[slice], origin: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(s.start - start, s.stop - start) for s, start in zip(region, origin, strict=True))
