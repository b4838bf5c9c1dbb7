"""HDF5 files as ilastik writes them, from tiles that come in any order from several threads."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from math import prod

import h5py
import numpy as np
from imagecodecs import deflate_encode
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.export.chunks import chunk_shape
from napari_batch_prediction.export.files import make_folder, publish, remove, sync, temporary_path, why
from napari_batch_prediction.export.target import Target

GZIP_LEVEL = 1

# Chunks are stored in this order whatever the order of the tiles, so that equal content gives equal files.
_STORAGE_ORDER = "tyzxc"

Index = tuple[int, ...]
Stored = bytes | bytearray | NDArray


def _gzip(chunk: NDArray) -> bytes | bytearray:
    return deflate_encode(chunk, GZIP_LEVEL, raw=False)  # type: ignore[arg-type]  # any buffer will do


class Hdf5Writer:
    """Write one dataset, tile by tile, under a temporary name until :meth:`finish`.

    Each chunk of the file is compressed by the thread that completes it; only storing it is done one at a
    time. Chunks that a tile covers in part wait in memory for the rest.

    Parameters
    ----------
    target
        What is written, and where.
    compressed
        Compress with gzip, level 1.
    """

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.target = target
        self.compressed = compressed
        self.chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        self._grid = tuple(-(-n // c) for n, c in zip(target.shape, self.chunk, strict=True))
        self._storage_axes = [target.axes.index(key) for key in _STORAGE_ORDER if key in target.axes]
        self._temporary = temporary_path(target.path)
        self._lock = threading.Lock()
        self._file: h5py.File | None = None
        self._dataset: h5py.Dataset | None = None
        self._partial: dict[Index, tuple[NDArray, list[int]]] = {}
        self._waiting: dict[int, tuple[Index, Stored]] = {}
        self._stored = 0

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Parameters
        ----------
        region
            A slice with start and stop for each axis of the target.
        values
            The values, in the axes of the target; not to be changed afterwards.

        Raises
        ------
        ExportError
            If the file cannot be written.
        """
        chunks = (range(part.start // c, -(-part.stop // c)) for part, c in zip(region, self.chunk, strict=True))
        for index in product(*chunks):
            inside, outside = zip(*self._overlap(index, region), strict=True)
            buffer = self._fill(index, inside, values[outside])
            if buffer is not None:
                self._store(index, _gzip(buffer) if self.compressed else buffer)

    def _overlap(self, index: Index, region: tuple[slice, ...]) -> Iterator[tuple[slice, slice]]:
        """Yield, for each axis, where a chunk and a region meet: seen from the chunk, and from the region."""
        for i, c, part in zip(index, self.chunk, region, strict=True):
            start, stop = max(i * c, part.start), min((i + 1) * c, part.stop)
            yield slice(start - i * c, stop - i * c), slice(start - part.start, stop - part.start)

    def _fill(self, index: Index, inside: tuple[slice, ...], values: NDArray) -> NDArray | None:
        """Return the chunk if these values complete it."""
        pixels = prod(min(c, n - i * c) for i, c, n in zip(index, self.chunk, self.target.shape, strict=True))
        if values.size == pixels:
            if values.shape == self.chunk:
                return np.ascontiguousarray(values, self.target.dtype)
            # HDF5 stores chunks at the edge in full.
            buffer = np.zeros(self.chunk, self.target.dtype)
            buffer[inside] = values
            return buffer
        with self._lock:
            if index not in self._partial:
                self._partial[index] = np.zeros(self.chunk, self.target.dtype), [pixels]
            buffer, missing = self._partial[index]
        buffer[inside] = values
        with self._lock:
            missing[0] -= values.size
            return self._partial.pop(index)[0] if missing[0] == 0 else None

    def _store(self, index: Index, data: Stored) -> None:
        """Store a chunk, or keep it until those before it are stored."""
        position = 0
        for axis in self._storage_axes:
            position = position * self._grid[axis] + index[axis]
        with self._lock:
            self._waiting[position] = index, data
            try:
                dataset = self._open()
                while self._stored in self._waiting:
                    index, data = self._waiting.pop(self._stored)
                    offset = tuple(i * c for i, c in zip(index, self.chunk, strict=True))
                    dataset.id.write_direct_chunk(offset, data)
                    self._stored += 1
            except ExportError:
                raise
            except (OSError, RuntimeError) as error:
                raise ExportError(f"{self.target.path} cannot be written: {why(error)}") from error

    def _open(self) -> h5py.Dataset:
        if self._dataset is not None:
            return self._dataset
        target = self.target
        make_folder(target.path.parent)
        # Nobody else knows this file, and not every network drive has locks.
        self._file = h5py.File(self._temporary, "x", locking=False)
        dataset = self._file.create_dataset(
            target.internal_path,
            target.shape,
            target.dtype,
            chunks=self.chunk,
            compression=GZIP_LEVEL if self.compressed else None,
            fill_time="never",
            track_times=False,
        )
        spatial = [key for key in target.axes if key != "c"]
        dataset.attrs["axistags"] = axistags_to_json(target.axes, target.pixel_size)
        if target.units:
            dataset.attrs["axis_units"] = json.dumps({key: target.units.get(key, "") for key in spatial})
        if target.value_range is not None:
            dataset.attrs["drange"] = np.array(target.value_range).astype(target.dtype)
        dataset.attrs["display_mode"] = "grayscale"
        for dimension, key in zip(dataset.dims, target.axes, strict=True):
            dimension.label = key
        self._dataset = dataset
        return dataset

    def finish(self) -> None:
        """Give the whole file its name.

        Raises
        ------
        OutputExistsError
            If the name was taken meanwhile.
        ExportError
            If the file is not whole or cannot be written.
        """
        expected = prod(self._grid)
        if self._file is None or self._stored != expected:
            raise ExportError(f"{self.target.path} is not whole: {self._stored} of {expected} chunks came.")
        try:
            self._file.close()
            sync(self._temporary)
        except (OSError, RuntimeError) as error:
            raise ExportError(f"{self.target.path} cannot be written: {why(error)}") from error
        publish(self._temporary, self.target.path, replace=self.target.replace)

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        self._partial.clear()
        self._waiting.clear()
        if self._file is None:
            return
        # What cannot be written does not matter any more: the file goes.
        with suppress(OSError, RuntimeError):
            self._file.close()
        remove(self._temporary)
