"""Reading regions of an array that a file stores uncompressed and in one piece.

The file is not mapped: if a mapped file is shortened or its disk is removed, the system ends the process (SIGBUS).
"""

import threading
from itertools import product
from math import prod
from os import SEEK_END
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


def check_end(file_size: int, end: int) -> None:
    """Raise ValueError if a file is shorter than ``end`` bytes."""
    if end > file_size:
        raise ValueError(f"the file is cut off: it should have {end:,} bytes at least, and has {file_size:,}")


class Readable(Protocol):
    """The needed methods of an open file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Change the position; return the new one."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read bytes into a buffer; return their number."""


class PlainArray:
    """An array in a file.

    Parameters
    ----------
    file
        The file, open for reading; the caller closes it.
    offset
        Start of the array, in bytes.
    shape, dtype
        Shape and type of the array, in any byte order.
    fortran
        True if the first axis is contiguous.

    Raises
    ------
    ValueError
        If the file ends before the array.
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
        """Return a region, one slice with start and stop for each axis; safe to call from several threads."""
        return self._piece(region[::-1]).T if self._fortran else self._piece(region)

    def _piece(self, region: tuple[slice, ...]) -> NDArray:
        # Along the axes from ``first`` on, the region is one piece of the file.
        first = len(self._stored) - 1
        while first > 0 and (region[first].start, region[first].stop) == (0, self._stored[first]):
            first -= 1
        steps = [prod(self._stored[axis + 1 :]) * self.dtype.itemsize for axis in range(len(self._stored))]
        shape = tuple(s.stop - s.start for s in region)
        pixels = np.empty(shape, self.dtype)
        pieces = pixels.reshape(prod(shape[:first]), -1).view(np.uint8)
        starts = product(*(range(s.start, s.stop) for s in region[:first]))
        for piece, start in zip(pieces, starts, strict=True):
            position = sum(i * step for i, step in zip((*start, region[first].start), steps, strict=False))
            self._read(self._offset + position, piece.data)
        return pixels

    def _read(self, position: int, buffer: memoryview) -> None:
        with self._lock:
            self._file.seek(position)
            while buffer:
                n = self._file.readinto(buffer)
                if not n:
                    raise ValueError("the file has become shorter since it was opened")
                buffer = buffer[n:]
