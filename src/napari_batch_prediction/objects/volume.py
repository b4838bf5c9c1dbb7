"""One time point of an image, read and written part by part: in memory, or in a temporary file."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import ExportError

_ALL = slice(None)

# Linux takes 2 GiB less 4 KiB in one call, and macOS less than 2 GiB.
_MOST_BYTES = 2**30


class Volume(Protocol):
    """Values ``(c, z, y, x)`` of one time point.

    Attributes
    ----------
    shape
        Extents along c, z, y and x.
    dtype
        Type of the values.
    """

    shape: tuple[int, int, int, int]
    dtype: np.dtype

    def read(self, box: Box, channels: slice = _ALL) -> NDArray:
        """Return the values ``(c, z, y, x)`` of a box, given by slices along z, y and x within the extents.

        They are not to be changed. Several threads may read and write at once.
        """

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values ``(c, z, y, x)`` of a box; boxes that do not overlap may be written by several threads."""


class ArrayVolume:
    """A volume in memory.

    Parameters
    ----------
    values
        Values ``(c, z, y, x)``, which are not copied.
    """

    def __init__(self, values: NDArray) -> None:
        c, z, y, x = values.shape
        self.shape = (c, z, y, x)
        self.dtype = values.dtype
        self.values = values

    def read(self, box: Box, channels: slice = _ALL) -> NDArray:
        """Return the values of a box, see :meth:`Volume.read`."""
        return self.values[(channels, *box)]

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box, see :meth:`Volume.write`."""
        self.values[(_ALL, *box)] = values


class ScratchVolume:
    """A volume in a temporary file that goes with the process; its values are 0 at first.

    The file is read and written, not mapped, so that its pages do not count as memory of the process.

    Parameters
    ----------
    shape
        Extents along c, z, y and x.
    dtype
        Type of the values.
    folder
        The folder that has room for the file; the system's for temporary files if None.
    """

    def __init__(self, shape: Sequence[int], dtype: DTypeLike, folder: Path | None = None) -> None:
        c, z, y, x = shape
        self.shape = (c, z, y, x)
        self.dtype = np.dtype(dtype)
        # Without a buffer, what one thread writes is there for the others.
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - closed by close
        self._file.truncate(prod(self.shape) * self.dtype.itemsize)
        # Windows reads and writes only at the place where the file is, which is one for all threads.
        self._turn = None if hasattr(os, "preadv") and hasattr(os, "pwritev") else Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def read(self, box: Box, channels: slice = _ALL) -> NDArray:
        """Return the values of a box, see :meth:`Volume.read`."""
        numbers = range(*channels.indices(self.shape[0]))
        values = np.empty((len(numbers), *(part.stop - part.start for part in box)), self.dtype)
        for part, offset in self._runs(box, numbers, values):
            view = part.data.cast("B")
            while view:
                done = self._read(view[:_MOST_BYTES], offset)
                if done == 0:
                    raise ExportError("A temporary file is shorter than what was written into it.")
                view, offset = view[done:], offset + done
        return values

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box, see :meth:`Volume.write`."""
        shape = (self.shape[0], *(part.stop - part.start for part in box))
        values = np.ascontiguousarray(np.broadcast_to(values, shape), self.dtype)
        for part, offset in self._runs(box, range(self.shape[0]), values):
            view = part.data.cast("B")
            while view:
                done = self._write(view[:_MOST_BYTES], offset)
                view, offset = view[done:], offset + done

    def _read(self, view: memoryview, offset: int) -> int:
        if self._turn is None:
            return os.preadv(self._file.fileno(), [view], offset)
        with self._turn:
            self._file.seek(offset)
            return self._file.readinto(view) or 0

    def _write(self, view: memoryview, offset: int) -> int:
        if self._turn is None:
            return os.pwritev(self._file.fileno(), [view], offset)
        with self._turn:
            self._file.seek(offset)
            return self._file.write(view)

    def _runs(self, box: Box, channels: range, values: NDArray) -> Iterator[tuple[NDArray, int]]:
        """Yield the parts of values that are in one piece in the file, each with its offset in bytes."""
        _, z, y, x = self.shape
        size = self.dtype.itemsize
        if values.size == 0:
            return
        z0, y0, x0 = (part.start for part in box)
        whole_rows = values.shape[3] == x
        whole_slices = whole_rows and values.shape[2] == y
        for i, c in enumerate(channels):
            if whole_slices:
                yield values[i], ((c * z + z0) * y + y0) * x * size
                continue
            for k in range(values.shape[1]):
                start = (c * z + z0 + k) * y + y0
                if whole_rows:
                    yield values[i, k], start * x * size
                else:
                    yield from ((values[i, k, r], ((start + r) * x + x0) * size) for r in range(values.shape[2]))


class ScaledVolume:
    """A volume of which a range of values is brought to 0 to 1, as float32; it is only read.

    Parameters
    ----------
    volume
        The volume.
    lowest, highest
        The values that become 0 and 1.
    """

    def __init__(self, volume: Volume, lowest: float, highest: float) -> None:
        self.shape = volume.shape
        self.dtype: np.dtype = np.dtype(np.float32)
        self._volume, self._lowest, self._width = volume, np.float32(lowest), np.float32(highest - lowest)

    def read(self, box: Box, channels: slice = _ALL) -> NDArray:
        """Return the values of a box, see :meth:`Volume.read`."""
        values = self._volume.read(box, channels).astype(np.float32)
        values -= self._lowest
        values /= self._width
        return values

    def write(self, box: Box, values: NDArray) -> None:
        """Refuse to store values."""
        raise TypeError("a scaled volume is only read")


def close_volume(volume: Volume) -> None:
    """Remove the temporary file of a volume, if it has one."""
    close = getattr(volume, "close", None)
    if close is not None:
        close()


def probabilities_of(volume: Volume, value_range: tuple[float, float] | None = None) -> Volume:
    """Return a volume of probabilities from 0 to 1, as ilastik takes it.

    Parameters
    ----------
    volume
        Probabilities as they are stored.
    value_range
        The stored values that stand for 0 and 1; if they are not known, None: 0 and 255 for uint8, and no others.
    """
    if value_range is None and volume.dtype == np.uint8:
        value_range = (0.0, 255.0)
    return volume if value_range in (None, (0.0, 1.0)) else ScaledVolume(volume, *value_range)
