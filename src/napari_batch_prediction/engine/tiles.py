"""Cutting an image into tiles: small enough for memory, large enough that context costs little."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from math import prod
from typing import NamedTuple

Steps = tuple[int, int, int]
Box = tuple[slice, slice, slice]


class Context(NamedTuple):
    """Pixels needed on each side of a tile so that its prediction is that of the whole image."""

    z: int
    y: int
    x: int


class Memory(NamedTuple):
    """Bytes that are taken while a tile is worked on.

    Attributes
    ----------
    tile, block
        By a pixel of the tile itself, and by one of the tile with its context.
    thread
        By the thread, however large the tile is.
    """

    tile: int
    block: int
    thread: int = 0


class TileLimits(NamedTuple):
    """The tiles with which an engine works best.

    Attributes
    ----------
    most_bytes
        Memory of one tile, all told.
    least_bytes
        Memory of the smallest sensible tile.
    worth_cutting
        Smaller images are not cut.
    at_least
        Larger images are cut into so many tiles, so that progress moves and cores share the work.
    share_of_context
        The work on a pixel of the context, which is only smoothed, as a share of that on a pixel of the tile.
    cut_rows_cost
        Tiles of whole rows are read faster; cutting rows must save more than this factor.
    margin
        Pixels on each side of a tile that take as much memory as those of the tile.
    padding
        Pixels at the end of each row that do, too.
    """

    most_bytes: int
    least_bytes: int
    worth_cutting: int
    at_least: int
    share_of_context: float
    cut_rows_cost: float
    margin: int
    padding: int


# Boundaries move to those of the file's chunks if no tile gets longer than this many times the even length; more
# if there are so many tiles that longer and shorter ones even out.
MAX_UNEVEN = 1.1
MANY = 8
MAX_UNEVEN_OF_MANY = 1.5

# More boundaries than these are not looked at one by one.
_MOST_LOOKED_AT = 4096


def n_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Tile(NamedTuple):
    """A box of pixels at one time point."""

    t: int
    z: slice
    y: slice
    x: slice

    def with_context(self, extents: Mapping[str, int], context: Context) -> tuple[Box, Box]:
        """Return the box with its context, cut off where the image ends, and the tile within that box."""
        outer, inner = [], []
        for key, side, pixels in zip("zyx", self[1:], context, strict=True):
            start, stop = max(side.start - pixels, 0), min(side.stop + pixels, extents[key])
            outer.append(slice(start, stop))
            inner.append(slice(side.start - start, side.stop - start))
        return (outer[0], outer[1], outer[2]), (inner[0], inner[1], inner[2])


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an axis, each made when it is asked for: there may be more than fit into memory.

    Attributes
    ----------
    extent, count
        The extent of the axis, and the number of its parts.
    chunk
        The distance of the boundaries to which those of the parts move; 1 if they stay evenly spaced.
    start
        The start of the first part.
    """

    extent: int
    count: int
    chunk: int = 1
    start: int = 0

    def __iter__(self) -> Iterator[slice]:
        """Yield the parts in order."""
        start = self.start
        for i in range(1, self.count + 1):
            stop = self.start + self.boundary(i)
            yield slice(start, stop)
            start = stop

    def boundary(self, i: int) -> int:
        """Return the end of the first ``i`` parts, counted from the start of the first."""
        # In whole numbers, which are exact whatever their size.
        even = (2 * i * self.extent + self.count) // (2 * self.count)
        is_inner = 0 < i < self.count
        return (2 * even + self.chunk) // (2 * self.chunk) * self.chunk if is_inner else even

    def lengths(self) -> tuple[int, int]:
        """Return the length of the shortest part and of the longest; of many parts, bounds of both."""
        if self.count > _MOST_LOOKED_AT:
            length = self.extent // self.count
            return length - self.chunk, length + 1 + self.chunk
        lengths = [part.stop - part.start for part in self]
        return min(lengths), max(lengths)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of an image in the order of their work, by t, y, z, x; each is made when it is asked for.

    Attributes
    ----------
    times
        The time points.
    z, y, x
        The parts along each axis.
    """

    times: range
    z: Parts
    y: Parts
    x: Parts

    def __len__(self) -> int:
        """Return the number of tiles."""
        return len(self.times) * self.z.count * self.y.count * self.x.count

    @property
    def n_pixels(self) -> int:
        """The number of pixels in all tiles, with one channel."""
        return len(self.times) * self.z.extent * self.y.extent * self.x.extent

    def __iter__(self) -> Iterator[Tile]:
        """Yield the tiles in order."""
        for t in self.times:
            for y in self.y:
                for z in self.z:
                    for x in self.x:
                        yield Tile(t, z, y, x)

    def most_bytes(self, extents: Mapping[str, int], context: Context, memory: Memory, limits: TileLimits) -> int:
        """Return the bytes that a pixel of the largest tile takes, times their number; see :func:`make_tiles`."""
        largest = [parts.lengths()[1] for parts in (self.z, self.y, self.x)]
        margin = [2 * limits.margin * (pixels > 0) for pixels in context]
        inner = prod(n + around for n, around in zip(largest, margin, strict=True))
        inner += inner // (largest[-1] + margin[-1]) * limits.padding
        outer = zip(largest, context, (extents[key] for key in "zyx"), strict=True)
        block = prod(min(n + 2 * pixels, extent) for n, pixels, extent in outer)
        return inner * memory.tile + block * memory.block


def make_tiles(
    extents: Mapping[str, int],
    context: Context,
    chunk: Steps,
    memory: Memory,
    workers: int,
    limits: TileLimits,
    most: int | None = None,
    starts: Mapping[str, int] | None = None,
) -> Tiles:
    """Cut an image, or a box in it, into tiles that cover it once.

    Time points are always separate. The number of parts along each axis is the one with the least work for
    the busiest thread, context counted.

    Parameters
    ----------
    extents
        Extents of the image or the box along ``t z y x``.
    context
        Pixels of surroundings that a tile needs.
    chunk
        Extents along z, y and x of the pieces a file is stored in; boundaries move there if the tiles stay of
        similar size.
    memory
        Bytes a pixel takes while its tile is worked on.
    workers
        Number of threads that share this image.
    limits
        The tiles that the engine wants.
    most
        Bytes that a tile may take, if less than the engine wants.
    starts
        Start of the box along ``t z y x``; 0 if not given.
    """
    size = (extents["z"], extents["y"], extents["x"])
    if most is not None:
        limits = limits._replace(most_bytes=min(limits.most_bytes, max(limits.least_bytes, most)))
    counts = _counts(size, extents["t"], context, memory, workers, limits)
    starts = starts or dict.fromkeys("tzyx", 0)
    z, y, x = (_parts(extents[key], counts[i], chunk[i], starts[key]) for i, key in enumerate("zyx"))
    return Tiles(range(starts["t"], starts["t"] + extents["t"]), z, y, x)


def _parts(extent: int, count: int, chunk: int, start: int) -> Parts:
    """Cut an axis into ``count`` parts, at boundaries of chunks if the parts stay of similar length."""
    snapped = Parts(extent, count, chunk, start)
    shortest, longest = snapped.lengths()
    most = (MAX_UNEVEN_OF_MANY if count >= MANY else MAX_UNEVEN) * extent / count
    return snapped if shortest > 0 and longest <= most else Parts(extent, count, start=start)


@lru_cache(maxsize=256)
def _counts(size: Steps, n_times: int, context: Context, memory: Memory, workers: int, limits: TileLimits) -> Steps:
    """Return the numbers of parts along z, y and x."""

    def fits(limit: int, nz: int, nx: int, ny: int) -> bool:
        inner, block = _pixels(size, (nz, ny, nx), context)
        return inner * memory.tile + block * memory.block <= limit

    def time(counts: Steps) -> float:
        inner, block = _pixels(size, counts, context)
        rounds = -(-prod(counts) * n_times // workers)
        return rounds * (inner + limits.share_of_context * block) * (limits.cut_rows_cost if counts[2] > 1 else 1.0)

    limit = limits.most_bytes
    small = prod(size) * n_times < limits.worth_cutting
    if small and fits(limit, 1, 1, 1):
        return 1, 1, 1
    while True:
        fitting: list[Steps] = []
        for nx, nz in product(_some(size[2]), _some(size[0])):
            at_least = -(-limits.at_least // (nz * nx * n_times))
            first = _first(range(at_least, size[1] + 1), partial(fits, limit, nz, nx))
            if first is not None:
                fitting += [(nz, ny, nx) for ny in range(first, min(first + workers, size[1] + 1))]
        if fitting:
            return min(fitting, key=lambda counts: (time(counts), counts[2], counts[0], counts[1]))
        # No tiling fits, because the context alone is larger than the limit.
        limit *= 2


def _first(numbers: range, fits: Callable[[int], bool]) -> int | None:
    """Return the first number of parts that fits; None if none does.

    From three parts on, more parts are never larger: with fewer, those at the ends have context on one side only.
    """
    few, many = range(numbers.start, min(3, numbers.stop)), range(max(3, numbers.start), numbers.stop)
    first = next(filter(fits, few), None)
    if first is not None or not many or not fits(many[-1]):
        return first
    return many[bisect_left(many, True, key=fits)]


def _pixels(size: Steps, counts: Steps, context: Context) -> tuple[int, int]:
    """Return the pixels of the largest tile, without and with its context."""
    inner = [-(-extent // count) for extent, count in zip(size, counts, strict=True)]
    # A tile at the end of the axis has context on one side only.
    block = [
        min(n + min(count - 1, 2) * pixels, extent)
        for n, count, pixels, extent in zip(inner, counts, context, size, strict=True)
    ]
    return prod(inner), prod(block)


def _some(extent: int) -> list[int]:
    """Return numbers of parts worth trying along an axis: 1, 2, 3, 4, 6, 8, 12, 16, ..."""
    numbers = {1, *(2**i for i in range(1, extent.bit_length())), *(3 * 2**i for i in range(extent.bit_length()))}
    return sorted(n for n in numbers if n <= extent)
