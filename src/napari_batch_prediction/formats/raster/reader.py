"""Reading pictures (PNG, JPEG, BMP and GIF), which have fixed axes and are decoded as a whole."""

import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import COLOURS, Image, choose_axes


class _Picture(NamedTuple):
    """The facts in a header, and a function that decodes the pixels."""

    axes: str
    shape: tuple[int, ...]
    dtype: type[np.uint8 | np.uint16]
    decode: Callable[[], NDArray]


class RasterImage(Image):
    """A picture, decoded at the first read and kept until closed.

    Axes are ``yx`` for one channel and ``yxc`` for more; a GIF of several frames is ``tyx`` or ``tyxc``. 1-bit pixels
    become uint8 0 and 255, grey values of 2 and 4 bits uint8 scaled to 0..255, and palettes RGB, or RGBA with
    transparency; a GIF is grey if all its pixels are. 16-bit PNGs stay uint16. The orientation in JPEG files of cameras
    is not applied.

    The first bytes of the file decide the format, not its extension.
    """

    def __init__(self, location: str, file: Path, axes: str | None = None) -> None:
        with file.open("rb") as stream:
            start = stream.read(8)
        open_picture = next((f for signature, f in _FORMATS.items() if start.startswith(signature)), None)
        if open_picture is None:
            raise ImageReadError(
                f"'{location}' is not a PNG, JPEG, BMP or GIF file, although its name says so: it starts "
                f"with {start!r}. Give it the extension of its real format, or save it again."
            )
        picture = open_picture(file)
        self._decode = picture.decode
        self._pixels: NDArray | None = None
        self._lock = threading.Lock()
        axes, axes_known = choose_axes(picture.shape, axes, picture.axes)
        colours = COLOURS[picture.shape[-1]] if picture.axes.endswith("c") and axes.endswith("c") else ()
        super().__init__(location, axes, picture.shape, picture.dtype, axes_known=axes_known, channel_names=colours)

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._decode()
            return self._pixels[region]

    def _release(self) -> None:
        del self._decode
        self._pixels = None


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    with PIL.Image.open(path) as picture:
        return {str(name): value for name, value in picture.info.items()}


def _yx_or_yxc(height: int, width: int, channels: int) -> tuple[str, tuple[int, ...]]:
    return ("yx", (height, width)) if channels == 1 else ("yxc", (height, width, channels))


def _open_png(file: Path) -> _Picture:
    # Not by Pillow, which reduces colours of 16 bits to 8 and refuses large pictures.
    colour_type_channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
    with file.open("rb") as stream:
        stream.seek(8)
        length, _, width, height, depth, colour_type = struct.unpack(">I4sIIBB", stream.read(18))
        stream.seek(8 + 12 + length)
        channels = colour_type_channels[colour_type]
        while True:
            length, name = struct.unpack(">I4s", stream.read(8))
            if name == b"IDAT":
                break
            if name == b"tRNS":
                channels += 1
            stream.seek(length + 4, 1)
    axes, shape = _yx_or_yxc(height, width, channels)
    dtype = np.uint16 if depth == 16 else np.uint8
    return _Picture(axes, shape, dtype, lambda: imagecodecs.png_decode(file.read_bytes()))


def _open_jpeg(file: Path) -> _Picture:
    return _open_with_pillow(JpegImageFile, file)


def _open_bmp(file: Path) -> _Picture:
    return _open_with_pillow(BmpImageFile, file)


def _open_with_pillow(kind: type[ImageFile], file: Path) -> _Picture:
    # Not by PIL.Image.open, which refuses pictures of more than 179 megapixels, but by the class of the format.
    # Not by imagecodecs, which fills the rest of a truncated JPEG with grey.
    modes = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
    with kind(file) as image:
        if image.mode not in modes:
            raise ImageReadError(f"'{file}' has {image.mode} pixels. Expected grey or RGB: save it as RGB.")
        mode = modes[image.mode]
        axes, shape = _yx_or_yxc(image.height, image.width, 1 if mode == "L" else len(mode))

    def decode() -> NDArray:
        with kind(file) as image:
            return np.asarray(image.convert(mode))

    return _Picture(axes, shape, np.uint8, decode)


def _open_gif(file: Path) -> _Picture:
    # Decoded at once, since the header tells neither the number of frames nor if all colours are grey.
    pixels = imagecodecs.gif_decode(file.read_bytes())
    axes = "tyxc" if pixels.ndim == 4 else "yxc"
    if pixels.shape[-1] == 4 and (pixels[..., 3] == 255).all():
        pixels = pixels[..., :3]
    if pixels.shape[-1] == 3 and (pixels == pixels[..., :1]).all():
        pixels, axes = pixels[..., 0], axes[:-1]
    return _Picture(axes, pixels.shape, np.uint8, lambda: pixels)


_FORMATS: dict[bytes, Callable[[Path], _Picture]] = {
    b"\x89PNG\r\n\x1a\n": _open_png,
    b"\xff\xd8\xff": _open_jpeg,
    b"BM": _open_bmp,
    b"GIF8": _open_gif,
}
