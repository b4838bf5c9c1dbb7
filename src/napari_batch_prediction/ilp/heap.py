"""A check of the heaps in which HDF5 stores texts of variable length, made before a text is read.

HDF5 hangs on a heap overwritten with zeros, as in a file that was copied only in part, and Python cannot end the call:
HDF5 takes zeros for free space of length 0 and advances by that length. Seen with HDF5 1.14.2, 1.14.6 and 2.0.0 (h5py
3.11, 3.13, 3.15 and 3.16). A test for a fix in a newer version would itself hang without one. The layout is the
"global heap" of the HDF5 file format.
"""

import struct
from pathlib import Path
from typing import BinaryIO

import h5py

# Each text in a dataset: its length, the heap's address, and the number of the object in the heap.
_REFERENCE = struct.Struct("<IQI")
# The header of a heap: signature, version, size; that of an object: number, references, size.
_HEAP = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_FREE_SPACE = 0


def texts_are_readable(dataset: h5py.Dataset) -> bool:
    """Return True if the heaps of a dataset hold its texts, or if it needs no heap.

    Heaps may hold other things than texts, but ilastik stores none; such datasets count as unreadable.
    """
    offset = dataset.id.get_offset()
    if dataset.dtype.kind != "O" or offset is None:
        return True
    if h5py.check_string_dtype(dataset.dtype) is None:
        return False
    with Path(dataset.file.filename).open("rb") as stream:
        stream.seek(offset)
        stored = stream.read(dataset.size * _REFERENCE.size)
        if len(stored) < dataset.size * _REFERENCE.size:
            return False
        references = [reference for reference in _REFERENCE.iter_unpack(stored) if reference[0]]
        heaps = {heap: _object_sizes(stream, heap) for _, heap, _ in references}
    return all(heaps[heap].get(number, 0) >= length for length, heap, number in references)


def _object_sizes(stream: BinaryIO, address: int) -> dict[int, int]:
    """Return the size of each object in a heap by its number; none if the heap is damaged."""
    end = stream.seek(0, 2)
    if address + _HEAP.size > end:
        return {}
    stream.seek(address)
    signature, _, size = _HEAP.unpack(stream.read(_HEAP.size))
    if signature != b"GCOL" or not _HEAP.size <= size <= end - address:
        return {}
    stream.seek(address)
    heap = stream.read(size)
    sizes = {}
    position = _HEAP.size
    while position + _OBJECT.size <= size:
        number, _, length = _OBJECT.unpack_from(heap, position)
        # The size of free space includes its header; objects exclude it and are padded to a multiple of 8.
        step = length if number == _FREE_SPACE else _OBJECT.size + -(-length // 8) * 8
        if not _OBJECT.size <= step <= size - position:
            return {}
        sizes[number] = length
        position += step
    return sizes
