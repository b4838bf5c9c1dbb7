"""Reading PNG."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np

from napari_batch_prediction.formats.raster.picture import Decoded, Picture, Pixels, file_bytes, yx_or_yxc
from napari_batch_prediction.images.base import Decoding

# Channels by the type of colours in the header: grey, RGB, palette, grey with alpha, RGB with alpha.
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_PALETTE = 3


def open_png(file: Path) -> Picture:
    """Return the picture in a PNG file.

    A transparent colour of grey or RGB is a hint for showing, and no channel; in a palette it makes RGBA, as in
    ilastik.
    """
    # Not by Pillow, which reduces colours of 16 bits to 8 and refuses large pictures.
    is_transparent = False
    with file.open("rb") as stream:
        stream.seek(8)
        length, _, width, height, depth, colour_type = struct.unpack(">I4sIIBB", stream.read(18))
        stream.seek(8 + 12 + length)
        while True:
            length, name = struct.unpack(">I4s", stream.read(8))
            if name == b"IDAT":
                break
            is_transparent |= name == b"tRNS"
            stream.seek(length + 4, 1)
    channels = _CHANNELS[colour_type]
    decoded = channels + is_transparent
    if colour_type == _PALETTE:
        channels = decoded
    axes, shape = yx_or_yxc(height, width, channels)
    dtype = np.uint16 if depth == 16 else np.uint8
    n_bytes = height * width * decoded * np.dtype(dtype).itemsize

    def decode() -> Pixels:
        pixels = imagecodecs.png_decode(file.read_bytes())
        if decoded > channels:
            pixels = pixels[..., 0] if channels == 1 else pixels[..., :channels]
        return Decoded(pixels)

    return Picture(axes, shape, dtype, decode, Decoding(kept=n_bytes, once=file_bytes(file)))
