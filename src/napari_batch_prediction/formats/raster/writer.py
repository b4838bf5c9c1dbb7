"""Writing pictures (PNG, JPEG, BMP, GIF, PNM and HDR), which are small and wait in memory until whole."""

import io
import struct
import zlib
from collections.abc import Callable
from math import prod

import numpy as np
from imagecodecs import png_encode, rgbe_encode
from numpy.typing import NDArray
from PIL import Image

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.formats.common.lengths import centimetres
from napari_batch_prediction.formats.common.planes import picture_axes
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.common.writer import AtomicWriter

Picture = NDArray
Encode = Callable[[Picture, Target], bytes]


def _png(picture: Picture, target: Target) -> bytes:
    """Return a PNG file with the size of a pixel and the stamp; not by Pillow, which writes no 16-bit colours."""
    plain = bytes(png_encode(picture))
    head = plain.index(b"IDAT") - 4
    chunks = b""
    rows, columns, _ = tuple(picture_axes(target.axes, target.shape))
    lengths = [centimetres(target, key) for key in (columns, rows)]
    per_metre = [round(100 / length) if length > 0 else 0 for length in lengths]
    if all(0 < n < 2**31 for n in per_metre):
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    for name, text in target.metadata.items():
        keyword = name.encode("ascii", "replace")[:79]
        chunks += _png_chunk(b"iTXt", keyword + b"\0\0\0\0\0" + text.encode())
    return plain[:head] + chunks + plain[head:]


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pnm(picture: Picture, target: Target) -> bytes:
    """Return binary PGM or PPM, which any extension of the family may have; 16-bit values are big-endian."""
    rows, columns = picture.shape[:2]
    kind = 5 if picture.ndim == 2 else 6
    largest = np.iinfo(picture.dtype).max
    return (
        b"P%d\n%d %d\n%d\n" % (kind, columns, rows, largest) + picture.astype(picture.dtype.newbyteorder(">")).tobytes()
    )


def _hdr(picture: Picture, target: Target) -> bytes:
    return bytes(rgbe_encode(picture, header=True))


def _pillow(name: str, **options: object) -> Encode:
    def encode(picture: Picture, target: Target) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, name, **options)
        return file.getvalue()

    return encode


_ENCODE: dict[str, Encode] = {
    "png": _png,
    "jpeg": _pillow("JPEG", quality=95),
    "bmp": _pillow("BMP"),
    "gif": _pillow("GIF", optimize=False),
    "pnm": _pnm,
    "hdr": _hdr,
}


class RasterWriter(AtomicWriter):
    """Collects one picture and encodes it.

    Parameters
    ----------
    target
        The output.
    kind
        One of ``png jpeg bmp gif pnm hdr``.
    """

    _values: NDArray

    def __init__(self, target: Target, *, kind: str) -> None:
        super().__init__(target)
        self._encode = _ENCODE[kind]

    def _create(self) -> None:
        self._values = np.empty(self.target.shape, self.target.dtype)

    def _take(self, region: tuple[slice, ...], values: NDArray) -> int:
        self._values[region] = values
        return values.size

    def _seal(self) -> None:
        target = self.target
        picture = reorder(self._values, target.axes, picture_axes(target.axes, target.shape))
        picture = np.ascontiguousarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
        self._temporary.write_bytes(self._encode(picture, target))

    def _release(self) -> None:
        self._values = np.empty(0)

    def held_bytes(self, n_rows: int = 1) -> int:
        """Return the size of the whole picture in bytes."""
        return prod(self.target.shape) * self.target.dtype.itemsize
