"""Reading TIFF files: plain, tiled, compressed, BigTIFF, ImageJ, OME, LSM."""

import logging
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile, TiffPageSeries

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.plain import PlainArray
from napari_batch_prediction.formats.tiff.metadata import channel_names, pixel_sizes, stored_axes
from napari_batch_prediction.formats.tiff.pages import TiffPages
from napari_batch_prediction.images.base import Image

# Without a handler, Python prints tifffile's messages to stderr; here, important ones are raised as errors.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_DESCRIPTION = 270


class TiffImage(Image):
    """The only image in a TIFF file, at full resolution.

    Axes are those of the file (ImageJ, OME, tifffile's own). Samples (colours) are channels, and pages of unknown
    meaning are time points, which counts as a guess. If tifffile knows no axes, they are guessed from the shape.
    Palettes become RGB of uint8, except in ImageJ's files, where they are for display only. Values are as stored even
    if 0 is white. Bilevel pixels are 0 and 1.

    Opening checks the length of the file against its tags.
    """

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        self._tif = TiffFile(file)
        try:
            series = _only_series(self._tif, location)
            self._palette = _palette(series)
            letters, shape = series.axes, series.shape
            if self._palette is not None:
                letters, shape = letters + "S", (*shape, 3)
            axes, axes_known, shape = stored_axes(letters, shape, axes)
            stored_shape = shape if self._palette is None else shape[:-1]
            self._read_stored = _reader(self._tif, series, stored_shape)
            sizes, units = pixel_sizes(self._tif, series)
            dtype = series.dtype if self._palette is None else np.uint8
            names = channel_names(self._tif, series, letters) if axes_known != "user" else ()
            super().__init__(
                location, axes, shape, dtype, axes_known=axes_known, pixel_size=sizes, units=units, channel_names=names
            )
        except Exception:
            self._tif.close()
            raise

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        if self._palette is None:
            return self._read_stored(region)
        colours: NDArray = self._palette[self._read_stored(region[:-1])]
        return colours[..., region[-1]]

    def _release(self) -> None:
        del self._read_stored
        self._tif.close()


def _reader(tif: TiffFile, series: TiffPageSeries, shape: tuple[int, ...]) -> Callable[..., NDArray]:
    """Return a function that reads a region of the series, given its shape with or without extents of 1."""
    offset = series.dataoffset
    if offset is None or series.is_multifile:
        if series.is_truncated:
            raise ValueError(f"it says to hold an image of shape {series.shape}, but has only one page")
        return TiffPages(series, shape).read
    # The pixels are stored uncompressed in one piece.
    return PlainArray(tif.filehandle, offset, shape, np.dtype(tif.byteorder + series.dtype.char)).__getitem__


def _only_series(tif: TiffFile, location: str) -> TiffPageSeries:
    """Return the series of the image at full resolution; other series may be reduced copies and masks."""
    if not tif.series:
        raise ValueError("it has no pages")
    _check_whole(tif)
    full = [s for s in tif.series if not (s.keyframe.is_reduced or s.keyframe.is_mask)] or tif.series[:1]
    if len(full) > 1:
        listing = "; ".join(f"{s.name or 'unnamed'} {s.axes} {s.shape} {s.dtype}" for s in full)
        raise ImageReadError(
            f"'{location}' holds {len(full)} images, expected one: {listing}. Save each as a file of its own."
        )
    return full[0]


def _check_whole(tif: TiffFile) -> None:
    """Raise ValueError if the description or the list of pages reaches beyond the end of the file.

    tifffile only logs that, and has fewer pages, or pages of unknown meaning.
    """
    page, handle, layout = tif.pages.first, tif.filehandle, tif.tiff
    handle.seek(page.offset)
    (n_tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    codes = {handle.read(layout.tagsize)[:2] for _ in range(n_tags)}
    if struct.pack(f"{tif.byteorder}H", _DESCRIPTION) in codes and _DESCRIPTION not in page.tags:
        raise ValueError("its description leads out of the file; probably it is cut off")
    if tif.is_imagej and tif.series[0].kind != "imagej":
        raise ValueError("it is shorter than ImageJ's description in it says; probably it is cut off")
    if tif.is_scanimage:
        return  # tifffile computes the pages without the list
    handle.seek(tif.pages.next_page_offset or 0)
    if handle.read(layout.offsetsize) != bytes(layout.offsetsize):
        raise ValueError("its list of pages leads out of the file; probably it is cut off")


def _palette(series: TiffPageSeries) -> NDArray[np.uint8] | None:
    """Return the colours of a palette as (index, RGB)."""
    page = series.keyframe
    if page.photometric != PHOTOMETRIC.PALETTE or page.colormap is None or series.kind == "imagej":
        return None
    # Colours have 16 bits, but some programs write 8.
    colours = page.colormap.T
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
