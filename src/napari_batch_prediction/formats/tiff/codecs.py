"""Compression of strips and tiles in TIFF files."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.target import Compression

# Level without a predictor, which doubles files of probabilities; few programs know the one for floats.
LEVEL = 4


class TiffCodec(NamedTuple):
    """A compression: tifffile's name of it, and a function that compresses a strip or tile."""

    name: str | None
    encode: Callable[[NDArray], bytes | bytearray]


CODECS: Mapping[Compression, TiffCodec] = {
    "gzip": TiffCodec("zlib", partial(imagecodecs.deflate_encode, level=LEVEL, raw=False)),
    "zstd": TiffCodec("zstd", partial(imagecodecs.zstd_encode, level=LEVEL)),
    "lzw": TiffCodec("lzw", imagecodecs.lzw_encode),  # type: ignore[arg-type]  # any buffer will do
    "none": TiffCodec(None, np.ndarray.tobytes),
}
