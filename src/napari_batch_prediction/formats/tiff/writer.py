"""TIFF and OME-TIFF by tifffile, compressed, from tiles that come in any order from several threads."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import tifffile
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents, reorder
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, Index, padded
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
from napari_batch_prediction.formats.format import PROGRAM
from napari_batch_prediction.formats.tiff.codecs import CODECS
from napari_batch_prediction.formats.tiff.layout import in_tiles, segment_shape, stored_axes
from napari_batch_prediction.formats.tiff.writer_metadata import description, ome_xml, resolution

# Larger files are BigTIFF. What compression and directories may add to incompressible values stays below 4 GB.
MAX_CLASSIC = 3_900_000_000


class TiffWriter:
    """Write one TIFF file under a temporary name, and give it its own in :meth:`finish`.

    tifffile takes strips and tiles in the order of pages, in which those of many channels or slices would have to
    wait in memory for nearly the whole image. They wait compressed in a second temporary file instead.

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
        self._codec = CODECS[target.compression or "gzip"]
        self._samples = 1 if ome else known["c"]
        plane = known[self._rows], known[self._columns], target.dtype.itemsize * self._samples
        self._segment = segment_shape(*plane)
        self._tiled = in_tiles(*plane)
        self._chunk = (1, 1, 1, *self._segment) if ome else (*self._segment, self._samples)
        self._chunks = ChunkAssembler(self._shape, self._chunk, target.dtype.newbyteorder("<"))
        self._temporary, self._waiting = temporary_path(target.path), temporary_path(target.path)
        self._places: dict[Index, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._segments: BinaryIO | None = None

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
            data = self._codec.encode(whole)
            with self._lock, writing(self.target.path):
                if self._segments is None:
                    make_folder(self.target.path.parent)
                    self._segments = self._waiting.open("xb+")
                self._places[index] = self._segments.tell(), len(data)
                self._segments.write(data)

    def finish(self) -> None:
        """Give the whole file its name.

        Raises
        ------
        OutputExistsError
            If the name was taken meanwhile.
        ExportError
            If the file is not whole or cannot be written.
        """
        expected = prod(self._chunks.grid)
        if self._segments is None or len(self._places) != expected:
            raise not_whole(self.target.path, len(self._places), expected)
        big = prod(self._shape) * self.target.dtype.itemsize > MAX_CLASSIC
        with writing(self.target.path):
            with tifffile.TiffWriter(self._temporary, mode="x", bigtiff=big, byteorder="<", ome=False) as file:
                file.write(self._in_order(self._segments), **self._layout(), **self._facts())
            self._segments.close()
            sync(self._temporary)
        remove(self._waiting)
        publish(self._temporary, self.target.path, replace=self.target.replace)

    def _in_order(self, segments: BinaryIO) -> Iterator[bytes]:
        """Yield the compressed strips or tiles as tifffile takes them: page by page, row by row."""
        for index in product(*map(range, self._chunks.grid)):
            place, n_bytes = self._places[index]
            segments.seek(place)
            yield segments.read(n_bytes)

    def _layout(self) -> dict[str, Any]:
        samples = self._samples
        layout: dict[str, Any] = {
            "shape": self._shape if self._ome or samples > 1 else self._shape[:2],
            "dtype": self.target.dtype,
            "compression": self._codec.name,
            "photometric": "rgb" if samples == 3 else "minisblack",
        }
        if samples > 1:
            layout["planarconfig"] = "contig"
            layout["extrasamples"] = () if samples == 3 else (0,) * (samples - 1)
        return layout | ({"tile": self._segment} if self._tiled else {"rowsperstrip": self._segment[0]})

    def _facts(self) -> dict[str, Any]:
        pixels, unit = resolution(self.target, self._rows, self._columns)
        return {
            "description": ome_xml(self.target, self._shape) if self._ome else description(self.target),
            "metadata": None,  # nothing of tifffile's own
            "software": PROGRAM,
            "resolution": pixels,
            "resolutionunit": unit,
        }

    def abort(self) -> None:
        """Remove what was written; nothing happens if there is nothing."""
        self._chunks.clear()
        if self._segments is not None:
            with suppress(OSError):  # what cannot be written does not matter any more
                self._segments.close()
        remove(self._waiting)
        remove(self._temporary)
