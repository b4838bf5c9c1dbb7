"""Eigenvalues of symmetric 3x3 matrices, compiled, in double precision and without trigonometry."""

from numba import njit

from napari_batch_prediction.simd.caching import UNCOUNTED
from napari_batch_prediction.simd.vectors import (
    fma_double,
    load_double,
    maximum,
    minimum,
    polynomial_double,
    splat_double,
    sqrt_double,
    store_double,
)

# With r = cos(theta) the eigenvalues are mean + 2 p cos((theta + 2 pi k) / 3). Polynomials in t = cos(theta / 2),
# 0 <= t <= 1, interpolated at Chebyshev points, give cos(theta / 3) = cos(2/3 arccos t) to 7e-11, and
# sin(theta / 3) = sqrt(1 - t**2) times the second to 8e-10.
_COSINE = (
    0.5000000000704936,
    0.5773502515468879,
    -0.11111037551804677,
    0.053446266724472224,
    -0.03281829172707811,
    0.022339255972642365,
    -0.015323397918123125,
    0.009438518695499618,
    -0.004536130916101231,
    0.001426207699125061,
    -0.00021230468187446292,
)
_SINE = (
    0.866025402989078,
    -0.33333313352942606,
    0.24055424230789554,
    -0.19739244339856693,
    0.17031755063047077,
    -0.1474612709511777,
    0.119669940804271,
    -0.08233278047854475,
    0.0424112332129288,
    -0.013922172039439799,
    0.002130097690155473,
)

_cosine = polynomial_double(_COSINE)
_sine = polynomial_double(_SINE)


@njit(**UNCOUNTED)
def eigenvalues_3x3(values, tensor, out, planes, n):
    """Write the eigenvalues of n symmetric matrices in descending order.

    Parameters
    ----------
    values, tensor
        float32 array with the entries of the matrices, and their indices in it, a :class:`~.work_space.Tensor`.
    out, planes
        float32 array for the eigenvalues, and the :class:`~.layout.Eigenvalues` in it.
    n
        Number of matrices, rounded up to 8.

    Notes
    -----
    The closed form of O. K. Smith, Communications of the ACM 4 (1961) 168: with the matrix shifted by its mean
    eigenvalue and scaled by p, half of its determinant is cos(theta). The error is below 1e-7 of the largest
    eigenvalue by magnitude.
    """
    one, half, two = splat_double(1.0), splat_double(0.5), splat_double(2.0)
    a_third, a_sixth, minus_one = splat_double(1.0 / 3.0), splat_double(1.0 / 6.0), splat_double(-1.0)
    tiny, root3 = splat_double(1e-300), splat_double(1.7320508075688772)
    for i in range(0, n, 8):
        a = load_double(values, tensor.xx + i)
        b = load_double(values, tensor.yy + i)
        c = load_double(values, tensor.zz + i)
        d = load_double(values, tensor.xy + i)
        e = load_double(values, tensor.xz + i)
        f = load_double(values, tensor.yz + i)
        mean = (a + b + c) * a_third
        a, b, c = a - mean, b - mean, c - mean
        dd, ee, ff = d * d, e * e, f * f
        squares = fma_double(a, a, fma_double(b, b, fma_double(c, c, two * (dd + ee + ff))))
        p2 = squares * a_sixth
        p = sqrt_double(p2)
        determinant = a * (b * c - ff) - d * (d * c - f * e) + e * (d * f - b * e)
        r = half * determinant / fma_double(p2, p, tiny)
        r = maximum(minus_one, minimum(one, r))
        cosine_half = sqrt_double((one + r) * half)
        cosine = p * _cosine(cosine_half)
        sine = p * root3 * _sine(cosine_half) * sqrt_double((one - r) * half)
        store_double(out, planes.first + i, fma_double(two, cosine, mean))
        store_double(out, planes.second + i, mean - cosine + sine)
        store_double(out, planes.third + i, mean - cosine - sine)
