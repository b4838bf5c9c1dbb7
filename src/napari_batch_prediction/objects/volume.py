"""One time point of an image, read and written part by part: in memory, or in a temporary file."""

import os
import tempfile
from collections.abc import Sequence
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.engine.tiles import Box


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

    def read(self, box: Box) -> NDArray:
        """Return the values ``(c, z, y, x)`` of a box, given by slices along z, y and x within the extents."""

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

    def read(self, box: Box) -> NDArray:
        """Return the values of a box, see :meth:`Volume.read`."""
        return self.values[(slice(None), *box)]

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box, see :meth:`Volume.write`."""
        self.values[(slice(None), *box)] = values


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
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        self._file.truncate(prod(self.shape) * self.dtype.itemsize)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def read(self, box: Box) -> NDArray:
        """Return the values of a box, see :meth:`Volume.read`."""
        values = np.empty((self.shape[0], *(s.stop - s.start for s in box)), self.dtype)
        for part, offset in self._runs(box, values):
            view = part.data.cast("B")
            done = os.preadv(self._file.fileno(), [view], offset)
            if done != len(view):
                raise OSError(f"A temporary file gave {done} of {len(view)} bytes.")
        return values

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box, see :meth:`Volume.write`."""
        shape = (self.shape[0], *(s.stop - s.start for s in box))
        values = np.ascontiguousarray(np.broadcast_to(values, shape), self.dtype)
        for part, offset in self._runs(box, values):
            view = part.data.cast("B")
            done = os.pwritev(self._file.fileno(), [view], offset)
            if done != len(view):
                raise OSError(f"A temporary file took {done} of {len(view)} bytes.")

    def _runs(self, box: Box, values: NDArray) -> "list[tuple[NDArray, int]]":
        """Return the parts of values that are in one piece in the file, each with its offset in bytes."""
        _, z, y, x = self.shape
        size = self.dtype.itemsize
        if values.size == 0:
            return []
        z0, y0, x0 = (s.start for s in box)
        whole_rows = values.shape[3] == x
        whole_slices = whole_rows and values.shape[2] == y
        runs = []
        for c in range(values.shape[0]):
            if whole_slices:
                runs.append((values[c], ((c * z + z0) * y + y0) * x * size))
                continue
            for k in range(values.shape[1]):
                start = (c * z + z0 + k) * y + y0
                if whole_rows:
                    runs.append((values[c, k], start * x * size))
                else:
                    runs.extend((values[c, k, r], ((start + r) * x + x0) * size) for r in range(values.shape[2]))
        return runs
