"""The short filters of one scale, and sums over neighbours, compiled.

A tap is a number that a pixel is multiplied by before the sum: the filter with taps ``c0, c1, c2`` gives pixel i
``c0 a[i] + c1 (a[i+1] + a[i-1]) + c2 (a[i+2] + a[i-2])``. An antisymmetric one, as first derivatives are, subtracts
the neighbours before the pixel instead. Sums run in the order of fastfilters: centre tap, then outwards. The step from
neighbour to neighbour is 1 along x, and the length of a row or of a plane along y or z.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.features.kernels import FILTER_WINDOW, filter_sigma, half_kernel, radius
from napari_batch_prediction.simd.caching import INLINED
from napari_batch_prediction.simd.vectors import fma, load, splat


class Five(NamedTuple):
    """A filter of five taps, each in every lane of a vector: centre, neighbours, neighbours of these."""

    centre: float
    near: float
    far: float


class Three(NamedTuple):
    """A filter of three taps, each in every lane of a vector: centre and neighbours."""

    centre: float
    near: float


class Taps(NamedTuple):
    """The filters of one scale.

    Attributes
    ----------
    smooth, first, second
        Gaussian, and its first and second derivative.
    narrow
        The narrower Gaussian of the difference of Gaussians.
    edge_smooth, edge_first
        Gaussian of half the scale, and its first derivative.
    """

    smooth: Five
    first: Five
    second: Five
    narrow: Three
    edge_smooth: Three
    edge_first: Three


def stored_taps(scale: float) -> NDArray[np.float32]:
    """Return the filters of a scale, float32 (15,), in the order in which :func:`read_taps` reads them."""
    sigma = filter_sigma(scale)
    filters: list[tuple[float, int, type[Five | Three]]] = [
        (sigma, 0, Five),
        (sigma, 1, Five),
        (sigma, 2, Five),
        (0.66 * sigma, 0, Three),
        (0.5 * sigma, 0, Three),
        (0.5 * sigma, 1, Three),
    ]
    return np.concatenate([_half(sigma, order, len(kind._fields)) for sigma, order, kind in filters])


def _half(sigma: float, order: int, length: int) -> NDArray[np.float32]:
    """Return the centre tap, which is 0 for a derivative of order 1, its neighbours, and zeros up to a length."""
    taps = np.zeros(length, np.float32)
    kernel = half_kernel(sigma, order, FILTER_WINDOW)
    taps[: len(kernel)] = kernel
    if order == 1 and radius(sigma, FILTER_WINDOW) > 0:
        taps[0] = 0
    return taps


@njit(**INLINED)
def _five(row, i):
    return Five(splat(row[i]), splat(row[i + 1]), splat(row[i + 2]))


@njit(**INLINED)
def _three(row, i):
    return Three(splat(row[i]), splat(row[i + 1]))


@njit(**INLINED)
def read_taps(row):
    """Return the :class:`Taps` in a row of :func:`stored_taps`."""
    return Taps(_five(row, 0), _five(row, 3), _five(row, 6), _three(row, 9), _three(row, 11), _three(row, 13))


@njit(**INLINED)
def symmetric5(values, i, step, taps):
    """Return five taps around ``values[i : i + 16]``."""
    near = load(values, i + step) + load(values, i - step)
    far = load(values, i + 2 * step) + load(values, i - 2 * step)
    return fma(far, taps.far, fma(near, taps.near, taps.centre * load(values, i)))


@njit(**INLINED)
def antisymmetric5(values, i, step, taps):
    """Return five taps around ``values[i : i + 16]``, those before the centre negative."""
    near = load(values, i + step) - load(values, i - step)
    far = load(values, i + 2 * step) - load(values, i - 2 * step)
    return fma(far, taps.far, fma(near, taps.near, taps.centre * load(values, i)))


@njit(**INLINED)
def symmetric3(values, i, step, taps):
    """Return three taps around ``values[i : i + 16]``."""
    return fma(load(values, i + step) + load(values, i - step), taps.near, taps.centre * load(values, i))


@njit(**INLINED)
def antisymmetric3(values, i, step, taps):
    """Return three taps around ``values[i : i + 16]``, the one before the centre negative."""
    return fma(load(values, i + step) - load(values, i - step), taps.near, taps.centre * load(values, i))


@njit(**INLINED)
def _of_integration(row):
    taps = read_taps(row)
    return taps.edge_smooth, taps.edge_first, taps.smooth


@njit(**INLINED)
def _of_gradient(row):
    taps = read_taps(row)
    return taps.smooth, taps.first, taps.edge_smooth


class TensorFilters(NamedTuple):
    """The filters of a structure tensor, chosen when the loops are compiled.

    Attributes
    ----------
    read
        Returns three filters from a row of :func:`stored_taps`: smoothing and derivative of the gradient, and
        smoothing of its products.
    symmetric, antisymmetric
        The sums over neighbours for the gradient.
    smooth
        The sum over neighbours for its products.
    reach
        Neighbours on each side that ``smooth`` adds up.
    """

    read: Callable[..., Any]
    symmetric: Callable[..., Any]
    antisymmetric: Callable[..., Any]
    smooth: Callable[..., Any]
    reach: int


# ilastik names a gradient at sigma smoothed at sigma / 2. With fastfilters it computes the reverse.
AT_INTEGRATION = TensorFilters(_of_integration, symmetric3, antisymmetric3, symmetric5, 2)
"""The gradient at half the scale, its products smoothed at the scale."""

AT_GRADIENT = TensorFilters(_of_gradient, symmetric5, antisymmetric5, symmetric3, 1)
"""The gradient at the scale, its products smoothed at half of it."""
