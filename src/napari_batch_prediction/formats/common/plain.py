"""Regions of an array that stands in a file as it is in memory.

Read, not mapped: a mapped file that becomes shorter, or whose disk goes away, ends the whole process (SIGBUS).
"""

import threading
from itertools import product
from math import prod
from os import SEEK_END
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


def check_end(file_size: int, end: int) -> None:
    """Raise ValueError if something in the file ends at byte ``end``, but the file ends before."""
    if end > file_size:
        raise ValueError(f"the file is cut off: it should have {end:,} bytes at least, and has {file_size:,}")


class Readable(Protocol):
    """What is needed of an open file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; return where that is."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill a buffer; return how many bytes came."""


class PlainArray:
    """An array in a file.

    Parameters
    ----------
    file
        The file, open for reading; whoever opened it closes it.
    offset
        Where the array begins, in bytes.
    shape, dtype
        The array; any byte order.
    fortran
        The first axis is the one that is contiguous.

    Raises
    ------
    ValueError
        If the file ends before the array does.
    """

    def __init__(
        self, file: Readable, offset: int, shape: tuple[int, ...], dtype: np.dtype, *, fortran: bool = False
    ) -> None:
        check_end(file.seek(0, SEEK_END), offset + prod(shape) * dtype.itemsize)
        self.shape, self.dtype = shape, dtype
        self._stored, self._fortran = shape[::-1] if fortran else shape, fortran
        self._offset = offset
        self._file = file
        self._lock = threading.Lock()

    def __getitem__(self, region: tuple[slice, ...]) -> NDArray:
        """Return a region, one slice with start and stop for each axis; several threads may ask at once."""
        return self._piece(region[::-1]).T if self._fortran else self._piece(region)

    def _piece(self, region: tuple[slice, ...]) -> NDArray:
        # Along the axes from ``first`` on, what is wanted stands in one piece.
        first = len(self._stored) - 1
        while first > 0 and (region[first].start, region[first].stop) == (0, self._stored[first]):
            first -= 1
        steps = [prod(self._stored[axis + 1 :]) * self.dtype.itemsize for axis in range(len(self._stored))]
        wanted = tuple(part.stop - part.start for part in region)
        pixels = np.empty(wanted, self.dtype)
        pieces = pixels.reshape(prod(wanted[:first]), -1).view(np.uint8)
        starts = product(*(range(part.start, part.stop) for part in region[:first]))
        for piece, start in zip(pieces, starts, strict=True):
            place = sum(i * step for i, step in zip((*start, region[first].start), steps, strict=False))
            self._read(self._offset + place, piece.data)
        return pixels

    def _read(self, place: int, into: memoryview) -> None:
        with self._lock:
            self._file.seek(place)
            while into:
                n = self._file.readinto(into)
                if not n:
                    raise ValueError("the file has become shorter since it was opened")
                into = into[n:]
