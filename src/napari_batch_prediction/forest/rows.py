"""Rows of features through the compiled walks."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.packed import PackedForest, PackedRegressors, walk_space
from napari_batch_prediction.simd.kernel import Kernel
from napari_batch_prediction.simd.lanes import PATCH, aligned

_predict_rows = Kernel("napari_batch_prediction.forest.row_loops", "predict_rows")


def predict_rows(rows: NDArray[np.float32], model: PackedForest | PackedRegressors) -> NDArray[np.float32]:
    """Return float32 (n, columns): the mean of the trees or regressors; 0 for rows with NaN."""
    forest = model.forest if isinstance(model, PackedRegressors) else model
    out = np.empty((len(rows), forest.n_columns), np.float32)
    _predict_rows(rows, model, walk_space(forest), aligned(rows.shape[1] * PATCH), out)
    return out
