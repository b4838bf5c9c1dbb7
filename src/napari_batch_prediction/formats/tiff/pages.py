"""Reading regions of TIFF pages, decoding only strips and tiles in the region."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from tifffile import FileHandle, TiffFrame, TiffPage, TiffPageSeries

from napari_batch_prediction.formats.common.plain import check_end

# Decoded segments are soon needed again: tiles overlap by their context, and strips are as wide as the image.
_CACHE_BYTES = 32 * 2**20

# Of the other files of a set, so many stay open.
_MOST_OPEN = 32

Page = TiffPage | TiffFrame


@dataclass(frozen=True)
class _Layout:
    """Strips or tiles of pages that are stored alike.

    Attributes
    ----------
    keyframe
        One of the pages.
    starts, stops
        Start and stop of each strip or tile along the first four dimensions of a page.
    row_bytes
        Bytes of a row of uncompressed strips, which can be read without the others; 0 for all that is decoded.
    """

    keyframe: TiffPage
    starts: NDArray
    stops: NDArray
    row_bytes: int

    @classmethod
    def of(cls, keyframe: TiffPage) -> "_Layout":
        n = math.prod(keyframe.chunked)
        shape = keyframe.shaped
        starts, stops = np.empty((n, 4), np.int64), np.empty((n, 4), np.int64)
        for index in range(n):
            _, start, extents = keyframe.decode(None, index)
            starts[index] = start[:4]
            stops[index] = starts[index] + (1, *extents[:3])
        is_plain = (
            (keyframe.compression, keyframe.predictor, keyframe.fillorder, keyframe.sampleformat) in _PLAIN
            and keyframe.bitspersample in (8, 16, 32, 64)
            and not (keyframe.is_tiled or keyframe.is_subsampled)
        )
        row_bytes = math.prod(shape[3:]) * keyframe.bitspersample // 8 if is_plain else 0
        return cls(keyframe, starts, np.minimum(stops, shape[:4]), row_bytes)

    @property
    def segment_bytes(self) -> int:
        """The size of the largest strip or tile when decoded."""
        if self.row_bytes or not len(self.starts):
            return 0
        sides = (self.stops - self.starts).max(axis=0)
        return int(math.prod(map(int, sides))) * self.keyframe.shaped[4] * np.dtype(self.keyframe.dtype).itemsize


# Compression, predictor, order of bits and format of samples of pixels that are stored as they are.
_PLAIN = {(1, 1, 1, sample_format) for sample_format in (1, 2, 3)}


class TiffPages:
    """The pages of a series as one array; the last dimensions are those of a page.

    Parameters
    ----------
    series
        A series of tifffile, whose pages have a common shape and type.
    shape
        Its shape, with or without extents of 1.

    Raises
    ------
    ValueError
        If pages are missing, unlike each other, cut off, or compressed in an unknown way.
    """

    def __init__(self, series: TiffPageSeries, shape: Sequence[int]) -> None:
        self._pages: list[Page] = []
        for number, page in enumerate(series):
            if page is None:
                raise ValueError(f"plane {number + 1} of {len(series)} is missing")
            self._pages.append(page)
        self._shape = shape
        self._dtype = series.dtype
        self._main = series.keyframe.parent
        # (separate samples, depth, length, width, contiguous samples)
        self._page_shape: tuple[int, ...] = series.keyframe.shaped
        self._lead_shape = _leading(shape, self._page_shape, len(self._pages))
        # Checked before allocating, since a damaged header can have any number of segments.
        for number, page in enumerate(self._pages):
            _check_segments(number, page, math.prod(key_page(page).chunked))
        self._layouts: dict[int, _Layout] = {}
        for number, page in enumerate(self._pages):
            keyframe = key_page(page)
            if id(keyframe) not in self._layouts:
                if (keyframe.shaped, keyframe.dtype) != (self._page_shape, series.keyframe.dtype):
                    raise ValueError(
                        f"page {number + 1} has the shape {keyframe.shape} and the type {keyframe.dtype}, expected "
                        f"{series.keyframe.shape} and {series.keyframe.dtype}"
                    )
                self._layouts[id(keyframe)] = _Layout.of(keyframe)
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], NDArray] = OrderedDict()
        self._cached_bytes = 0
        self._open: OrderedDict[int, FileHandle] = OrderedDict()

    @property
    def segment_bytes(self) -> int:
        """The size of the largest strip or tile that is decoded at once."""
        return max(layout.segment_bytes for layout in self._layouts.values())

    @property
    def cache_bytes(self) -> int:
        """The largest size of the decoded strips and tiles that are kept."""
        return max(self.segment_bytes, _CACHE_BYTES if self.segment_bytes else 0)

    def read(self, region: Sequence[slice]) -> NDArray:
        """Return a region of the series."""
        # Extents of 1, which pages and series have at different positions, are left out.
        wanted = [s for s, n in zip(region, self._shape, strict=True) if n != 1]
        lead, inner = wanted[: len(self._lead_shape)], iter(wanted[len(self._lead_shape) :])
        in_page = [slice(0, 1) if n == 1 else next(inner) for n in self._page_shape]
        indices = list(product(*(range(s.start, s.stop) for s in lead)))
        pixels = np.empty((len(indices), *(s.stop - s.start for s in in_page)), self._dtype)
        with self._lock:
            for index, out in zip(indices, pixels, strict=True):
                number = int(np.ravel_multi_index(index, self._lead_shape)) if index else 0
                self._read_page(number, in_page, out)
        return pixels.reshape([s.stop - s.start for s in region])

    def close(self) -> None:
        """Close the other files of a set."""
        for handle in self._open.values():
            handle.close()
        self._open.clear()

    def _read_page(self, number: int, region: Sequence[slice], out: NDArray) -> None:
        layout = self._layouts[id(key_page(self._pages[number]))]
        low = np.array([s.start for s in region[:4]])
        high = np.array([s.stop for s in region[:4]])
        touched = (layout.starts < high).all(axis=1) & (layout.stops > low).all(axis=1)
        for index in map(int, np.flatnonzero(touched)):
            start = np.maximum(layout.starts[index], low)
            stop = np.minimum(layout.stops[index], high)
            target = tuple(slice(a, b) for a, b in zip(start - low, stop - low, strict=True))
            inside = zip(start - layout.starts[index], stop - layout.starts[index], strict=True)
            _, *source = (slice(int(a), int(b)) for a, b in inside)
            if layout.row_bytes and (rows := self._rows(number, index, layout, source[1])) is not None:
                out[target] = rows[(None, slice(None), slice(None), source[2], region[4])]
                continue
            segment = self._segment(number, index)
            out[target] = segment if segment.ndim == 0 else segment[(None, *source, region[4])]

    def _rows(self, number: int, index: int, layout: _Layout, rows: slice) -> NDArray | None:
        """Return rows of an uncompressed strip as (depth, length, width, samples); None if it is not whole."""
        page = self._pages[number]
        n_rows = int(layout.stops[index][2] - layout.starts[index][2])
        if page.databytecounts[index] < n_rows * layout.row_bytes:
            return None
        handle = self._handle(page)
        handle.seek(page.dataoffsets[index] + rows.start * layout.row_bytes)
        data = handle.read((rows.stop - rows.start) * layout.row_bytes)
        stored = np.dtype(page.parent.byteorder + self._dtype.char)
        return np.frombuffer(data, stored).reshape(1, rows.stop - rows.start, *self._page_shape[3:])

    def _segment(self, number: int, index: int) -> NDArray:
        """Return a strip or tile as (depth, length, width, samples); a single value if it is not stored."""
        key = (number, index)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        page = self._pages[number]
        handle = self._handle(page)
        handle.seek(page.dataoffsets[index])
        data = handle.read(page.databytecounts[index]) or None
        keyframe = key_page(page)
        segment, _, _ = keyframe.decode(data, index, jpegtables=page.jpegtables, jpegheader=keyframe.jpegheader)
        if segment is None:
            return np.array(keyframe.nodata, self._dtype)
        self._cache[key] = segment
        self._cached_bytes += segment.nbytes
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return segment

    def _handle(self, page: Page) -> FileHandle:
        """Return the open file of a page; of the other files of a set, those used last stay open."""
        handle = page.parent.filehandle
        if page.parent is self._main:
            return handle
        if handle.closed:
            handle.open()
        self._open[id(handle)] = handle
        self._open.move_to_end(id(handle))
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        return handle


def key_page(page: Page) -> TiffPage:
    """Return the page with the tags of a page that has few of its own.

    Raises
    ------
    ValueError
        If there is none.
    """
    if page.keyframe is None:
        raise ValueError(f"page {page.index + 1} does not say how it is stored")
    return page.keyframe


def _check_segments(number: int, page: Page, expected: int) -> None:
    """Raise ValueError if strips or tiles of a page are missing or beyond the end of the file."""
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if len(segments) < expected:
        raise ValueError(f"page {number + 1} has {len(segments)} strips or tiles, expected {expected}")
    check_end(page.parent.filehandle.size, max((offset + size for offset, size in segments if size), default=0))


def _leading(shape: Sequence[int], page_shape: Sequence[int], n_pages: int) -> tuple[int, ...]:
    """Return the extents of a series before those of its pages, without extents of 1."""
    extents = [n for n in shape if n != 1]
    in_page = [n for n in page_shape if n != 1]
    lead = extents[: len(extents) - len(in_page)]
    if lead + in_page != extents or math.prod(lead) != n_pages:
        raise ValueError(f"{n_pages} pages of shape {tuple(in_page)} do not make an image of shape {tuple(shape)}")
    return tuple(lead)
