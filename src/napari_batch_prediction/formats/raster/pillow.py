"""Reading JPEG and BMP with Pillow."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Image import Image
from PIL.ImageFile import ImageFile
from PIL.ImagePalette import ImagePalette, raw
from PIL.JpegImagePlugin import JpegImageFile

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.raster.picture import Picture, Pixels, Region, yx_or_yxc
from napari_batch_prediction.images.base import Decoding

_GREY, _RGB, _RGBA = "L", "RGB", "RGBA"
_MODES = {"1": _GREY, "L": _GREY, "P": _RGB, "RGB": _RGB, "RGBA": _RGBA}

# Offset of the size of a BMP's second header, and offset in that of the bits of a pixel, by whether it is the oldest.
_HEADER, _OLDEST = 14, 12
_BITS_AT = {True: 10, False: 14}
_RAW_MODES = {1: "P;1", 4: "P;4", 8: "P"}


class _Held(Pixels):
    """Regions of an image that Pillow holds in memory, which is less than it and an array."""

    def __init__(self, image: Image, mode: str) -> None:
        self._image, self._mode = image, mode

    def read(self, region: Region) -> NDArray:
        """Return a region."""
        y, x, *c = region
        part = self._image.crop((x.start, y.start, x.stop, y.stop))
        pixels = np.asarray(part if part.mode == self._mode else part.convert(self._mode))
        return pixels[:, :, c[0]] if c else pixels


def open_jpeg(file: Path) -> Picture:
    """Return the picture in a JPEG file."""
    return _open(JpegImageFile, file)


def open_bmp(file: Path) -> Picture:
    """Return the picture in a BMP file."""
    return _open(_Bmp, file)


class _Bmp(BmpImageFile):
    """A BMP whose pixels have as many bits as its header says: Pillow counts the colours of a grey palette."""

    def _open(self) -> None:
        super()._open()
        self._check_size()
        if self.mode not in ("1", "L") or self.fp is None:
            return
        self.fp.seek(_HEADER)
        header = self.fp.read(20)
        at = _BITS_AT[int.from_bytes(header[:4], "little") == _OLDEST]
        raw_mode = _RAW_MODES.get(int.from_bytes(header[at : at + 2], "little"))
        tile = self.tile[0]
        if raw_mode is None or tile.codec_name != "raw" or not isinstance(tile.args, tuple):
            return
        greys = (0, 255) if self.mode == "1" else range(256)
        self._mode = "P"
        self.palette = raw(_RGB, bytes(grey for grey in greys for _ in _RGB))
        self.tile = [tile._replace(args=(raw_mode, *tile.args[1:]))]

    def _check_size(self) -> None:
        """Raise :class:`ImageReadError` if uncompressed pixels are more than there is in the file."""
        tile = self.tile[0]
        if tile.codec_name != "raw" or not isinstance(tile.args, tuple) or self.fp is None:
            return
        expected = tile.offset + tile.args[1] * self.height
        came = self.fp.seek(0, os.SEEK_END)
        # The last line may lack the bytes that fill it up to a multiple of four.
        if came < expected - 3:
            raise ImageReadError(
                f"'{os.fsdecode(self.filename)}' is cut off: by its header it should have {expected:,} bytes, and has "
                f"{came:,}. Check that the file is whole; if it was copied, copy it again."
            )


def _open(kind: type[ImageFile], file: Path) -> Picture:
    # Not by PIL.Image.open, which refuses pictures of more than 179 megapixels, but by the class of the format.
    # Not by imagecodecs, which fills the rest of a truncated JPEG with grey.
    with kind(file) as image:
        if image.mode not in _MODES:
            raise ImageReadError(f"'{file}' has {image.mode} pixels. Expected grey or RGB: save it as RGB.")
        mode = _GREY if image.palette is not None and _is_grey(image.palette) else _MODES[image.mode]
        axes, shape = yx_or_yxc(image.height, image.width, 1 if mode == _GREY else len(mode))
        # Pillow holds a colour in four bytes.
        n_bytes = image.height * image.width * (1 if image.mode in ("1", "L", "P") else 4)

    def decode() -> Pixels:
        with kind(file) as image:
            image.load()
            return _Held(image.copy() if image.readonly else image, mode)

    return Picture(axes, shape, np.uint8, decode, Decoding(kept=n_bytes))


def _is_grey(palette: ImagePalette) -> bool:
    """Return True if every colour of a palette is grey; Pillow has the bytes as they are in the file."""
    mode = palette.rawmode or palette.mode
    return is_grey(bytes(palette.palette), len(mode))


def is_grey(palette: bytes, size: int = 3) -> bool:
    """Return True if every colour of a palette is grey.

    Parameters
    ----------
    palette
        Three bytes for each colour, and bytes that do not count if ``size`` is more.
    size
        Number of bytes for each colour.
    """
    colours = np.frombuffer(palette[: len(palette) // size * size], np.uint8).reshape(-1, size)[:, :3]
    return bool((colours == colours[:, :1]).all())
