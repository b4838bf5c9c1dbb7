"""Cutting an image into tiles: small enough for memory, large enough that context costs little."""

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise, product
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
    """Bytes that a pixel takes while its tile is worked on: of the tile itself, and of the tile with its context."""

    tile: int
    block: int


class TileLimits(NamedTuple):
    """The tiles with which an engine works best.

    Attributes
    ----------
    most_bytes
        Memory of one tile, all told.
    base_bytes
        Memory of a process before it works on any: interpreter, libraries, forest.
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
    """

    most_bytes: int
    base_bytes: int
    least_bytes: int
    worth_cutting: int
    at_least: int
    share_of_context: float
    cut_rows_cost: float


# Boundaries move to those of the file's chunks if no tile gets longer than this many times the even length; more
# if there are so many tiles that longer and shorter ones even out.
MAX_UNEVEN = 1.1
MANY = 8
MAX_UNEVEN_OF_MANY = 1.5


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

    def shifted(self, by: Mapping[str, int]) -> "Tile":
        """Return the box moved along each of ``t z y x``."""
        z, y, x = (slice(side.start + by[key], side.stop + by[key]) for key, side in zip("zyx", self[1:], strict=True))
        return Tile(self.t + by["t"], z, y, x)

    def with_context(self, extents: Mapping[str, int], context: Context) -> tuple[Box, Box]:
        """Return the box with its context, cut off where the image ends, and the tile within that box."""
        outer, inner = [], []
        for key, side, pixels in zip("zyx", self[1:], context, strict=True):
            start, stop = max(side.start - pixels, 0), min(side.stop + pixels, extents[key])
            outer.append(slice(start, stop))
            inner.append(slice(side.start - start, side.stop - start))
        return (outer[0], outer[1], outer[2]), (inner[0], inner[1], inner[2])


def make_tiles(
    extents: Mapping[str, int],
    context: Context,
    chunk: Steps,
    memory: Memory,
    workers: int,
    limits: TileLimits,
    budget: int | None = None,
) -> tuple[Tile, ...]:
    """Cut an image into tiles that cover it once.

    Time points are always separate. The number of parts along each axis is the one with the least work for
    the busiest thread, context counted.

    Parameters
    ----------
    extents
        Extents of the image along ``t z y x``.
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
    budget
        Bytes that the whole process may take, if limited.

    Returns
    -------
    The tiles in the order of their work: by t, y, z, x.
    """
    size = (extents["z"], extents["y"], extents["x"])
    if budget is not None:
        # Each thread works on one tile, and a finished one may have to wait to be written.
        most = max(limits.least_bytes, (budget - limits.base_bytes) // (2 * workers))
        limits = limits._replace(most_bytes=min(limits.most_bytes, most))
    counts = _counts(size, extents["t"], context, memory, workers, limits)
    z, y, x = (list(_parts(*axis)) for axis in zip(size, counts, chunk, strict=True))
    return tuple(Tile(t, pz, py, px) for t, py, pz, px in product(range(extents["t"]), y, z, x))


def _parts(extent: int, count: int, chunk: int) -> Iterator[slice]:
    """Cut an axis into ``count`` parts, at boundaries of chunks if the parts stay of similar length."""
    even = [round(i * extent / count) for i in range(count + 1)]
    snapped = [0, *(round(i / chunk) * chunk for i in even[1:-1]), extent]
    lengths = [stop - start for start, stop in pairwise(snapped)]
    longest = (MAX_UNEVEN_OF_MANY if count >= MANY else MAX_UNEVEN) * extent / count
    good = min(lengths) > 0 and max(lengths) <= longest
    for start, stop in pairwise(snapped if good else even):
        yield slice(start, stop)


@lru_cache(maxsize=256)
def _counts(size: Steps, n_times: int, context: Context, memory: Memory, workers: int, limits: TileLimits) -> Steps:
    """Return the numbers of parts along z, y and x."""
    limit = limits.most_bytes

    def n_bytes(counts: Steps) -> int:
        inner, block = _pixels(size, counts, context)
        return inner * memory.tile + block * memory.block

    def time(counts: Steps) -> float:
        inner, block = _pixels(size, counts, context)
        rounds = -(-prod(counts) * n_times // workers)
        return rounds * (inner + limits.share_of_context * block) * (limits.cut_rows_cost if counts[2] > 1 else 1.0)

    small = prod(size) * n_times < limits.worth_cutting
    if small and n_bytes((1, 1, 1)) <= limit:
        return 1, 1, 1
    while True:
        fitting: list[Steps] = []
        for nx, nz in product(_some(size[2]), _some(size[0])):
            at_least = -(-limits.at_least // (nz * nx * n_times))
            several = (ny for ny in range(at_least, size[1] + 1) if n_bytes((nz, ny, nx)) <= limit)
            first = next(several, None)
            if first is not None:
                fitting += [(nz, ny, nx) for ny in range(first, min(first + workers, size[1] + 1))]
        if fitting:
            return min(fitting, key=lambda counts: (time(counts), counts[2], counts[0], counts[1]))
        # No tiling fits, because the context alone is larger than the limit.
        limit *= 2


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
    numbers = {1, *(2**i for i in range(1, 20)), *(3 * 2**i for i in range(19))}
    return sorted(n for n in numbers if n <= extent)
