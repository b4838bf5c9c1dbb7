"""Compression of chunks in OME-Zarr."""

from functools import cached_property

from imagecodecs import gzip_encode
from numcodecs import Blosc, GZip, Zstd
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from napari_batch_prediction.formats.common.target import GZIP_LEVEL, Compression

LEVEL = 2


class _TimelessGZip(GZip):  # type: ignore[misc]
    """gzip without a time stamp, so that equal content gives equal files."""

    def encode(self, buf: object) -> bytes:
        return bytes(gzip_encode(ensure_contiguous_ndarray(buf), self.level))


class _TimelessGzipCodec(GzipCodec):
    @cached_property
    def _gzip_codec(self) -> GZip:
        return _TimelessGZip(self.level)


def codec(compression: Compression, version: str) -> Codec | BytesBytesCodec | None:
    """Return the codec of a compression in a version of OME-Zarr, 0.4 or 0.5; None for no compression."""
    v2 = version == "0.4"
    if compression == "blosc":
        # Shuffling bytes would double files of probabilities.
        if v2:
            return Blosc("zstd", LEVEL, Blosc.NOSHUFFLE)
        return BloscCodec(cname="zstd", clevel=LEVEL, shuffle="noshuffle")
    if compression == "zstd":
        return Zstd(LEVEL) if v2 else ZstdCodec(level=LEVEL)
    if compression == "gzip":
        return _TimelessGZip(GZIP_LEVEL) if v2 else _TimelessGzipCodec(level=GZIP_LEVEL)
    return None
