"""Layouts of arrays in TIFF files: pages, strips and tiles."""

from math import sqrt
from typing import NamedTuple

from napari_batch_prediction.axes import extents
from napari_batch_prediction.formats.common.planes import picture_axes

OME_AXES = "tzcyx"

# Largest size in bytes of a plane stored in strips; not every program reads tiles.
MAX_STRIPS = 2**24
STRIP_BYTES = 2**18
TILE_BYTES = 2**20


class TiffLayout(NamedTuple):
    """The layout of an array in a TIFF file, with the axes and the shape in the file.

    A plane has rows, columns and samples, and is stored in strips or tiles.
    """

    axes: str
    shape: tuple[int, ...]
    rows: str
    columns: str
    samples: int
    tiled: bool
    segment: tuple[int, int]
    chunk: tuple[int, ...]

    @classmethod
    def of(cls, axes: str, shape: tuple[int, ...], itemsize: int, *, ome: bool) -> "TiffLayout":
        """Return the layout of an array: pages for each time point, z and channel in OME-TIFF, else one page.

        Sides of tiles are multiples of 16.
        """
        sizes = extents(axes, shape)
        stored = OME_AXES if ome else picture_axes(axes, shape)
        rows, columns = tuple(stored.replace("c", "")[-2:])
        samples = 1 if ome else sizes["c"]
        n_rows, n_columns, pixel_bytes = sizes[rows], sizes[columns], itemsize * samples
        tiled = n_rows * n_columns * pixel_bytes > MAX_STRIPS
        if tiled:
            side = max(16, int(sqrt(TILE_BYTES / pixel_bytes)) // 16 * 16)
            segment = min(side, -(-n_rows // 16) * 16), min(side, -(-n_columns // 16) * 16)
        else:
            segment = min(n_rows, max(1, STRIP_BYTES // (n_columns * pixel_bytes))), n_columns
        chunk = (1, 1, 1, *segment) if ome else (*segment, samples)
        return cls(stored, tuple(sizes[key] for key in stored), rows, columns, samples, tiled, segment, chunk)


def tiff_chunk(axes: str, shape: tuple[int, ...], itemsize: int, *, ome: bool = False) -> tuple[int, ...]:
    """Return the shape of strips or tiles, in the axes of the array."""
    layout = TiffLayout.of(axes, shape, itemsize, ome=ome)
    sizes = dict(zip(layout.axes, layout.chunk, strict=True))
    return tuple(min(sizes.get(key, 1), n) for key, n in zip(axes, shape, strict=True))
