"""Tiles: they cover an image once, fit into memory, and begin where chunks begin if that costs nothing."""

from math import prod

import pytest

from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Context, Memory, make_tiles
from napari_batch_prediction.formats.common.chunks import chunk_shape

LIMITS = ENGINE.limits
CASES = {
    "tiny": ((1, 1, 3, 2), (0, 38, 38), 3),
    "512": ((1, 1, 512, 512), (0, 38, 38), 3),
    "2048": ((1, 1, 2048, 2048), (0, 38, 38), 3),
    "many values": ((1, 1, 2048, 2048), (0, 38, 38), 90),
    "one row": ((1, 1, 1, 3_000_000), (0, 38, 38), 3),
    "one column": ((1, 1, 3_000_000, 1), (0, 38, 38), 3),
    "time series": ((5, 1, 600, 500), (0, 4, 4), 2),
    "volume": ((1, 128, 256, 256), (38, 38, 38), 3),
    "large volume": ((1, 400, 500, 600), (17, 17, 17), 2),
    "slices": ((1, 128, 256, 256), (0, 38, 38), 3),
    "flat volume": ((1, 3, 5000, 4000), (3, 3, 3), 2),
    "no context": ((2, 1, 5000, 6000), (0, 0, 0), 1),
    "context larger than the image": ((1, 1, 40, 50), (0, 100, 100), 2),
}


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(("shape", "context", "channels"), CASES.values(), ids=CASES)
def test_every_pixel_is_in_one_tile_below_the_limit(shape, context, channels, workers):
    """Every pixel is in one tile; the memory of a tile stays below the limit; small images are whole."""
    extents = dict(zip("tzyx", shape, strict=True))
    memory = Memory(4 * (7 + channels), 8)
    tiles = make_tiles(extents, Context(*context), chunk_shape("zyx", shape[1:], 4), memory, workers, LIMITS)
    assert prod(shape) >= LIMITS.worth_cutting or len(tiles) == 1
    assert prod(shape) < LIMITS.worth_cutting or len(tiles) >= 4
    for tile in tiles:
        outer, inner = tile.with_context(extents, Context(*context))
        block = prod(part.stop - part.start for part in outer)
        pixels = prod(part.stop - part.start for part in tile[1:])
        # Moving boundaries to those of chunks makes some tiles longer than others.
        assert pixels * memory.tile + block * memory.block <= 1.5 * LIMITS.most_bytes
        for around, inside, part in zip(outer, inner, tile[1:], strict=True):
            assert (around.start + inside.start, around.start + inside.stop) == (part.start, part.stop)

    # A grid: what is cut along each axis has no gaps, and every combination is there once.
    n_tiles = shape[0]
    for axis, extent in enumerate(shape[1:], start=1):
        parts = sorted({(tile[axis].start, tile[axis].stop) for tile in tiles})
        assert [start for start, _ in parts] == [0, *(stop for _, stop in parts[:-1])]
        assert parts[-1][1] == extent
        n_tiles *= len(parts)
    assert len({str(tile) for tile in tiles}) == len(tiles) == n_tiles


def test_large_images_are_cut_at_chunks():
    """No chunk of a large file waits for two tiles."""
    chunk = chunk_shape("yxc", (40_000, 50_000, 3), 4)
    tiles = make_tiles(
        {"t": 1, "z": 1, "y": 40_000, "x": 50_000}, Context(0, 38, 38), (1, *chunk[:2]), Memory(40, 8), 2, LIMITS
    )
    assert {(tile.y.start % chunk[0], tile.x.start % chunk[1]) for tile in tiles} == {(0, 0)}
