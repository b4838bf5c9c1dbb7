"""Zarr stores that open nothing but files, and arrays whose chunks inflate no further than their metadata say."""

import asyncio
import lzma
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numcodecs.abc import Codec
from zarr.abc.codec import BytesBytesCodec
from zarr.abc.store import ByteRequest
from zarr.codecs import ShardingCodec
from zarr.core.array import AsyncArray
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.core.metadata import ArrayV2Metadata, ArrayV3Metadata
from zarr.storage import LocalStore

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.common.inflate import BOUNDED, inflate

# Other codecs before the compression may widen values or add to them.
_WIDEST = 16
_MORE = 1024
_MOST_MORE = 2**20


class FileStore(LocalStore):
    """A store that refuses pipes and devices: reading one may wait forever, or never end.

    Attributes
    ----------
    most
        The largest size of a file in bytes; None if unknown.
    """

    most: int | None = None

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of a file; None if there is none."""
        self._check(key)
        return await super().get(key, prototype, byte_range)

    def get_sync(self, key: str, **options: Any) -> Buffer | None:
        """Return the bytes of a file; None if there is none."""
        self._check(key)
        return super().get_sync(key, **options)

    def _check(self, key: str) -> None:
        path = self.root / key
        try:
            state = path.stat()
        except OSError:
            return  # reading it says why, or it is a chunk of the value of all that is missing
        refuse_special(path, ImageReadError, state.st_mode)
        if self.most is not None and state.st_size > self.most:
            raise ValueError(f"the chunk {path} has {state.st_size:,} bytes, expected at most {self.most:,}")


def open_store(folder: Path) -> zarr.Array | zarr.Group:
    """Open a store by the metadata of each array and group; copies of them in groups above may be old.

    A store with metadata of Zarr 2 as well as 3 is opened as Zarr 3, which zarr-python does with a warning of its own.
    """
    version: Literal[3] | None = 3 if (folder / "zarr.json").is_file() else None
    store = FileStore(folder, read_only=True)
    return zarr.open(store=store, mode="r", zarr_format=version, use_consolidated=False)


def bounded(array: zarr.Array) -> zarr.Array:
    """Return an array of numbers whose chunks are refused if they inflate to more than their size."""
    metadata = array.metadata
    if array.dtype.kind not in "buifc":
        return array
    if isinstance(metadata, ArrayV2Metadata):
        filters, compressor = metadata.filters or (), metadata.compressor
        size = prod(metadata.chunks) * array.dtype.itemsize
        most = prod(metadata.chunks) * max(array.dtype.itemsize, _WIDEST) + _MORE
        limit = most if filters else size
        new: ArrayV2Metadata | ArrayV3Metadata = replace(
            metadata,
            dtype=metadata.dtype,
            compressor=None if compressor is None else _bounded_v2(compressor, limit),
            filters=tuple(_bounded_v2(codec, most) for codec in filters) or None,
        )
    else:
        new = replace(metadata, codecs=_all_bounded(metadata.codecs))
    if isinstance(store := array.store_path.store, FileStore):
        # Compressed bytes may be a little more than the values.
        store.most = 2 * prod(array.shards or array.chunks) * max(array.dtype.itemsize, _WIDEST) + _MOST_MORE
    return zarr.Array(AsyncArray(metadata=new, store_path=array.store_path))


class _BoundedV2(Codec):  # type: ignore[misc]
    """A codec of Zarr 2 that decodes at most ``limit`` bytes."""

    codec_id = "bounded"

    def __init__(self, codec: Codec, limit: int) -> None:
        self.codec, self.limit = codec, limit

    def encode(self, buf: object) -> object:
        return self.codec.encode(buf)

    def decode(self, buf: Any, out: object = None) -> object:
        content = inflate(self.codec.codec_id, memoryview(buf).cast("B"), self.limit)
        return self.codec.decode(buf) if content is None else np.frombuffer(content, np.uint8)


def _bounded_v2(codec: Codec, limit: int) -> Codec:
    is_raw = codec.codec_id == "lzma" and codec.format == lzma.FORMAT_RAW
    return _BoundedV2(codec, limit) if codec.codec_id in BOUNDED and not is_raw else codec


@dataclass(frozen=True)
class _Bounded(BytesBytesCodec):
    """A codec of Zarr 3 that decodes no more than a chunk holds."""

    codec: Any
    kind: str
    is_alone: bool
    is_fixed_size = False

    def to_dict(self) -> Any:
        return self.codec.to_dict()

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        size: int = self.codec.compute_encoded_size(input_byte_length, chunk_spec)
        return size

    def _inflate(self, chunk: Buffer, spec: ArraySpec) -> Buffer | None:
        items, itemsize = prod(spec.shape), spec.dtype.to_native_dtype().itemsize
        limit = items * itemsize if self.is_alone else items * max(itemsize, _WIDEST) + _MORE
        content = inflate(self.kind, memoryview(chunk.as_numpy_array()).cast("B"), limit)  # type: ignore[arg-type]
        return None if content is None else spec.prototype.buffer.from_bytes(content)

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        content = self._inflate(chunk_bytes, chunk_spec)
        if content is None:
            content = self.codec._decode_sync(chunk_bytes, chunk_spec)
        return content

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        content = await asyncio.to_thread(self._inflate, chunk_data, chunk_spec)
        if content is None:
            content = await self.codec._decode_single(chunk_data, chunk_spec)
        return content


def _all_bounded(codecs: Any) -> tuple[Any, ...]:
    """Return the codecs of an array of Zarr 3, those in shards included."""
    kinds = [_kind(codec) for codec in codecs]
    is_alone = len(codecs) == 2 and not isinstance(codecs[0], ShardingCodec)
    return tuple(
        replace(codec, codecs=_all_bounded(codec.codecs))
        if isinstance(codec, ShardingCodec)
        else _Bounded(codec, kind, is_alone)
        if kind in BOUNDED
        else codec
        for codec, kind in zip(codecs, kinds, strict=True)
    )


def _kind(codec: Any) -> str:
    facts = codec.to_dict()
    return str(facts.get("name", "")).removeprefix("numcodecs.")
