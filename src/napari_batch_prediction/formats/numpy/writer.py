"""Writing NPY files from tiles in any order."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.files import writing
from napari_batch_prediction.formats.common.writer import AtomicWriter

# Least number of bytes for a write of its own.
_MIN_PIECE = 4096


class NpyFile:
    """A new NPY file, to write and read by region, for one thread at a time.

    The file is not mapped: on a full disk, a write to mapped memory kills the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._shape = shape
        self._dtype = dtype
        self._strides = [prod(shape[i + 1 :]) * dtype.itemsize for i in range(len(shape))]
        self._file: BinaryIO = path.open("xb+")
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        try:
            np.lib.format.write_array_header_1_0(self._file, header)
            self._start = self._file.tell()
            self._file.truncate(self._start + prod(shape) * dtype.itemsize)
        except OSError:
            self._file.close()
            raise

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region."""
        split, inner = self._split(region)
        for position, index in self._pieces(region, split):
            if all(s == slice(0, n) for s, n in zip(inner, self._shape[split + 1 :], strict=True)):
                piece = np.ascontiguousarray(values[index], self._dtype)
            else:
                piece = self._load(position, region[split], split)
                piece[:, *inner] = values[index]
            self._file.seek(position)
            self._file.write(piece.data)

    def read(self, region: tuple[slice, ...]) -> NDArray:
        """Return a region; 0 for values not yet written."""
        values = np.empty([s.stop - s.start for s in region], self._dtype)
        split, inner = self._split(region)
        for position, index in self._pieces(region, split):
            values[index] = self._load(position, region[split], split)[:, *inner]
        return values

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _split(self, region: tuple[slice, ...]) -> tuple[int, tuple[slice, ...]]:
        """Return the axis along which a piece of the file runs, and the region along the axes after it.

        The region covers these axes entirely, unless pieces would be short; then larger pieces are read, changed and
        written back.
        """
        partial = (i for i, (s, n) in enumerate(zip(region, self._shape, strict=True)) if s != slice(0, n))
        split = max(partial, default=0)
        while split > 0 and (region[split].stop - region[split].start) * self._strides[split] < _MIN_PIECE:
            split -= 1
        return split, region[split + 1 :]

    def _pieces(self, region: tuple[slice, ...], split: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the position in the file and the index in the region of each piece."""
        starts = [s.start for s in region[: split + 1]]
        start = self._start + sum(i * stride for i, stride in zip(starts, self._strides, strict=False))
        for index in np.ndindex(*(s.stop - s.start for s in region[:split])):
            yield start + sum(i * stride for i, stride in zip(index, self._strides, strict=False)), index

    def _load(self, position: int, extent: slice, split: int) -> NDArray:
        piece = np.empty((extent.stop - extent.start, *self._shape[split + 1 :]), self._dtype)
        self._file.seek(position)
        if self._file.readinto(piece.data) != piece.nbytes:  # type: ignore[attr-defined]
            raise OSError("the temporary file was cut off")
        return piece


class NumpyWriter(AtomicWriter):
    """Writes an NPY file, which stores no axes."""

    _file: NpyFile

    def _create(self) -> None:
        self._file = NpyFile(self._temporary, self.target.shape, self.target.dtype)
        self._releases.append(self._file.close)

    def _take(self, region: tuple[slice, ...], values: NDArray) -> int:
        with self._lock, writing(self.target.path):
            self._file.write(region, values)
        return values.size

    def held_bytes(self, n_rows: int = 1) -> int:
        """Return 0, since regions are written at once."""
        return 0
