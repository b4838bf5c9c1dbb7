"""Gaussian kernels and their derivatives, with the constants and roundings of ilastik's filters."""

import math

import numpy as np
from numpy.typing import NDArray

SMOOTHING_WINDOW = 3.5
"""Radius, in sigmas, of the kernel that smooths the image first."""

FILTER_WINDOW = 2.0
"""Radius, in sigmas, of the kernels of the features themselves."""


def presmoothing_sigma(scale: float) -> float:
    """Return the sigma with which an image is smoothed before the features of a scale are computed.

    Above 1, smoothing by this sigma and then by 1 gives the scale. Up to 1, ilastik smooths by the scale
    itself, and later filters by it again.
    """
    return math.sqrt(scale * scale - 1) if scale > 1 else scale


def filter_sigma(scale: float) -> float:
    """Return the sigma of the feature filters of a scale, which follow the first smoothing."""
    return min(scale, 1.0)


def radius(sigma: float, window: float) -> int:
    """Return the number of taps on each side of the centre."""
    return math.floor(window * sigma + 0.5)


def half_kernel(sigma: float, order: int, window: float) -> NDArray[np.float32]:
    """Return taps 0 to the radius of a Gaussian or one of its derivatives.

    Parameters
    ----------
    sigma
        Standard deviation in pixels.
    order
        0, 1 or 2: the derivative. Order 1 is antisymmetric: its taps are for ``a[i + k] - a[i - k]``.
    window
        Radius in sigmas.

    Returns
    -------
    float32 taps, normalised as in fastfilters: order 0 sums to 1, the response of order 1 to ``x`` is 1, and
    that of order 2 to ``x**2 / 2`` is 1. As there, every step is rounded to float32, while the arithmetic is
    done in double. With a radius of 0 there is nothing to normalise; fastfilters then copies its
    input for every order, and so does the single tap 1 returned here.
    """
    r = radius(sigma, window)
    if r == 0:
        return np.ones(1, np.float32)
    k = np.arange(r + 1, dtype=np.float64)
    gauss = np.exp(-k * k / (2 * sigma * sigma)) / (math.sqrt(2 * math.pi) * sigma)
    if order == 0:
        taps = gauss.astype(np.float32)
        total = float(taps[0]) + 2 * taps[1:].astype(np.float64).sum()
    elif order == 1:
        taps = (k * gauss / sigma**2).astype(np.float32)
        total = 2 * (k * taps).sum()
    else:
        taps = ((k * k / sigma**2 - 1) * gauss / sigma**2).astype(np.float32)
        mean = (float(taps[0]) + 2 * taps[1:].astype(np.float64).sum()) / (2 * r + 1)
        taps = (taps.astype(np.float64) - mean).astype(np.float32)
        total = (k * k * taps).sum()
    kernel: NDArray[np.float32] = (taps.astype(np.float64) / total).astype(np.float32)
    return kernel
