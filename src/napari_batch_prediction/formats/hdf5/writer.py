"""HDF5 files as ilastik writes them, from tiles that come in any order from several threads."""

import json
import threading
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
from imagecodecs import deflate_encode
from numpy.typing import NDArray

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, InOrder, chunk_shape, padded
from napari_batch_prediction.formats.common.files import (
    make_folder,
    not_whole,
    publish,
    remove,
    sync,
    temporary_path,
    writing,
)
from napari_batch_prediction.formats.common.target import Target

GZIP_LEVEL = 1


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
        Compress with gzip, level 1, unless the target says otherwise.
    """

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        self.compressed = target.compression == "gzip" if target.compression else compressed
        chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        self._chunks = ChunkAssembler(target.shape, chunk, target.dtype)
        self._order: InOrder[bytes | bytearray | NDArray] = InOrder(target.axes, self._chunks.grid)
        self._temporary = temporary_path(target.path)
        self._lock = threading.Lock()
        self._file: h5py.File | None = None
        self._dataset: h5py.Dataset | None = None

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
        for index, values_of_chunk in self._chunks.add(region, values):
            # HDF5 stores chunks at the edge in full.
            chunk = padded(values_of_chunk, self._chunks.chunk)
            data = _gzip(chunk) if self.compressed else chunk
            with self._lock, writing(self.target.path):
                dataset = self._open()
                for place, item in self._order.push(index, data):
                    offset = tuple(part.start for part in self._chunks.region(place))
                    dataset.id.write_direct_chunk(offset, item)

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
            chunks=self._chunks.chunk,
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
        for name, text in target.metadata.items():
            dataset.attrs[name] = text
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
        if self._file is None or not self._order.complete:
            raise not_whole(self.target.path, self._order.count, self._order.expected)
        with writing(self.target.path):
            self._file.close()
            sync(self._temporary)
        publish(self._temporary, self.target.path, replace=self.target.replace)

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        self._chunks.clear()
        self._order.clear()
        if self._file is not None:
            # What cannot be written does not matter any more: the file goes.
            with suppress(OSError, RuntimeError):
                self._file.close()
        remove(self._temporary)
