"""The TIFF container: segments in any order, then the directories of pages (TIFF 6.0, and BigTIFF)."""

import struct
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

Value = bytes | int | Fraction | Iterable[int]

_ASCII, _SHORT, _LONG, _RATIONAL, _LONG8 = 2, 3, 4, 5, 16
_LETTERS = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_MAX_LONG = 2**32 - 1


class Tag(NamedTuple):
    """Numbers of the tags that are written, and the type of each: the smallest all readers take."""

    code: int
    kind: int


WIDTH = Tag(256, _LONG)
LENGTH = Tag(257, _LONG)
BITS_PER_SAMPLE = Tag(258, _SHORT)
COMPRESSION = Tag(259, _SHORT)
PHOTOMETRIC = Tag(262, _SHORT)
DESCRIPTION = Tag(270, _ASCII)
STRIP_OFFSETS = Tag(273, _LONG)
SAMPLES_PER_PIXEL = Tag(277, _SHORT)
ROWS_PER_STRIP = Tag(278, _LONG)
STRIP_BYTE_COUNTS = Tag(279, _LONG)
X_RESOLUTION = Tag(282, _RATIONAL)
Y_RESOLUTION = Tag(283, _RATIONAL)
PLANAR_CONFIGURATION = Tag(284, _SHORT)
RESOLUTION_UNIT = Tag(296, _SHORT)
SOFTWARE = Tag(305, _ASCII)
TILE_WIDTH = Tag(322, _LONG)
TILE_LENGTH = Tag(323, _LONG)
TILE_OFFSETS = Tag(324, _LONG)
TILE_BYTE_COUNTS = Tag(325, _LONG)
EXTRA_SAMPLES = Tag(338, _SHORT)
SAMPLE_FORMAT = Tag(339, _SHORT)

# Those that may need 64 bits.
_PLACES = (STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS)


def rational(value: float) -> Fraction | None:
    """Return the nearest number a TIFF can hold as a rational; None if that is 0 or too large."""
    if not 0 < value <= _MAX_LONG:
        return None
    near = Fraction(value).limit_denominator(max(1, min(int(_MAX_LONG / value), _MAX_LONG)))
    return near or None


class TiffContainer:
    """A new little-endian TIFF file; for one thread at a time.

    Parameters
    ----------
    path
        The file, which must not exist.
    big
        Write BigTIFF, which may be larger than 4 GB.
    """

    def __init__(self, path: Path, *, big: bool) -> None:
        self._big = big
        self._file: BinaryIO = path.open("xb")
        # The place of the first directory follows; it is not known yet.
        self._file.write(b"II" + (struct.pack("<HHHQ", 43, 8, 0, 0) if big else struct.pack("<HI", 42, 0)))
        self._end = self._file.tell()
        self._link = 8 if big else 4

    def append(self, segment: bytes | bytearray) -> int:
        """Write a strip or tile and return its place."""
        place = self._end
        self._file.write(segment)
        self._end += len(segment)
        return place

    def add_page(self, tags: Mapping[Tag, Value]) -> None:
        """Write the directory of a page; no segments may follow."""
        inline = 8 if self._big else 4
        self._pad()
        entries = b""
        for tag, value in sorted(tags.items()):
            kind = _LONG8 if self._big and tag in _PLACES else tag.kind
            count, data = _encode(kind, value)
            if len(data) > inline:
                place = struct.pack("<Q" if self._big else "<I", self.append(data))
                self._pad()
            else:
                place = data.ljust(inline, b"\0")
            entries += struct.pack("<HHQ" if self._big else "<HHI", tag.code, kind, count) + place
        start = self._end
        self.append(struct.pack("<Q" if self._big else "<H", len(tags)) + entries)
        next_link = self._end
        self.append(bytes(inline))
        self._file.seek(self._link)
        self._file.write(struct.pack("<Q" if self._big else "<I", start))
        self._file.seek(self._end)
        self._link = next_link

    def _pad(self) -> None:
        """Make the end an even number, where directories and their values must begin."""
        if self._end % 2:
            self.append(b"\0")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _encode(kind: int, value: Value) -> tuple[int, bytes]:
    """Return the number of values and their bytes."""
    if isinstance(value, bytes):
        return len(value) + 1, value + b"\0"
    if isinstance(value, Fraction):
        return 1, struct.pack("<II", value.numerator, value.denominator)
    values = [value] if isinstance(value, int) else list(value)
    return len(values), struct.pack(f"<{len(values)}{_LETTERS[kind]}", *values)
