"""Eigenvalues and eigenvectors of symmetric matrices, with the signs that ilastik's procedure gives.

Householder's reduction to a tridiagonal matrix and QL with implicit shifts: tred2 and tql2 of EISPACK (B. T. Smith et
al., Matrix Eigensystem Routines, 1976). Signs of the vectors, and the vectors of equal eigenvalues, are those of just
these operations in this order: other procedures are as accurate and give others.
"""

import math

import numpy as np
from numba import njit

from napari_batch_prediction.simd.caching import UNCOUNTED, cached

# A QL step that has not converged after so many rounds never does: the matrix has NaN or infinity in it.
_MOST_ROUNDS = 50
_EPSILON = 2.0**-52


@njit(**UNCOUNTED)
def _tridiagonalise(v, d, e):
    """Reduce the matrix in v: diagonal into d, the one below it into e[1:], the transformation into v."""
    n = d.size
    for j in range(n):
        d[j] = v[n - 1, j]
    for i in range(n - 1, 0, -1):
        scale = 0.0
        h = 0.0
        for k in range(i):
            scale += abs(d[k])
        if scale == 0.0:
            e[i] = d[i - 1]
            for j in range(i):
                d[j] = v[i - 1, j]
                v[i, j] = 0.0
                v[j, i] = 0.0
        else:
            for k in range(i):
                d[k] /= scale
                h += d[k] * d[k]
            f = d[i - 1]
            g = -math.sqrt(h) if f > 0.0 else math.sqrt(h)
            e[i] = scale * g
            h -= f * g
            d[i - 1] = f - g
            for j in range(i):
                e[j] = 0.0
            for j in range(i):
                f = d[j]
                v[j, i] = f
                g = e[j] + v[j, j] * f
                for k in range(j + 1, i):
                    g += v[k, j] * d[k]
                    e[k] += v[k, j] * f
                e[j] = g
            f = 0.0
            for j in range(i):
                e[j] /= h
                f += e[j] * d[j]
            hh = f / (h + h)
            for j in range(i):
                e[j] -= hh * d[j]
            for j in range(i):
                f = d[j]
                g = e[j]
                for k in range(j, i):
                    v[k, j] -= f * e[k] + g * d[k]
                d[j] = v[i - 1, j]
                v[i, j] = 0.0
        d[i] = h
    for i in range(n - 1):
        v[n - 1, i] = v[i, i]
        v[i, i] = 1.0
        h = d[i + 1]
        if h != 0.0:
            for k in range(i + 1):
                d[k] = v[k, i + 1] / h
            for j in range(i + 1):
                g = 0.0
                for k in range(i + 1):
                    g += v[k, i + 1] * v[k, j]
                for k in range(i + 1):
                    v[k, j] -= g * d[k]
        for k in range(i + 1):
            v[k, i + 1] = 0.0
    for j in range(n):
        d[j] = v[n - 1, j]
        v[n - 1, j] = 0.0
    v[n - 1, n - 1] = 1.0


@njit(**UNCOUNTED)
def _diagonalise(v, d, e):
    """Turn what :func:`_tridiagonalise` left into eigenvalues d and eigenvectors, the columns of v."""
    n = d.size
    for i in range(1, n):
        e[i - 1] = e[i]
    e[n - 1] = 0.0
    f = 0.0
    largest = 0.0
    for first in range(n):
        largest = max(largest, abs(d[first]) + abs(e[first]))
        m = first
        while m < n - 1 and abs(e[m]) > _EPSILON * largest:
            m += 1
        if m > first:
            for _ in range(_MOST_ROUNDS):
                g = d[first]
                p = (d[first + 1] - g) / (2.0 * e[first])
                r = math.hypot(p, 1.0)
                if p < 0.0:
                    r = -r
                d[first] = e[first] / (p + r)
                d[first + 1] = e[first] * (p + r)
                next_d = d[first + 1]
                h = g - d[first]
                for i in range(first + 2, n):
                    d[i] -= h
                f += h
                p = d[m]
                c = 1.0
                c2 = 1.0
                c3 = 1.0
                next_e = e[first + 1]
                s = 0.0
                s2 = 0.0
                for i in range(m - 1, first - 1, -1):
                    c3 = c2
                    c2 = c
                    s2 = s
                    g = c * e[i]
                    h = c * p
                    r = math.hypot(p, e[i])
                    e[i + 1] = s * r
                    s = e[i] / r
                    c = p / r
                    p = c * d[i] - s * g
                    d[i + 1] = h + s * (c * g + s * d[i])
                    for k in range(n):
                        h = v[k, i + 1]
                        v[k, i + 1] = s * v[k, i] + c * h
                        v[k, i] = c * v[k, i] - s * h
                p = -s * s2 * c3 * next_e * e[first] / next_d
                e[first] = s * p
                d[first] = c * p
                if not abs(e[first]) > _EPSILON * largest:
                    break
        d[first] += f
        e[first] = 0.0


@njit(**UNCOUNTED)
def _sort(v, d):
    """Sort falling, by selection: this decides which of equal eigenvalues comes first."""
    n = d.size
    for i in range(n - 1):
        k = i
        for j in range(i + 1, n):
            if d[k] < d[j]:
                k = j
        if k != i:
            d[k], d[i] = d[i], d[k]
            for j in range(n):
                v[j, i], v[j, k] = v[j, k], v[j, i]


@cached
def decompose(triangles, values, vectors):
    """Set the eigenvalues, falling, and eigenvectors of symmetric matrices of which the lower triangles are given."""
    n = values.shape[1]
    e = np.zeros(n)
    for row in range(len(triangles)):
        at = 0
        for i in range(n):
            for j in range(i + 1):
                vectors[row, i, j] = triangles[row, at]
                vectors[row, j, i] = triangles[row, at]
                at += 1
        e[:] = 0.0
        _tridiagonalise(vectors[row], values[row], e)
        _diagonalise(vectors[row], values[row], e)
        _sort(vectors[row], values[row])
