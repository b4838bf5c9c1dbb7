"""A check of the heaps in which HDF5 keeps texts of variable length, made before texts are read.

HDF5 (2.0) never returns from reading a heap that was overwritten with zeros, as in a file that was copied only
in part, and nothing in Python can end the call. The layout is that of the HDF5 file format, "global heap".
"""

import struct
from pathlib import Path
from typing import BinaryIO

import h5py

# What a dataset stores for each text: length, address of the heap, number of the object in the heap.
_REFERENCE = struct.Struct("<IQI")
# A heap begins with its signature, version and size; an object with its number, references and size.
_HEAP = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_FREE_SPACE = 0


def texts_are_readable(dataset: h5py.Dataset) -> bool:
    """Whether the heaps with a dataset's texts can be walked; True of a dataset without texts in heaps."""
    kind = h5py.check_string_dtype(dataset.dtype)
    offset = dataset.id.get_offset()
    if kind is None or kind.length is not None or offset is None:
        return True
    with Path(dataset.file.filename).open("rb") as stream:
        stream.seek(offset)
        stored = stream.read(dataset.size * _REFERENCE.size)
        if len(stored) < dataset.size * _REFERENCE.size:
            return False
        heaps = {heap for length, heap, _ in _REFERENCE.iter_unpack(stored) if length}
        return all(_heap_is_whole(stream, heap) for heap in heaps)


def _heap_is_whole(stream: BinaryIO, address: int) -> bool:
    end = stream.seek(0, 2)
    if address + _HEAP.size > end:
        return False
    stream.seek(address)
    signature, _, size = _HEAP.unpack(stream.read(_HEAP.size))
    if signature != b"GCOL" or not _HEAP.size <= size <= end - address:
        return False
    stream.seek(address)
    heap = stream.read(size)
    at = _HEAP.size
    while at + _OBJECT.size <= size:
        number, _, length = _OBJECT.unpack_from(heap, at)
        # Free space counts its own header; objects do not, and fill up to a multiple of 8.
        step = length if number == _FREE_SPACE else _OBJECT.size + -(-length // 8) * 8
        if not _OBJECT.size <= step <= size - at:
            return False
        at += step
    return True
