"""Arrays cut into random tiles, and written as a batch would write them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.writer import Writer


def some_values(shape: tuple[int, ...], dtype: str) -> NDArray:
    """Values that are alike in places; floats are fractions, as probabilities are."""
    rng = np.random.default_rng(0)
    return (rng.integers(0, 50, shape) / (50 if dtype.startswith("float") else 1)).astype(dtype)


def random_tiles(shape: tuple[int, ...], rng: np.random.Generator) -> list[tuple[slice, ...]]:
    """Cut every axis at a few random places; in random order."""

    def parts(extent: int) -> Iterator[slice]:
        cuts = sorted({0, extent, *rng.integers(extent, size=rng.integers(4)).tolist()})
        yield from (slice(a, b) for a, b in pairwise(cuts))

    tiles = list(product(*(list(parts(extent)) for extent in shape)))
    rng.shuffle(tiles)
    return tiles


def write_tiles(writer: Writer, values: NDArray, seed: int = 0) -> None:
    """Write an array in random tiles from three threads; not finished."""
    tiles = random_tiles(values.shape, np.random.default_rng(seed))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda tile: writer.write(tile, values[tile]), tiles))
