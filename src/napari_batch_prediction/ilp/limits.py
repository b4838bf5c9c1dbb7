"""Limits of a project, far above those of real ones.

The size that a dataset declares is compared with them before it is read, so that a small file cannot take much memory.
"""

import math
import zlib
from pathlib import Path

from h5py import h5d, h5p, h5z

MAX_MEMBERS = 20_000
"""Members of any group."""

MAX_TREES = 5000
"""Trees of a classifier; ilastik trains 100."""

MAX_FORESTS = 1000
"""Forests of a classifier; ilastik stores one for each thread."""

MAX_LEVELS = 100_000
"""Levels of all trees of a classifier together."""

MAX_LANES = 3000
"""Training images."""

MAX_BLOCKS = 10_000
"""Blocks of labels of all training images together."""

MAX_FEATURES = 200_000
"""Features of a pixel, of all channels."""

MAX_SCALES = 256
"""Scales, and rows, of a selection of features."""

MAX_SIGMA = 1000
"""The largest scale and size of an object, in pixels."""

MAX_DIMENSIONS = 16
"""Dimensions of a training image."""

MAX_VALUES = 200_000
"""Values of a list of texts or whole numbers."""

MAX_TEXT = 2**20
"""Bytes of a text."""

MAX_NAME = 1000
"""Characters of a name that ends up in messages and outputs."""

MAX_DATASET = 512 * 2**20
"""Bytes of a dataset, such as an image in the project."""

# gzip shrinks zeros to a 1032nd; ilastik stores nothing that is sparse.
_MAX_RATIO = 1100
_SMALL = 2**20
_MAX_PROJECT = 512 * 2**20
# Datasets that compress well have a limit of their own; values stored plainly grow with the file.
_FILE_SIZES = 8


class Limits:
    """Counts the bytes that are read from a project.

    Parameters
    ----------
    path
        The project file.
    """

    def __init__(self, path: Path) -> None:
        self._left = _MAX_PROJECT + _FILE_SIZES * path.stat().st_size

    def check(self, dataset: h5d.DatasetID, most: int | None = None, copies: int = 1) -> str:
        """Count a dataset that is about to be read.

        Parameters
        ----------
        dataset
            The dataset.
        most
            Number of values it may have.
        copies
            Number of times its values are going to be in memory.

        Returns
        -------
        The reason why it is not to be read; empty if it may be.
        """
        shape, itemsize = dataset.shape or (), dataset.dtype.itemsize
        n_values = math.prod(shape)
        n_bytes = n_values * itemsize
        if most is not None and n_values > most:
            return f"it has {n_values} values, expected at most {most}"
        properties = dataset.get_create_plist()
        chunk = properties.get_chunk() if properties.get_layout() == h5d.CHUNKED else ()
        # HDF5 reads whole chunks, also where they reach beyond the dataset.
        n_needed = max(n_bytes, math.prod(chunk) * itemsize) if n_bytes else 0
        stored = dataset.get_storage_size()
        if n_needed > max(_SMALL, _MAX_RATIO * stored):
            return f"it claims {n_needed} bytes, but only {stored} are stored"
        if n_needed > MAX_DATASET:
            return f"it has {n_needed} bytes, expected at most {MAX_DATASET}"
        if chunk and not _chunks_fit(dataset, properties, math.prod(chunk) * itemsize):
            return "a chunk of it is not compressed as ilastik does, or holds more than it should"
        self._left -= copies * n_needed
        return "" if self._left >= 0 else "with it, far more would be read from the file than ilastik stores"


def _chunks_fit(dataset: h5d.DatasetID, properties: h5p.PropDCID, n_bytes: int) -> bool:
    """Return False for a chunk that inflates to more bytes than it is to have: HDF5 inflates it to the end."""
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    if h5z.FILTER_DEFLATE not in filters:
        return True
    offsets: list[tuple[int, ...]] = []
    dataset.chunk_iter(lambda chunk: offsets.append(chunk.chunk_offset))
    for offset in offsets:
        left_out, stored = dataset.read_direct_chunk(offset)
        if left_out >> filters.index(h5z.FILTER_DEFLATE) & 1:
            continue
        inflating = zlib.decompressobj()
        try:
            # A checksum takes four bytes.
            inflating.decompress(stored, n_bytes + 4)
        except zlib.error:
            return False
        if not inflating.eof:
            return False
    return filters.count(h5z.FILTER_DEFLATE) == 1
