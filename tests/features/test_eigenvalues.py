"""Eigenvalues of 3x3 matrices are accurate, also of the awkward ones."""

import numpy as np
import pytest

from napari_batch_prediction.features.layout import Eigenvalues
from napari_batch_prediction.features.loops.eigenvalues import eigenvalues_3x3
from napari_batch_prediction.features.work_space import Tensor

N = 4096


def symmetric(rng):
    a = rng.standard_normal((N, 3, 3))
    return (a + a.transpose(0, 2, 1)) / 2


def outer(rng, n):
    v = rng.standard_normal((N, n, 3))
    return np.einsum("nki,nkj->nij", v, v)


matrices = {
    "random": symmetric,
    "nearly three times the same": lambda rng: np.eye(3) * rng.standard_normal((N, 1, 1)) + 1e-4 * symmetric(rng),
    "three times the same": lambda rng: np.eye(3) * rng.standard_normal((N, 1, 1)),
    "two are zero": lambda rng: outer(rng, 1),
    "one is zero": lambda rng: outer(rng, 2),
    "diagonal": lambda rng: np.eye(3) * rng.standard_normal((N, 1, 3)),
    "zero": lambda rng: np.zeros((N, 3, 3)),
    "large": lambda rng: 1e30 * symmetric(rng),
    "small": lambda rng: 1e-30 * symmetric(rng),
    "of very different size": lambda rng: symmetric(rng) * 10.0 ** rng.integers(-12, 12, (N, 1, 1)),
}


@pytest.mark.parametrize("kind", matrices)
def test_error_below_1e_6_of_the_largest(kind):
    """Against numpy in double precision, relative to the largest eigenvalue by magnitude."""
    matrix = matrices[kind](np.random.default_rng(0)).astype(np.float32)
    order = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    values = np.concatenate([matrix[:, i, j] for i, j in order])
    out = np.empty(3 * N, np.float32)
    eigenvalues_3x3(values, Tensor(*(i * N for i in range(6))), out, Eigenvalues(0, N, 2 * N), N)
    expected = np.linalg.eigvalsh(matrix.astype(float))[:, ::-1]
    error = np.abs(out.reshape(3, N).T - expected)
    assert (error <= 1e-6 * np.abs(expected).max(1, keepdims=True)).all()
