"""How arrays lie in TIFF files: pages, strips and tiles."""

from math import sqrt

from napari_batch_prediction.axes import extents
from napari_batch_prediction.formats.common.planes import picture_axes

OME_AXES = "tzcyx"

# Planes up to this are stored in strips, since not every program reads tiles.
MAX_STRIPS = 2**24
STRIP_BYTES = 2**18
TILE_BYTES = 2**20


def in_tiles(rows: int, columns: int, pixel_bytes: int) -> bool:
    """Return whether a plane is stored in tiles, and not in strips."""
    return rows * columns * pixel_bytes > MAX_STRIPS


def segment_shape(rows: int, columns: int, pixel_bytes: int) -> tuple[int, int]:
    """Return rows and columns of a strip or tile of a plane; sides of tiles are multiples of 16."""
    if not in_tiles(rows, columns, pixel_bytes):
        return min(rows, max(1, STRIP_BYTES // (columns * pixel_bytes))), columns
    side = max(16, int(sqrt(TILE_BYTES / pixel_bytes)) // 16 * 16)
    return min(side, -(-rows // 16) * 16), min(side, -(-columns // 16) * 16)


def stored_axes(axes: str, shape: tuple[int, ...], *, ome: bool) -> str:
    """Return the axes in which a TIFF file stores an array: pages of planes, or one picture with its channels."""
    return OME_AXES if ome else picture_axes(axes, shape)


def tiff_chunk(axes: str, shape: tuple[int, ...], itemsize: int, *, ome: bool = False) -> tuple[int, ...]:
    """Return the shape of strips or tiles, in the axes of the array."""
    known = extents(axes, shape)
    rows, columns = tuple(stored_axes(axes, shape, ome=ome).replace("c", "")[-2:])
    samples = 1 if ome else known["c"]
    segment = segment_shape(known[rows], known[columns], itemsize * samples)
    size = {"c": samples, rows: segment[0], columns: segment[1]}
    return tuple(min(size.get(key, 1), n) for key, n in zip(axes, shape, strict=True))
