"""Eigenvalues and eigenvectors of symmetric matrices."""

import numpy as np

from napari_batch_prediction.simd.kernel import Kernel

_decompose = Kernel("napari_batch_prediction.objects.features.loops.eigensystem", "decompose")


def eigensystems(triangles: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and eigenvectors of symmetric matrices.

    Parameters
    ----------
    triangles
        float64 (matrices, n * (n + 1) / 2): their lower triangles, row by row.
    n
        Number of rows and columns.

    Returns
    -------
    float64 (matrices, n), falling, and float64 (matrices, n, n), whose columns are the vectors.
    """
    values = np.empty((len(triangles), n))
    vectors = np.empty((len(triangles), n, n))
    _decompose(triangles, values, vectors)
    return values, vectors
