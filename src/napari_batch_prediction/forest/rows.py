"""Rows of features through the compiled walks."""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from napari_batch_prediction.forest.packed import PackedForest, PackedRegressors, walk_space
from napari_batch_prediction.forest.traverse import walk
from napari_batch_prediction.simd.caching import cached
from napari_batch_prediction.simd.masks import PATCH
from napari_batch_prediction.simd.vectors import aligned


@cached
def _predict_rows(rows, model, work, out):
    """Send rows of features through a model, 64 at a time."""
    n, n_features = rows.shape
    patch = aligned(n_features * PATCH)
    for first in range(0, n, PATCH):
        size = min(PATCH, n - first)
        for f in range(n_features):
            for i in range(PATCH):
                patch[f * PATCH + i] = rows[first + min(i, size - 1), f]
        walk(patch, n_features, model, ~uint64(0), work)
        for i in range(size):
            for column in range(out.shape[1]):
                out[first + i, column] = work.mean[column, i]


def predict_rows(rows: NDArray[np.float32], model: PackedForest | PackedRegressors) -> NDArray[np.float32]:
    """Return float32 (n, columns): the mean of the trees or regressors; 0 for rows with NaN."""
    forest = model.forest if isinstance(model, PackedRegressors) else model
    out = np.empty((len(rows), forest.n_columns), np.float32)
    _predict_rows(rows, model, walk_space(forest), out)
    return out
