"""Writing HDF5 files, as ilastik does, from tiles in any order."""

from pathlib import Path

import h5py
from imagecodecs import deflate_encode
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.chunks import ChunkAssembler, Index, InOrder, chunk_shape, padded
from napari_batch_prediction.formats.common.ilastik import ilastik_attributes
from napari_batch_prediction.formats.common.target import GZIP_LEVEL, Target
from napari_batch_prediction.formats.common.writer import ChunkWriter


def _gzip(chunk: NDArray) -> bytes | bytearray:
    return deflate_encode(chunk, GZIP_LEVEL, raw=False)  # type: ignore[arg-type]  # any buffer will do


def _copy_others(path: Path, into: h5py.File, name: str) -> None:
    """Copy what an HDF5 file holds, but for one dataset; nothing of what is no HDF5 file."""
    if not (path.is_file() and h5py.is_hdf5(path)):
        return
    with h5py.File(path, locking=False) as source:
        for other in source:
            link = source.get(other, getlink=True)
            if isinstance(link, h5py.HardLink):
                source.copy(other, into)
            else:
                into[other] = link  # it may lead nowhere
    if name in into:
        del into[name]


class Hdf5Writer(ChunkWriter[ChunkAssembler]):
    """Writes one dataset.

    The thread that completes a chunk compresses it; chunks are stored one at a time.

    Parameters
    ----------
    target
        The output.
    compressed
        True to compress with gzip, level 1; the target's compression overrides it.
    """

    _dataset: h5py.Dataset

    def __init__(self, target: Target, *, compressed: bool) -> None:
        self.compressed = target.compression == "gzip" if target.compression else compressed
        chunk = chunk_shape(target.axes, target.shape, target.dtype.itemsize)
        super().__init__(target, ChunkAssembler(target.axes, target.shape, chunk, target.dtype))
        self._order: InOrder[bytes | bytearray | NDArray] = InOrder(target.axes, self._chunks.grid)
        self._releases.append(self._order.clear)

    def _create(self) -> None:
        target = self.target
        # No lock is needed for a temporary file, and some network drives have none.
        file = h5py.File(self._temporary, "x", locking=False)
        self._releases.append(file.close)
        if target.keep_others and target.replace:
            _copy_others(target.path, file, target.internal_path)
        self._dataset = file.create_dataset(
            target.internal_path,
            target.shape,
            target.dtype,
            chunks=self._chunks.chunk,
            compression=GZIP_LEVEL if self.compressed else None,
            fill_time="never",
            track_times=False,
        )
        for name, value in {**ilastik_attributes(target), **target.metadata}.items():
            self._dataset.attrs[name] = value
        for dimension, key in zip(self._dataset.dims, target.axes, strict=True):
            dimension.label = key

    def _store(self, index: Index, chunk: NDArray) -> None:
        # HDF5 stores chunks at the edge in full shape.
        chunk = padded(chunk, self._chunks.chunk)
        data = _gzip(chunk) if self.compressed else chunk
        with self._lock:
            for next_index, item in self._order.push(index, data):
                offset = tuple(s.start for s in self._chunks.region(next_index))
                self._dataset.id.write_direct_chunk(offset, item)
