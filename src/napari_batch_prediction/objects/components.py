"""Connected components of a volume that is labelled box by box: the same, whatever the boxes."""

from collections.abc import Callable
from math import inf

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.objects.boxes import boxes, in_order
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_find_pairs = Kernel("napari_batch_prediction.objects.loops.components", "find_pairs")
_label_box = Kernel("napari_batch_prediction.objects.loops.components", "label_box")
_measure_box = Kernel("napari_batch_prediction.objects.loops.components", "measure_box")
_sum_up = Kernel("napari_batch_prediction.objects.loops.components", "sum_up")
_unite_pairs = Kernel("napari_batch_prediction.objects.loops.components", "unite_pairs")

_MOST_LABELS = 2**32 - 1

ValuesOf = Callable[[Box], NDArray]
"""Returns values (z, y, x) of a box, of which the equal ones are connected; 0 is background."""

Inside = Callable[[Box], NDArray[np.bool_]]
"""Returns where in a box (z, y, x) objects may be."""


class Pieces:
    """Pieces of objects: numbers from 1 in a volume, and what is known of each.

    A volume holds the numbers of pieces; sets of them make objects. What keeps an object, and its number, is
    decided when all pieces are known, and written by :meth:`write`.

    Parameters
    ----------
    labels
        Takes the numbers: one channel of uint32.
    """

    def __init__(self, labels: Volume) -> None:
        self.labels = labels
        self.shape = labels.shape[1:]
        self.n_pieces = 0
        self._pairs: list[NDArray[np.uint32]] = []
        self._known: list[tuple[NDArray, NDArray, NDArray]] = []
        self.parents = np.zeros(1, np.uint32)
        self.sizes = np.zeros(1, np.int64)
        self.firsts = np.zeros(1, np.int64)
        self.on_border = np.zeros(1, bool)
        self._kept = np.zeros(1, bool)
        self._numbers = np.zeros(1, np.uint32)

    def add(self, box: Box, local: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
        """Take the pieces of a box, numbered from 1, and return the box with their numbers in the volume."""
        if self.n_pieces + n > _MOST_LABELS:
            raise ImageMismatchError(
                f"There are more than {_MOST_LABELS} pieces of objects, which is more than can be numbered. Smooth "
                "more, or raise the threshold."
            )
        origin = tuple(part.start for part in box)
        sizes, firsts, on_border = _unknown(n)
        _measure_box(local, origin, self.shape, sizes, firsts, on_border)
        self._known.append((sizes[1:], firsts[1:], on_border[1:]))
        numbers = local + np.uint32(self.n_pieces) * (local > 0)
        self.n_pieces += n
        return numbers

    def touch(self, first: NDArray[np.uint32], second: NDArray[np.uint32]) -> None:
        """Note that pieces at the same places of two arrays, where neither is 0, are of one object."""
        pairs = overlaps(first, second)
        if len(pairs):
            self._pairs.append(pairs)

    def unite(self) -> None:
        """Make objects of the pieces that touch: afterwards the smallest number of an object stands for it."""
        self.parents = np.arange(self.n_pieces + 1, dtype=np.uint32)
        for i, parts in enumerate(zip(*self._known, strict=True)):
            known = np.concatenate([np.zeros(1, parts[0].dtype), *parts])
            setattr(self, ("sizes", "firsts", "on_border")[i], known)
        if not self._known:
            self.sizes, self.firsts, self.on_border = _unknown(0)
        self._known.clear()
        pairs = np.concatenate(self._pairs) if self._pairs else np.zeros((0, 2), np.uint32)
        self._pairs.clear()
        _unite_pairs(self.parents, pairs)
        _sum_up(self.parents, self.sizes, self.firsts, self.on_border)
        self._kept = self.parents == np.arange(self.n_pieces + 1, dtype=np.uint32)
        self._kept[0] = False

    def of_size(self, least: float, most: float = inf) -> NDArray[np.bool_]:
        """For each number that stands for an object, return True if its pixels are as many as allowed."""
        return (self.sizes >= least) & (self.sizes <= most)

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Keep only chosen objects, by the numbers that stand for them."""
        self._kept &= chosen

    def number(self) -> int:
        """Give numbers to the objects that are kept, from 1 by their first pixel; return how many there are."""
        objects = np.flatnonzero(self._kept)
        objects = objects[np.argsort(self.firsts[objects], kind="stable")]
        numbers = np.zeros(self.n_pieces + 1, np.uint32)
        numbers[objects] = np.arange(1, len(objects) + 1, dtype=np.uint32)
        self._numbers = numbers[self.parents]
        return len(objects)

    def numbered(self, box: Box) -> NDArray[np.uint32]:
        """Return the numbers (z, y, x) of the objects in a box, 0 for those that are not kept."""
        numbers: NDArray[np.uint32] = np.take(self._numbers, self.labels.read(box)[0])
        return numbers

    def first_pixels(self) -> NDArray[np.int64]:
        """Return the position of the first pixel of each numbered object, which rises with the number."""
        return np.sort(self.firsts[self._kept])

    def write(self, labels: Volume, workers: int) -> None:
        """Write the numbers of the objects into a volume, which may be that of the pieces."""

        def renumber(box: Box) -> None:
            labels.write(box, self.numbered(box)[None])

        as_they_are = np.array_equal(self._numbers, np.arange(self.n_pieces + 1))
        if labels is not self.labels or not as_they_are:
            for _ in in_order(renumber, boxes(self.shape), workers):
                pass


def connect(values_of: ValuesOf, labels: Volume, workers: int, *, flat: bool = True) -> Pieces:
    """Return the connected components of a volume, over the faces of pixels.

    Parameters
    ----------
    values_of
        Returns the values of a box.
    labels
        Takes the numbers.
    workers
        Number of threads.
    flat
        True if all values other than 0 are the same; else values are read twice at the faces of boxes.
    """
    pieces = Pieces(labels)
    for box, (local, n) in in_order(lambda box: label(values_of(box)), boxes(pieces.shape), workers):
        join(pieces, box, local, n, None if flat else values_of)
    pieces.unite()
    return pieces


def label(values: NDArray) -> tuple[NDArray[np.uint32], int]:
    """Return labels (z, y, x) of the components of equal values, other than 0, from 1 by first pixel; their number."""
    values = np.ascontiguousarray(values)
    if values.dtype == bool:
        values = values.view(np.uint8)
    labels = np.empty(values.shape, np.uint32)
    n = _label_box(values, labels, np.empty(values.size + 1, np.uint32))
    return labels, int(n)


def join(pieces: Pieces, box: Box, local: NDArray[np.uint32], n: int, values_of: ValuesOf | None = None) -> None:
    """Add the components of a box, after those of the boxes before it along each axis, and write their numbers."""
    numbers = pieces.add(box, local, n)
    pieces.labels.write(box, numbers[None])
    for axis in range(3):
        at = box[axis].start
        if at == 0:
            continue
        before = _with(box, axis, slice(at - 1, at))
        face = [_ALL, _ALL, _ALL]
        face[axis] = slice(0, 1)
        there, here = pieces.labels.read(before)[0], numbers[tuple(face)]
        if values_of is not None:
            there = np.where(values_of(before) == values_of(_with(box, axis, slice(at, at + 1))), there, 0)
        pieces.touch(there, here)


def overlaps(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the pairs of labels (n, 2), other than 0, that two arrays have at the same places."""
    pairs = np.empty((first.size, 2), np.uint32)
    n = _find_pairs(first.ravel(), second.ravel(), pairs)
    return np.unique(pairs[:n], axis=0)


_ALL = slice(None)


def _with(box: Box, axis: int, part: slice) -> Box:
    z, y, x = (part if i == axis else old for i, old in enumerate(box))
    return z, y, x


def _unknown(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return sizes, first pixels and flags of labels up to a number of which nothing is known."""
    return np.zeros(n + 1, np.int64), np.full(n + 1, np.iinfo(np.int64).max), np.zeros(n + 1, bool)
