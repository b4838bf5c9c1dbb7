"""PNG, JPEG, BMP and GIF: formats that fix their axes and are decoded as a whole."""

import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Image, choose_axes


class RasterImage(Image):
    """A picture in a file that has no random access: decoded at the first read and kept until closed.

    Axes are ``yx`` for one channel and ``yxc`` for more; a GIF of several frames is ``tyx`` or ``tyxc``.
    1-bit pixels become uint8 0 and 255, packed grey values uint8 scaled to 0..255, and palettes RGB, or RGBA
    if a PNG declares transparency. 16-bit PNGs stay uint16. The orientation that cameras note in JPEG files
    is not applied: pixels come as stored.

    The format is known by the file's first bytes, whatever its extension.
    """

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        with file.open("rb") as stream:
            start = stream.read(8)
        for signature, kind in _KINDS.items():
            if start.startswith(signature):
                break
        else:
            raise ImageReadError(
                f"'{location}' is not a PNG, JPEG, BMP or GIF file, although its name says so: it starts with "
                f"{start!r}. Give it the extension of its real format."
            )
        shape, dtype = kind.header(file)
        self._file = file
        self._decode = kind.decode
        self._pixels: NDArray | None = None
        self._lock = threading.Lock()
        own_axes = {2: "yx", 3: "yxc", 4: "tyxc"}[len(shape)]
        if kind is _GIF and len(shape) == 3 and shape[-1] != 3:
            own_axes = "tyx"
        axes, known = choose_axes(shape, axes, own_axes)
        super().__init__(location, axes, shape, dtype, axes_known=known)

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            if self._pixels is None:
                pixels = self._decode(self._file)
                if pixels.shape != self.shape:
                    raise ValueError(f"its header says {self.shape}, its pixels are {pixels.shape}")
                self._pixels = pixels
            return self._pixels[region]

    def _release(self) -> None:
        self._pixels = None
