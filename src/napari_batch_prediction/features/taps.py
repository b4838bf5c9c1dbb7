"""The short filters of one scale.

A tap is a number that a pixel is multiplied by before the sum: the filter with taps ``c0, c1, c2`` gives pixel i
``c0 a[i] + c1 (a[i+1] + a[i-1]) + c2 (a[i+2] + a[i-2])``. An antisymmetric one, as first derivatives are, subtracts
the neighbours before the pixel instead. Sums run in the order of fastfilters: centre tap, then outwards. The step from
neighbour to neighbour is 1 along x, and the length of a row or of a plane along y or z.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features.kernels import FILTER_WINDOW, filter_sigma, half_kernel, radius


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
    """Return the filters of a scale, float32 (15,), in the order in which :func:`~.sums.read_taps` reads them."""
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
