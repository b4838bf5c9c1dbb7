"""TIFF and OME-TIFF, compressed, from tiles that come in any order from several threads."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
from imagecodecs import deflate_encode
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents, reorder
from napari_batch_prediction.export import tiff_file
from napari_batch_prediction.export.chunks import ChunkAssembler, Index, InOrder, padded
from napari_batch_prediction.export.files import make_folder, not_whole, publish, remove, sync, temporary_path, writing
from napari_batch_prediction.export.target import Target
from napari_batch_prediction.export.tiff_file import Tag, TiffContainer, Value
from napari_batch_prediction.export.tiff_layout import in_tiles, segment_shape, stored_axes
from napari_batch_prediction.export.tiff_metadata import PROGRAM, description, ome_xml, resolution_tags

# Larger files are BigTIFF. What compression and directories may add to incompressible values stays below 4 GB.
MAX_CLASSIC = 3_900_000_000

# No predictor: it makes files with probabilities twice as large, and few programs know the one for floats.
LEVEL = 4
_DEFLATE = 8
_MIN_IS_BLACK, _RGB = 1, 2
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}


class TiffWriter:
    """Write one TIFF file, tile by tile, under a temporary name until :meth:`finish`.

    Parameters
    ----------
    target
        What is written, and where.
    ome
        Write OME-TIFF: a page for each time point, z and channel. Else one page, channels as samples.
    """

    def __init__(self, target: Target, *, ome: bool) -> None:
        self.target = target
        self.paths: tuple[Path, ...] = (target.path,)
        self._ome = ome
        self._axes = stored_axes(target.axes, target.shape, ome=ome)
        known = extents(target.axes, target.shape)
        self._shape = tuple(known[key] for key in self._axes)
        self._rows, self._columns = tuple(self._axes.replace("c", "")[-2:])
        self._samples = 1 if ome else known["c"]
        plane = known[self._rows], known[self._columns], target.dtype.itemsize * self._samples
        segment = segment_shape(*plane)
        self._tiled = in_tiles(*plane)
        self._chunk = (1, 1, 1, *segment) if ome else (*segment, self._samples)
        self._chunks = ChunkAssembler(self._shape, self._chunk, target.dtype.newbyteorder("<"))
        self._order: InOrder[bytes | bytearray] = InOrder(self._axes, self._chunks.grid)
        self._places: dict[Index, tuple[int, int]] = {}
        self._temporary = temporary_path(target.path)
        self._lock = threading.Lock()
        self._file: TiffContainer | None = None

    def write(self, region: tuple[slice, ...], values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Raises
        ------
        ExportError
            If the file cannot be written.
        """
        known = dict(zip(self.target.axes, region, strict=True))
        stored = tuple(known.get(key, slice(0, 1)) for key in self._axes)
        for index, segment in self._chunks.add(stored, reorder(values, self.target.axes, self._axes)):
            # Tiles are stored in full, strips are not.
            whole = padded(segment, self._chunk) if self._tiled else segment
            data = deflate_encode(np.ascontiguousarray(whole), LEVEL, raw=False)  # type: ignore[arg-type]
            with self._lock, writing(self.target.path):
                file = self._open()
                for place, item in self._order.push(index, data):
                    self._places[place] = file.append(item), len(item)

    def _open(self) -> TiffContainer:
        if self._file is None:
            make_folder(self.target.path.parent)
            big = prod(self._shape) * self.target.dtype.itemsize > MAX_CLASSIC
            self._file = TiffContainer(self._temporary, big=big)
        return self._file

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
            for tags in self._pages():
                self._file.add_page(tags)
            self._file.close()
            sync(self._temporary)
        publish(self._temporary, self.target.path, replace=self.target.replace)

    def _pages(self) -> Iterator[dict[Tag, Value]]:
        """Yield the tags of each page."""
        shared = self._shared_tags()
        text = ome_xml(self.target, self._shape) if self._ome else description(self.target)
        first: dict[Tag, Value] = {tiff_file.SOFTWARE: PROGRAM.encode()}
        if text:
            first[tiff_file.DESCRIPTION] = text
        offsets, counts = (
            (tiff_file.TILE_OFFSETS, tiff_file.TILE_BYTE_COUNTS)
            if self._tiled
            else (tiff_file.STRIP_OFFSETS, tiff_file.STRIP_BYTE_COUNTS)
        )
        grid = [range(n) for n in self._chunks.grid]
        n_page_axes = len(grid) - len(self._axes.partition(self._rows)[2]) - 1
        for page in product(*grid[:n_page_axes]):
            places = [self._places[page + segment] for segment in product(*grid[n_page_axes:])]
            yield {**shared, **first, offsets: [a for a, _ in places], counts: [n for _, n in places]}
            first = {}

    def _shared_tags(self) -> dict[Tag, Value]:
        known = dict(zip(self._axes, self._shape, strict=True))
        dtype, samples = self.target.dtype, self._samples
        rgb = samples == 3
        tags: dict[Tag, Value] = {
            tiff_file.WIDTH: known[self._columns],
            tiff_file.LENGTH: known[self._rows],
            tiff_file.BITS_PER_SAMPLE: [8 * dtype.itemsize] * samples,
            tiff_file.COMPRESSION: _DEFLATE,
            tiff_file.PHOTOMETRIC: _RGB if rgb else _MIN_IS_BLACK,
            tiff_file.SAMPLES_PER_PIXEL: samples,
            tiff_file.PLANAR_CONFIGURATION: 1,
            tiff_file.SAMPLE_FORMAT: [_SAMPLE_FORMATS[dtype.kind]] * samples,
            **resolution_tags(self.target, self._rows, self._columns),
        }
        if samples > 1 and not rgb:
            tags[tiff_file.EXTRA_SAMPLES] = [0] * (samples - 1)
        rows, columns = self._chunk[-2:] if self._ome else self._chunk[:2]
        if self._tiled:
            tags |= {tiff_file.TILE_WIDTH: columns, tiff_file.TILE_LENGTH: rows}
        else:
            tags[tiff_file.ROWS_PER_STRIP] = rows
        return tags

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        self._chunks.clear()
        self._order.clear()
        if self._file is not None:
            with suppress(OSError):  # what cannot be written does not matter any more
                self._file.close()
        remove(self._temporary)
