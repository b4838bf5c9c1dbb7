"""The compiled loop over rows of features."""

from numba import uint64

from napari_batch_prediction.forest.traverse import walk
from napari_batch_prediction.simd.caching import strict
from napari_batch_prediction.simd.lanes import PATCH


@strict
def predict_rows(rows, model, work, patch, out):
    """Send rows of features through a model, 64 at a time, with space for the features of as many."""
    n, n_features = rows.shape
    for first in range(0, n, PATCH):
        size = min(PATCH, n - first)
        for f in range(n_features):
            for i in range(PATCH):
                patch[f * PATCH + i] = rows[first + min(i, size - 1), f]
        walk(patch, n_features, model, ~uint64(0), work)
        for i in range(size):
            for column in range(out.shape[1]):
                out[first + i, column] = work.mean[column, i]
