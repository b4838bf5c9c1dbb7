"""Where blocks and planes are in memory, compiled."""

from numba import njit

from napari_batch_prediction.features.layout import MARGIN, STRIDE, Box, Eigenvalues, Planes, block_size
from napari_batch_prediction.simd.caching import INLINED

_ORIGIN = 16  # Column of a row of work space that holds column 0 of the block.

size_of_block = njit(**INLINED)(block_size)


@njit(**INLINED)
def read_box(box):
    """Return the :class:`Box` in an int64 array, whose numbers change from block to block."""
    return Box(box[0], box[1], box[2], box[3], box[4], box[5])


@njit(**INLINED)
def row_start(plane, row):
    """Return the index of column 0 of the block in a row of a plane of work space."""
    return plane + (row + MARGIN) * STRIDE + _ORIGIN


@njit(**INLINED)
def _eigenvalues(column, i, size):
    return Eigenvalues(column[i] * size, column[i + 1] * size, column[i + 2] * size)


@njit(**INLINED)
def output_planes(column, size):
    """Return the :class:`Planes` for features in these columns of the feature vector, each of ``size`` elements."""
    return Planes(
        column[0] * size,
        column[1] * size,
        column[2] * size,
        column[3] * size,
        _eigenvalues(column, 4, size),
        _eigenvalues(column, 7, size),
    )


@njit(**INLINED)
def moved(values, by):
    """Return planes of :class:`Eigenvalues` that begin some elements later."""
    return Eigenvalues(values.first + by, values.second + by, values.third + by)


@njit(**INLINED)
def moved_planes(planes, by):
    """Return :class:`Planes` that begin some elements later."""
    return Planes(
        planes.smooth + by,
        planes.laplacian + by,
        planes.gradient + by,
        planes.difference + by,
        moved(planes.structure, by),
        moved(planes.hessian, by),
    )
