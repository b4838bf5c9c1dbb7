"""The list of chunks of a dataset, checked: the library believes it, and ends the process on some that are damaged."""

import math
from pathlib import Path

import h5py
import numpy as np

from napari_batch_prediction.errors import ImageReadError

# Longer lists would take seconds.
_MOST = 2_000_000
_FLETCHER32, _BYTES_OF_FLETCHER32 = 3, 4
# What a filter may add to a chunk that it cannot compress.
_MOST_ADDED = 2**16


def check_chunks(file: Path, dataset: h5py.Dataset) -> int:
    """Check where the chunks of a dataset lie, and their sizes; return the bytes of a decoded chunk.

    Raises
    ------
    ImageReadError
        If a chunk lies outside of the file or the dataset, or has a size that cannot be.
    """
    if dataset.chunks is None:
        return 0
    n_bytes: int = math.prod(dataset.chunks) * int(dataset.dtype.itemsize)
    n_chunks = dataset.id.get_num_chunks()
    if 0 < n_chunks <= _MOST:
        rows: list[tuple[int, ...]] = []
        dataset.id.chunk_iter(
            lambda info: rows.append((*info.chunk_offset, info.byte_offset, info.size, info.filter_mask))
        )
        fault = _fault(dataset, n_bytes, rows, file.stat().st_size)
        if fault:
            raise ImageReadError(
                f"'{dataset.name.strip('/')}' in '{file}' is damaged: {fault}. Copy or save the file again.", path=file
            )
    return n_bytes


def _fault(dataset: h5py.Dataset, n_bytes: int, rows: list[tuple[int, ...]], file_size: int) -> str:
    """Return what is wrong with the list of chunks; empty if nothing is."""
    try:
        table = np.array(rows, np.int64)
    except OverflowError:
        return "a chunk lies outside of the file"
    starts, offsets, sizes, masks = table[:, :-3], table[:, -3], table[:, -2], table[:, -1]
    chunks = np.array(dataset.chunks)
    if (starts < 0).any() or (starts % chunks).any() or (starts >= np.array(dataset.shape)).any():
        return "a chunk lies outside of the image"
    if len(np.unique(starts, axis=0)) < len(starts):
        return "a chunk is there twice"
    if (offsets < 0).any() or (sizes < 0).any() or (offsets > file_size - sizes).any():
        return "a chunk lies outside of the file"
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    all_skipped = (1 << len(filters)) - 1
    is_plain = (masks & all_skipped) == all_skipped
    if (sizes[is_plain] != n_bytes).any():
        return f"a chunk is not of {n_bytes} bytes"
    least = 1 + (_BYTES_OF_FLETCHER32 if _FLETCHER32 in filters else 0)
    if (sizes[~is_plain] < least).any() or (sizes > 2 * n_bytes + _MOST_ADDED).any():
        return f"a chunk of {n_bytes} bytes is stored in {sizes.min()} or {sizes.max()}"
    return ""
