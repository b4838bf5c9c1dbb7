"""A check of the heaps in which HDF5 stores texts of variable length, made before a text is read.

HDF5 hangs on a heap overwritten with zeros, as in a file that was copied only in part, and Python cannot end the call:
HDF5 takes zeros for free space of length 0 and advances by that length. Seen with HDF5 1.14.2, 1.14.6 and 2.0.0 (h5py
3.11, 3.13, 3.15 and 3.16). A test for a fix in a newer version would itself hang without one. The layout is the
"global heap" of the HDF5 file format.
"""

import mmap
import struct
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import h5py

from napari_batch_prediction.ilp.limits import MAX_TEXT

# Each text in a dataset: its length, the heap's address, and the number of the object in the heap.
_REFERENCE = struct.Struct("<IQI")
# The header of a heap: signature, version, size; that of an object: number, references, size.
_HEAP = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_FREE_SPACE = 0
_SIGNATURE = b"GCOL"
# Bytes of all texts of a dataset.
_MAX_TEXTS = 64 * 2**20


def texts_are_readable(dataset: h5py.Dataset) -> bool:
    """Return True if the heaps of a dataset hold its texts, or if it needs no heap.

    Heaps may hold other things than texts, and datasets of texts may be stored in chunks, but ilastik stores none of
    these; such datasets count as unreadable.
    """
    if dataset.dtype.kind != "O" or not dataset.size:
        return not dataset.dtype.hasobject or not dataset.size
    offset = dataset.id.get_offset()
    if h5py.check_string_dtype(dataset.dtype) is None or offset is None:
        return False
    with Path(dataset.file.filename).open("rb") as stream:
        stream.seek(offset)
        stored = stream.read(dataset.size * _REFERENCE.size)
        if len(stored) < dataset.size * _REFERENCE.size:
            return False
        references = [reference for reference in _REFERENCE.iter_unpack(stored) if reference[0]]
        heaps = {heap: _object_sizes(stream, heap) for heap in {heap for _, heap, _ in references}}
    lengths = [length for length, _, _ in references]
    if max(lengths, default=0) > MAX_TEXT or sum(lengths) > _MAX_TEXTS:
        return False
    return all(heaps[heap].get(number, 0) >= length for length, heap, number in references)


def attributes_are_readable(file: h5py.File, attribute: h5py.h5a.AttrID) -> bool:
    """Return True if no heap of a file makes HDF5 hang, or if an attribute needs no heap."""
    if not attribute.dtype.hasobject:
        return True
    if h5py.check_string_dtype(attribute.dtype) is None:
        return False
    path = Path(file.filename)
    state = path.stat()
    return _heaps_end(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4)
def _heaps_end(path: Path, size: int, changed: int) -> bool:
    """Return True unless the file refers to a heap with free space of length 0.

    The bytes of an attribute cannot be asked for, so all heaps are looked at. A heap that nothing refers to is left
    over from what was removed from the file.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        left, start = 4 * size, content.find(_SIGNATURE)
        while start >= 0 and start + _HEAP.size <= size:
            length = min(_HEAP.unpack_from(content, start)[2], size - start)
            left -= length
            if left < 0 or (not _ends(content[start : start + length]) and content.find(struct.pack("<Q", start)) >= 0):
                return False
            start = content.find(_SIGNATURE, start + 1)
    return True


def _ends(heap: bytes) -> bool:
    position = _HEAP.size
    while position + _OBJECT.size <= len(heap):
        number, _, length = _OBJECT.unpack_from(heap, position)
        if number == _FREE_SPACE and length == 0:
            return False
        position += length if number == _FREE_SPACE else _OBJECT.size + -(-length // 8) * 8
    return True


def _object_sizes(stream: BinaryIO, address: int) -> dict[int, int]:
    """Return the size of each object in a heap by its number; none if the heap is damaged."""
    end = stream.seek(0, 2)
    if address + _HEAP.size > end:
        return {}
    stream.seek(address)
    signature, _, size = _HEAP.unpack(stream.read(_HEAP.size))
    if signature != _SIGNATURE or not _HEAP.size <= size <= end - address:
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
