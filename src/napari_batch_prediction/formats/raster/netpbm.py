"""Reading PNM (PBM, PGM and PPM) and Radiance HDR."""

import re
from math import prod
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.plain import PlainArray, check_end
from napari_batch_prediction.formats.raster.picture import Decoded, Picture, Pixels, Region, file_bytes, yx_or_yxc
from napari_batch_prediction.images.base import NOTHING_DECODED, Decoding

_BITS_AS_TEXT, _BITS = b"P1", b"P4"
_PLAIN = (b"P5", b"P6")
_COLOURS = (b"P3", b"P6")
_MOST_DIGITS = 10

# Numbers that are read from text have 8 bytes at first.
_TEXT_BYTES = 8

_HDR_HEADER = 2**16
_HDR_SIZE = re.compile(rb"\n\n-Y (\d{1,9}) \+X (\d{1,9})\n")


class _Plain(Pixels):
    """Binary pixels, read by region from the file."""

    def __init__(self, file: Path, start: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._stream = file.open("rb")
        try:
            self._array = PlainArray(self._stream, start, shape, dtype)
        except Exception:
            self._stream.close()
            raise

    def read(self, region: Region) -> NDArray:
        """Return a region."""
        return self._array[region]

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def open_pnm(file: Path) -> Picture:
    """Return the first picture in a PBM, PGM or PPM file: numbers as they are stored, single bits as 0 and 255."""
    with file.open("rb") as stream:
        kind = stream.read(2)
        width, height = _number(stream), _number(stream)
        largest = 1 if kind in (_BITS_AS_TEXT, _BITS) else _number(stream)
        start = stream.tell()
    if min(width, height, largest) < 1 or largest >= 2**16:
        raise ValueError(f"it says that it has {width} x {height} pixels of 0 to {largest}")
    axes, shape = yx_or_yxc(height, width, 3 if kind in _COLOURS else 1)
    dtype = np.dtype(np.uint8 if largest < 2**8 else ">u2")
    kept = prod(shape) * dtype.itemsize
    if kind in _PLAIN:
        check_end(file.stat().st_size, start + kept)
        return Picture(axes, shape, dtype, lambda: _Plain(file, start, shape, dtype), NOTHING_DECODED)
    if kind == _BITS:
        return Picture(axes, shape, dtype, lambda: _bits(file, start, height, width), Decoding(kept, file_bytes(file)))
    once = file_bytes(file) + _TEXT_BYTES * prod(shape)
    return Picture(axes, shape, dtype, lambda: _text(file, kind, start, shape, dtype), Decoding(kept, once))


def _number(stream: BinaryIO) -> int:
    """Return the next number of a header, after blanks and comments; one blank after it is taken, too."""
    digits = b""
    while True:
        byte = stream.read(1)
        if byte == b"#":
            stream.readline()
        elif byte.isdigit() and len(digits) < _MOST_DIGITS:
            digits += byte
        elif not byte.isspace():
            raise ValueError(f"its header has {byte!r} where a number is expected")
        elif digits:
            return int(digits)


def _bits(file: Path, start: int, height: int, width: int) -> Pixels:
    """Return pixels of one bit, of which 1 is black; each row begins with a new byte."""
    row = -(-width // 8)
    with file.open("rb") as stream:
        stream.seek(start)
        stored = stream.read(height * row)
    check_end(start + len(stored), start + height * row)
    bits = np.unpackbits(np.frombuffer(stored, np.uint8).reshape(height, row), axis=1, count=width)
    return Decoded((bits ^ 1) * np.uint8(255))


def _text(file: Path, kind: bytes, start: int, shape: tuple[int, ...], dtype: np.dtype) -> Pixels:
    """Return pixels that are written as text."""
    with file.open("rb") as stream:
        stream.seek(start)
        text = re.sub(rb"#[^\n]*", b"", stream.read())
    if kind == _BITS_AS_TEXT:
        bits = np.frombuffer(b"".join(text.split()), np.uint8)[: prod(shape)]
        return Decoded(((bits == ord("0")) * np.uint8(255)).reshape(shape))
    numbers = np.fromstring(text.decode("ascii"), np.int64, prod(shape), sep=" ")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() <= np.iinfo(dtype).max:
        raise ValueError("it has numbers that are larger than its header says")
    return Decoded(numbers.astype(dtype).reshape(shape))


def open_hdr(file: Path) -> Picture:
    """Return the picture in a Radiance HDR file."""
    with file.open("rb") as stream:
        size = _HDR_SIZE.search(stream.read(_HDR_HEADER))
    if size is None:
        raise ValueError("its header has no line such as '-Y 100 +X 200', the numbers of rows and columns from the top")
    shape = int(size[1]), int(size[2]), 3
    kept = prod(shape) * 4
    decoding = Decoding(kept, file_bytes(file))
    return Picture("yxc", shape, np.float32, lambda: Decoded(imagecodecs.rgbe_decode(file.read_bytes())), decoding)
