"""The memory of the compiled loops, for them and for those who call them: blocks, planes and work space.

A block is a part of a tile, so small that its features fit into the cache of a core. A plane is one image of a block in
flat memory, such as its first derivative along x; it is named by the index of its first element. Work space holds the
planes of passes that later passes go on from, with a margin on each side; the output holds one plane for each feature.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features import selection
from napari_batch_prediction.simd.lanes import LANES

MARGIN = 3
"""Pixels around a tile that the feature filters look at."""

WIDTH = 128
"""Columns of a block and of a row of the output."""

STRIDE = WIDTH + 48
"""Elements from row to row of work space."""

FIRST_PLANE = {
    selection.GAUSSIAN: 0,
    selection.LAPLACIAN: 1,
    selection.GRADIENT: 2,
    selection.DIFFERENCE: 3,
    selection.STRUCTURE: 4,
    selection.HESSIAN: 7,
}
"""The first plane that each feature fills, by the order of :class:`Planes`."""

N_PLANES = 10


class Eigenvalues(NamedTuple):
    """Planes of eigenvalues, the largest first; the third one in 3D only."""

    first: int
    second: int
    third: int


class Planes(NamedTuple):
    """Planes of the output, one for each value of each feature of one scale."""

    smooth: int
    laplacian: int
    gradient: int
    difference: int
    structure: Eigenvalues
    hessian: Eigenvalues


class RowPasses(NamedTuple):
    """Planes of work space that passes along x fill, each by the filter of this name in :class:`~.taps.Taps`."""

    smooth: int
    first: int
    second: int
    narrow: int
    edge_smooth: int
    edge_first: int


class Geometry(NamedTuple):
    """Extents of the blocks and patches that a tile is cut into.

    Attributes
    ----------
    slices, rows
        The largest extents of a block.
    patch_slices, patch_rows, patch_columns
        The extents of 64 neighbouring pixels, a patch, which go through the forest together.
    """

    slices: int
    rows: int
    patch_slices: int
    patch_rows: int
    patch_columns: int


FLAT = Geometry(1, 16, 1, 8, 8)
"""Blocks and patches of one slice, for features that do not look beyond theirs."""

DEEP = Geometry(8, 4, 4, 4, 4)
"""Blocks and patches of several slices."""


class Box(NamedTuple):
    """A block: its first pixel in the tile, and its extents."""

    z: int
    y: int
    x: int
    slices: int
    rows: int
    columns: int


class View(NamedTuple):
    """A presmoothed image, seen from the first pixel of a block.

    Attributes
    ----------
    values
        float32, flat.
    start
        Index of that pixel. 3 more slices (in 3D), rows and columns are valid on each side of the block.
    plane, stride
        Elements from slice to slice and from row to row.
    """

    values: NDArray[np.float32]
    start: int
    plane: int
    stride: int


class Position(NamedTuple):
    """Position of the first pixel of a block in the array that was smoothed, and the extents of that array."""

    z: int
    y: int
    x: int
    depth: int
    height: int
    width: int


def plane_size(rows: int) -> int:
    """Return the elements of a plane of work space for this many rows."""
    return (rows + 2 * MARGIN) * STRIDE


def block_size(geometry: Geometry) -> int:
    """Return the elements of a feature of the largest block; whole vectors may be written behind its end."""
    return geometry.slices * geometry.rows * WIDTH + LANES
