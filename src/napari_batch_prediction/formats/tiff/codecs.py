"""How strips and tiles of TIFF are compressed."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.target import Compression

# No predictor: it makes files with probabilities twice as large, and few programs know the one for floats.
LEVEL = 4


class TiffCodec(NamedTuple):
    """tifffile's name of a compression, and what compresses a strip or tile that way."""

    name: str | None
    encode: Callable[[NDArray], bytes | bytearray]


def _plain(values: NDArray) -> bytes:
    return values.tobytes()


def _deflate(values: NDArray) -> bytes | bytearray:
    return imagecodecs.deflate_encode(np.ascontiguousarray(values), LEVEL, raw=False)  # type: ignore[arg-type]


def _zstd(values: NDArray) -> bytes | bytearray:
    return imagecodecs.zstd_encode(np.ascontiguousarray(values), LEVEL)  # type: ignore[arg-type]


def _lzw(values: NDArray) -> bytes | bytearray:
    return imagecodecs.lzw_encode(np.ascontiguousarray(values))  # type: ignore[arg-type]


CODECS: Mapping[Compression, TiffCodec] = {
    "gzip": TiffCodec("zlib", _deflate),
    "zstd": TiffCodec("zstd", _zstd),
    "lzw": TiffCodec("lzw", _lzw),
    "none": TiffCodec(None, _plain),
}
