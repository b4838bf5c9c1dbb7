"""Reading regions of TIFF pages, decoding only strips and tiles in the region."""

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFrame, TiffPage, TiffPageSeries

from napari_batch_prediction.formats.common.plain import check_end

# Decoded segments are soon needed again: tiles overlap by their context, and strips are as wide as the image.
_CACHE_BYTES = 32 * 2**20


class TiffPages:
    """The pages of a series as one array; the last dimensions are those of a page.

    Parameters
    ----------
    series
        A series of tifffile, whose pages have a common layout.
    shape
        Its shape, with or without extents of 1.

    Raises
    ------
    ValueError
        If pages are missing, cut off, or compressed in an unknown way.
    """

    def __init__(self, series: TiffPageSeries, shape: Sequence[int]) -> None:
        self._pages: list[TiffPage | TiffFrame] = []
        for number, page in enumerate(series):
            if page is None:
                raise ValueError(f"plane {number + 1} of {len(series)} is missing")
            self._pages.append(page)
        self._shape = shape
        self._dtype = series.dtype
        self._keyframe = series.keyframe
        # (separate samples, depth, length, width, contiguous samples)
        self._page_shape: tuple[int, ...] = self._keyframe.shaped
        self._lead_shape = _leading(shape, self._page_shape, len(self._pages))
        # Checked before allocating, since a damaged header can have any number of segments.
        n_segments = math.prod(self._keyframe.chunked)
        for number, page in enumerate(self._pages):
            _check_segments(number, page, n_segments)
        self._starts, self._stops = self._segment_bounds(n_segments)
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], NDArray] = OrderedDict()
        self._cached_bytes = 0

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

    def _read_page(self, number: int, region: Sequence[slice], out: NDArray) -> None:
        low = np.array([s.start for s in region[:4]])
        high = np.array([s.stop for s in region[:4]])
        touched = (self._starts < high).all(axis=1) & (self._stops > low).all(axis=1)
        for index in np.flatnonzero(touched):
            start = np.maximum(self._starts[index], low)
            stop = np.minimum(self._stops[index], high)
            target = tuple(slice(a, b) for a, b in zip(start - low, stop - low, strict=True))
            inside = zip(start - self._starts[index], stop - self._starts[index], strict=True)
            _, *source = (slice(a, b) for a, b in inside)
            segment = self._segment(number, int(index))
            out[target] = segment if segment.ndim == 0 else segment[(None, *source, region[4])]

    def _segment(self, number: int, index: int) -> NDArray:
        """Return a strip or tile as (depth, length, width, samples); a single value if it is not stored."""
        key = (number, index)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        page = self._pages[number]
        handle = page.parent.filehandle
        if handle.closed:  # another file of a data set in several files
            handle.open()
        handle.seek(page.dataoffsets[index])
        data = handle.read(page.databytecounts[index]) or None
        decode, header = self._keyframe.decode, self._keyframe.jpegheader
        segment, _, _ = decode(data, index, jpegtables=page.jpegtables, jpegheader=header)
        if segment is None:
            return np.array(self._keyframe.nodata, self._dtype)
        self._cache[key] = segment
        self._cached_bytes += segment.nbytes
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return segment

    def _segment_bounds(self, count: int) -> tuple[NDArray, NDArray]:
        """Return starts and stops of the strips or tiles of a page along its first four dimensions."""
        starts, stops = np.empty((count, 4), np.int64), np.empty((count, 4), np.int64)
        for index in range(count):
            _, start, shape = self._keyframe.decode(None, index)
            starts[index] = start[:4]
            stops[index] = starts[index] + (1, *shape[:3])
        return starts, np.minimum(stops, self._page_shape[:4])


def _check_segments(number: int, page: TiffPage | TiffFrame, expected: int) -> None:
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
