"""The part of an image that is on the canvas, and the tiles in which it is predicted."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from math import hypot

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box

# Side of a tile, in pixels. Boundaries lie at multiples of it, so that a moved view has most of them in common.
TILE = 256

# Narrower tiles join their neighbour: they would consist of context.
_NARROW = 96

# Bytes of predicted tiles that are kept for views that come again.
KEPT_BYTES = 2**27


@dataclass(frozen=True, slots=True)
class View:
    """A plane of an image, as far as it is on the canvas.

    Attributes
    ----------
    image
        The number of the image.
    level
        The resolution that is shown; 0 is the full one.
    t
        The time point.
    box
        Slices along z, y and x, in pixels of that level; along the axis that is not shown, one pixel.
    step
        Of so many pixels along each axis that is shown one is kept, where the canvas has not more.
    """

    image: int
    level: int
    t: int
    box: Box
    step: int = 1

    @property
    def plane(self) -> tuple[object, ...]:
        """The facts in which two views of the same pixels agree."""
        return self.image, self.level, self.t, self.step, tuple(s.start if _is_flat(s) else None for s in self.box)

    def kept_shape(self, box: Box | None = None) -> tuple[int, int, int]:
        """Return the extents along z, y and x of the pixels that are kept of a box in the view, or of the view."""
        z, y, x = (len(range(0, s.stop - s.start, self.step)) for s in box or self.box)
        return z, y, x

    def place(self, box: Box) -> Box:
        """Return where the kept pixels of a box in the view lie among those of the view."""
        starts = [(s.start - mine.start) // self.step for s, mine in zip(box, self.box, strict=True)]
        z, y, x = (slice(a, a + n) for a, n in zip(starts, self.kept_shape(box), strict=True))
        return z, y, x

    def thinned(self, values: NDArray) -> NDArray:
        """Return the pixels of values (n, z, y, x) that are kept."""
        if self.step == 1:
            return values
        return np.ascontiguousarray(values[..., :: self.step, :: self.step, :: self.step])

    def tiles(self) -> list[Box]:
        """Return the tiles of the view, from its middle outward."""
        sides = [list(_parts(s, self.step)) for s in self.box]
        middle = [(s.start + s.stop) / 2 for s in self.box]

        def distance(box: Box) -> float:
            return hypot(*((s.start + s.stop) / 2 - m for s, m in zip(box, middle, strict=True)))

        return sorted(((z, y, x) for z, y, x in product(*sides)), key=distance)


def _is_flat(side: slice) -> bool:
    return bool(side.stop - side.start == 1)


def _parts(side: slice, step: int) -> Iterator[slice]:
    """Cut a side at multiples of the tile, and where its first pixel and its steps allow it."""
    inner = range(-(-(side.start + _NARROW) // TILE) * TILE, side.stop - _NARROW + 1, TILE)
    cuts = [side.start + (cut - side.start) // step * step for cut in inner]
    for start, stop in pairwise(dict.fromkeys([side.start, *cuts, side.stop])):
        yield slice(start, stop)


class KeptTiles:
    """Probabilities of the tiles that were predicted last, until the classifier changes."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[tuple[object, ...], list[tuple[Box, NDArray[np.float32]]]] = OrderedDict()
        self._bytes = 0

    def clear(self) -> None:
        """Forget all tiles."""
        self._tiles.clear()
        self._bytes = 0

    def add(self, view: View, box: Box, values: NDArray[np.float32]) -> None:
        """Keep the values (classes, z, y, x) of the kept pixels of a box; drop those of other planes if too many."""
        self._tiles.setdefault(view.plane, []).append((box, values))
        self._tiles.move_to_end(view.plane)
        self._bytes += values.nbytes
        while self._bytes > KEPT_BYTES and len(self._tiles) > 1:
            _, dropped = self._tiles.popitem(last=False)
            self._bytes -= sum(values.nbytes for _, values in dropped)

    def find(self, view: View, box: Box) -> NDArray[np.float32] | None:
        """Return the values of a box in a view; None if they are not kept."""
        for outer, values in reversed(self._tiles.get(view.plane, [])):
            offsets = [s.start - o.start for s, o in zip(box, outer, strict=True)]
            inside = all(o.start <= s.start and s.stop <= o.stop for s, o in zip(box, outer, strict=True))
            if inside and not any(offset % view.step for offset in offsets):
                starts = [offset // view.step for offset in offsets]
                shape = view.kept_shape(box)
                return values[(slice(None), *(slice(a, a + n) for a, n in zip(starts, shape, strict=True)))]
        return None
