"""Decompressing chunks no further than the size that their metadata say.

A few kilobytes can be made that inflate to gigabytes. The libraries that read chunks learn the true size when they have
it in memory.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol, cast


class _Decompressor(Protocol):
    """The shared members of the decompressors of gzip, bzip2 and xz."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most ``max_length`` bytes."""


_STREAMS: dict[str, Callable[[], object]] = {
    "gzip": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 32),  # or zlib, by its first bytes
    "zlib": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 32),
    "bz2": bz2.BZ2Decompressor,
    "bzip2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
    "xz": lzma.LZMADecompressor,
}

# Where a header says how much follows, which the decoders hold to: start of a number of four bytes.
_SIZES = {"blosc": 4, "lz4": 0}

BOUNDED = (*_STREAMS, *_SIZES, "zstd")
"""The kinds of compression that can be bounded, by their names in Zarr and N5."""


def inflate(kind: str, data: bytes | memoryview, limit: int) -> bytes | None:
    """Return the content of a chunk; None if it is known not to be too large, and its own decoder can have it.

    Parameters
    ----------
    kind
        The compression, one of :data:`BOUNDED`.
    data
        The chunk as stored.
    limit
        The largest size of its content, in bytes.

    Raises
    ------
    ValueError
        If there is more in it, or it is damaged.
    """
    if kind in _STREAMS:
        return _inflate_stream(_STREAMS[kind], bytes(data), limit)
    if kind == "zstd":
        size = _zstd_size(bytes(data[:18]))
        if size is None:
            return _inflate_zstd(bytes(data), limit)
    else:
        size = int.from_bytes(data[_SIZES[kind] : _SIZES[kind] + 4], "little")
    if size > limit:
        raise _too_large(limit)
    return None


def check_inflated(kinds: Sequence[str], data: bytes | memoryview, limit: int) -> None:
    """Raise ValueError if a chunk holds more than ``limit`` bytes, or is damaged; unknown compression is not looked at.

    Parameters
    ----------
    kinds
        The compression; if there are several, the outermost first.
    data
        The chunk as stored.
    limit
        The largest size of its content, in bytes.
    """
    for kind in kinds:
        if kind not in BOUNDED:
            return
        content = inflate(kind, data, limit)
        if content is None:
            return
        data = content


def _inflate_stream(make: Callable[[], object], data: bytes, limit: int) -> bytes:
    pieces, size = [], 0
    while data:
        stream = cast("_Decompressor", make())
        try:
            # One more than allowed tells the end from a cut.
            piece = stream.decompress(data, limit - size + 1)
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            raise ValueError(f"a chunk is damaged: {error}") from error
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if not stream.eof:
            raise ValueError("a chunk is cut off")
        pieces.append(piece)
        data = stream.unused_data.lstrip(b"\0")  # some programs pad with zeros
    return b"".join(pieces)


def _inflate_zstd(data: bytes, limit: int) -> bytes:
    from imagecodecs import ZstdError, zstd_decode

    try:
        # Stops where the output is full.
        return bytes(zstd_decode(data, out=limit))
    except ZstdError as error:
        if "too small" in str(error):
            raise _too_large(limit) from error
        raise ValueError(f"a chunk is damaged: {error}") from error


def _zstd_size(header: bytes) -> int | None:
    """Return the size of the content of a frame of Zstandard (RFC 8878, 3.1.1.1); None if it does not say."""
    if header[:4] != b"\x28\xb5\x2f\xfd" or len(header) < 6:
        return None
    flags = header[4]
    is_single = bool(flags >> 5 & 1)
    n = (is_single, 2, 4, 8)[flags >> 6]
    start = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(header[start : start + n], "little") + (256 if n == 2 else 0) if n else None


def _too_large(limit: int) -> ValueError:
    return ValueError(f"a chunk holds more than the {limit:,} bytes that its metadata say")
