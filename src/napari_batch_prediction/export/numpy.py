"""NPY files, from tiles that come in any order from several threads."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.export.files import (
    make_folder,
    not_whole,
    publish,
    remove,
    sync,
    temporary_path,
    writing,
)
from napari_batch_prediction.export.target import Target


class NpyFile:
    """A new NPY file of which regions are written and read, for one thread at a time.

    Not mapped into memory: on a full disk, a write to mapped memory kills the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._shape = shape
        self._dtype = dtype
        self._strides = [prod(shape[i + 1 :]) * dtype.itemsize for i in range(len(shape))]
        self._file: BinaryIO = path.open("xb+")
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region."""
        values = np.ascontiguousarray(values, self._dtype)
        for position, index in self._runs(region):
            self._file.seek(position)
            self._file.write(values[index].data)

    def read(self, region: tuple[slice, ...]) -> NDArray:
        """Return a region that was written."""
        values = np.empty([part.stop - part.start for part in region], self._dtype)
        for position, index in self._runs(region):
            self._file.seek(position)
            if self._file.readinto(values[index].data) != values[index].nbytes:  # type: ignore[attr-defined]
                raise OSError("a part that was written is missing")
        return values

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _runs(self, region: tuple[slice, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield position in the file, and index within the region, of each piece without a gap."""
        whole = [part == slice(0, n) for part, n in zip(region, self._shape, strict=True)]
        split = max((i for i, all_of_it in enumerate(whole) if not all_of_it), default=0)
        start = self._start + sum(part.start * stride for part, stride in zip(region, self._strides, strict=True))
        for index in np.ndindex(*(part.stop - part.start for part in region[:split])):
            yield start + sum(i * stride for i, stride in zip(index, self._strides, strict=False)), index


class NumpyWriter:
    """Write an NPY file under a temporary name until :meth:`finish`. It holds values only, no axes."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        self._temporary = temporary_path(target.path)
        self._lock = threading.Lock()
        self._file: NpyFile | None = None
        self._came = 0

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the file cannot be written.
        """
        with self._lock, writing(self.target.path):
            if self._file is None:
                make_folder(self.target.path.parent)
                self._file = NpyFile(self._temporary, self.target.shape, self.target.dtype)
            self._file.write(region, values)
            self._came += values.size

    def finish(self) -> None:
        """Give the whole file its name.

        Raises
        ------
        OutputExistsError
            If the name was taken meanwhile.
        ExportError
            If the file is not whole or cannot be written.
        """
        expected = prod(self.target.shape)
        if self._file is None or self._came != expected:
            raise not_whole(self.target.path, self._came, expected, "values")
        with writing(self.target.path):
            self._file.close()
            sync(self._temporary)
        publish(self._temporary, self.target.path, replace=self.target.replace)

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        if self._file is not None:
            with suppress(OSError):  # what cannot be written does not matter any more
                self._file.close()
            remove(self._temporary)
