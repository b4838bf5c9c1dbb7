"""OME-Zarr, from tiles that come in any order from several threads."""

import threading
from math import prod
from pathlib import Path

import zarr
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents, reorder
from napari_batch_prediction.formats.common.chunks import ChunkAssembler
from napari_batch_prediction.formats.common.files import (
    make_folder,
    not_whole,
    publish_folder,
    remove,
    restore_folder,
    sync_folder,
    temporary_path,
    writing,
)
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.codecs import codec
from napari_batch_prediction.formats.zarr.labels import register
from napari_batch_prediction.formats.zarr.pyramid import Halver, level_shapes, zarr_chunk
from napari_batch_prediction.formats.zarr.writer_metadata import AXES, attributes


class OmeZarrWriter:
    """Write one OME-Zarr image, tile by tile, under a temporary name until :meth:`finish`.

    Axes are always ``t c z y x``. Each chunk is compressed, stored, and added to the next level of the pyramid by
    the thread that completes it.

    Parameters
    ----------
    target
        What is written, and where.
    multiscale
        Also write the image at half, a quarter, ... of its resolution, until it fits in one chunk.
    """

    def __init__(self, target: Target, *, multiscale: bool) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        known = extents(target.axes, target.shape)
        shape = tuple(known[key] for key in AXES)
        itemsize = target.dtype.itemsize
        shapes = level_shapes(shape, itemsize) if multiscale else [shape]
        self._levels = [ChunkAssembler(s, zarr_chunk(AXES, s, itemsize), target.dtype) for s in shapes]
        self._halvers = [Halver(s, nearest=target.is_labels) for s in shapes[:-1]]
        self._temporary = temporary_path(target.path)
        self._lock = threading.Lock()
        self._arrays: list[zarr.Array] = []
        self._expected = sum(prod(level.grid) for level in self._levels)
        self._stored = 0

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the files cannot be written.
        """
        known = dict(zip(self.target.axes, region, strict=True))
        with self._lock, writing(self.target.path):
            if not self._arrays:
                self._open()
        self._add(0, tuple(known.get(key, slice(0, 1)) for key in AXES), reorder(values, self.target.axes, AXES))

    def _add(self, level: int, region: tuple[slice, ...], values: NDArray) -> None:
        chunks = self._levels[level]
        for index, chunk in chunks.add(region, values):
            place = chunks.region(index)
            with writing(self.target.path):
                self._arrays[level][place] = chunk
            with self._lock:
                self._stored += 1
            if level < len(self._halvers):
                halver = self._halvers[level]
                self._add(level + 1, halver.region(place), halver.values(chunk))

    def _open(self) -> None:
        target = self.target
        make_folder(target.path.parent)
        restore_folder(target.path)
        v2 = target.ome_zarr_version == "0.4"
        facts = attributes(target, [level.shape for level in self._levels])
        root = zarr.create_group(str(self._temporary), zarr_format=2 if v2 else 3, attributes=facts)
        arrays = []
        for i, level in enumerate(self._levels):
            array = root.create_array(
                f"s{i}",
                shape=level.shape,
                dtype=target.dtype,
                chunks=level.chunk,
                compressors=codec(target.compression or "blosc", target.ome_zarr_version),
                fill_value=0,
                chunk_key_encoding={"name": "v2" if v2 else "default", "separator": "/"},
                dimension_names=None if v2 else list(AXES),
            )
            arrays.append(array)
        self._arrays = arrays

    def finish(self) -> None:
        """Give the whole folder its name.

        Raises
        ------
        OutputExistsError
            If the name was taken meanwhile.
        ExportError
            If the image is not whole or cannot be written.
        """
        if self._stored != self._expected:
            raise not_whole(self.target.path, self._stored, self._expected)
        with writing(self.target.path):
            sync_folder(self._temporary)
        publish_folder(self._temporary, self.target.path, replace=self.target.replace)
        if self.target.in_image:
            register(self.target.path)

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        for level in self._levels:
            level.clear()
        remove(self._temporary)
