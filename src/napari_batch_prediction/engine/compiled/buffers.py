"""Work space of a thread that predicts a tile."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features.layout import WIDTH, Geometry, block_size
from napari_batch_prediction.features.work_space import WORK_SIZE
from napari_batch_prediction.simd.lanes import LANES, PATCH, aligned

PITCH = WIDTH + LANES
"""Elements from row to row of a result."""


class Buffers(NamedTuple):
    """Work space of one thread, float32, flat.

    Attributes
    ----------
    work
        The passes of the filters.
    block
        Features of a block: for each feature slices, rows, and :data:`WIDTH` columns.
    patch
        Features of a patch: for each feature 64 pixels.
    result
        Values of a block: for each value slices, rows, and columns in rows of :data:`PITCH`.
    """

    work: NDArray[np.float32]
    block: NDArray[np.float32]
    patch: NDArray[np.float32]
    result: NDArray[np.float32]


def make_buffers(n_features: int, n_values: int, geometry: Geometry) -> Buffers:
    """Return buffers. Work space and block are 0 at first: the filters read beyond the elements they have written."""
    work, block = aligned(WORK_SIZE), aligned((n_features + 1) * block_size(geometry) + PATCH)
    work[:] = 0
    block[:] = 0
    patch = aligned(n_features * PATCH + LANES)
    return Buffers(work, block, patch, aligned(n_values * geometry.slices * geometry.rows * PITCH))
