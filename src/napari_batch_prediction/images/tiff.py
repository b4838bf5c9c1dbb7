"""TIFF in its many kinds: plain, tiled, compressed, BigTIFF, ImageJ, OME."""

import logging
import struct
import threading
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Image, choose_axes
from napari_batch_prediction.images.tiff_metadata import pixel_sizes, series_axes
from napari_batch_prediction.images.tiff_pages import TiffPages, check_end

# Without a handler, Python prints tifffile's remarks to stderr; what matters of them is raised here.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class TiffImage(Image):
    """The one image in a TIFF file, at full resolution.

    Axes are those that the file gives (ImageJ, OME, tifffile's own); samples (colours) are channels, and
    pages without a meaning are time points. Where tifffile knows no meaning, axes are guessed by the shape.
    Palettes become RGB of uint8, except in ImageJ's files, where they are a display setting. Values are as
    stored where white is 0. Bilevel pixels are 0 and 1.

    Opening checks that the file is as long as its tags say.
    """

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        self._lock = threading.Lock()
        self._tif = tifffile.TiffFile(file)
        try:
            series = _only_series(self._tif, location)
            self._palette = _palette(series)
            own_axes, kept, guessed = series_axes(series, location, axes)
            ...
        except Exception:
            self._tif.close()
            raise
