"""Compression of chunks in OME-Zarr."""

import asyncio

from imagecodecs import gzip_encode
from numcodecs import Blosc, GZip, Zstd
from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer

from napari_batch_prediction.formats.common.target import GZIP_LEVEL, Compression

LEVEL = 2


class _TimelessGZip(GZip):  # type: ignore[misc]
    """gzip without a time stamp, so that equal content gives equal files."""

    def encode(self, buf: object) -> bytes:
        return bytes(gzip_encode(ensure_contiguous_ndarray(buf), self.level))


class _TimelessGzipCodec(GzipCodec):
    def _encode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return chunk_spec.prototype.buffer.from_bytes(bytes(gzip_encode(chunk_bytes.to_bytes(), self.level)))

    # zarr-python 3.1.5 and before have no other way.
    async def _encode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_bytes, chunk_spec)


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
