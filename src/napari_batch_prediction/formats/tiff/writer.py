"""Writing compressed TIFF and OME-TIFF, by tifffile, from tiles in any order."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, BinaryIO

import tifffile
from numpy.typing import NDArray

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.formats.common.chunks import ChunkAssembler, Index, padded
from napari_batch_prediction.formats.common.files import remove, temporary_path
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import ChunkWriter
from napari_batch_prediction.formats.tiff.codecs import CODECS
from napari_batch_prediction.formats.tiff.layout import TiffLayout
from napari_batch_prediction.formats.tiff.metadata import description, ome_xml, resolution

# Larger files are BigTIFF. The limit leaves room for directories and for data that grow when compressed.
MAX_CLASSIC = 3_900_000_000


class TiffWriter(ChunkWriter[ChunkAssembler]):
    """Writes one TIFF file.

    tifffile takes strips and tiles page by page, so that with many channels or slices nearly the whole image would wait
    in memory. Instead, they wait compressed in a second temporary file.

    Parameters
    ----------
    target
        The output.
    ome
        True for OME-TIFF, with a page for each time point, z and channel; else one page, with channels as samples.
    """

    _segments: BinaryIO

    def __init__(self, target: Target, *, ome: bool) -> None:
        layout = TiffLayout.of(target.axes, target.shape, target.dtype.itemsize, ome=ome)
        chunks = ChunkAssembler(layout.axes, layout.shape, layout.chunk, target.dtype.newbyteorder("<"))
        super().__init__(target, chunks)
        self._ome = ome
        self._layout = layout
        self._codec = CODECS[target.compression or "gzip"]
        self._waiting = temporary_path(target.path, target.token)
        self._temporaries.append(self._waiting)
        self._segment_ranges: dict[Index, tuple[int, int]] = {}

    def _create(self) -> None:
        self._segments = self._waiting.open("xb+")
        self._releases.append(self._segments.close)

    def _store(self, index: Index, chunk: NDArray) -> None:
        # Tiles at the edge are stored in full shape, strips are not.
        data = self._codec.encode(padded(chunk, self._layout.chunk) if self._layout.tiled else chunk)
        with self._lock:
            self._segment_ranges[index] = self._segments.tell(), len(data)
            self._segments.write(data)

    def _seal(self) -> None:
        big = prod(self._layout.shape) * self.target.dtype.itemsize > MAX_CLASSIC
        with tifffile.TiffWriter(self._temporary, mode="x", bigtiff=big, byteorder="<", ome=False) as file:
            file.write(self._in_order(), **self._page(), **self._facts())
        super()._seal()
        remove(self._waiting)

    def _in_order(self) -> Iterator[bytes]:
        """Yield the compressed strips or tiles in tifffile's order: page by page, row by row."""
        for index in product(*map(range, self._chunks.grid)):
            start, n_bytes = self._segment_ranges[index]
            self._segments.seek(start)
            yield self._segments.read(n_bytes)

    def _page(self) -> dict[str, Any]:
        layout, samples = self._layout, self._layout.samples
        page: dict[str, Any] = {
            "shape": layout.shape if self._ome or samples > 1 else layout.shape[:2],
            "dtype": self.target.dtype,
            "compression": self._codec.name,
            "photometric": "rgb" if samples == 3 else "minisblack",
        }
        if samples > 1:
            page["planarconfig"] = "contig"
            page["extrasamples"] = () if samples == 3 else (0,) * (samples - 1)
        return page | ({"tile": layout.segment} if layout.tiled else {"rowsperstrip": layout.segment[0]})

    def _facts(self) -> dict[str, Any]:
        pixels, unit = resolution(self.target, self._layout.rows, self._layout.columns)
        return {
            "description": ome_xml(self.target, self._layout.shape) if self._ome else description(self.target),
            "metadata": None,  # no metadata of tifffile's own
            "software": PROGRAM,
            "resolution": pixels,
            "resolutionunit": unit,
        }
