"""ilastik's features written with OpenCV or SciPy, and features of other packages."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from napari_batch_prediction.features import selection
from napari_batch_prediction.features.kernels import (
    FILTER_WINDOW,
    SMOOTHING_WINDOW,
    filter_sigma,
    half_kernel,
    presmoothing_sigma,
)
from napari_batch_prediction.features.selection import FeatureSelection

Image = NDArray[np.float32]
Convolve = Callable[[Image, Sequence[NDArray[np.float32]]], Image]
"""Filters an image with a kernel for each axis, in order."""

Filters = Callable[[Image, float], Image]
"""fastfilters2: seven features (7, y, x) of an image at one scale."""

TILE = 256
"""Side of a tile in pixels; of 128, 256 and 512 the fastest for fastfilters2."""


def taps(sigma: float, order: int, window: float) -> NDArray[np.float32]:
    """Return a whole kernel for correlation."""
    half = half_kernel(sigma, order, window)
    return np.concatenate(((-half if order == 1 else half)[:0:-1], half))


def two_stages(image: Image, features: FeatureSelection, convolve: Convolve) -> list[Image]:
    """Compute features with ilastik's kernels; steps that several features of a scale share are computed once."""
    n = image.ndim
    planes = {}
    for j in features.used_scales:
        sigma = filter_sigma(features.scales[j])
        smooth = taps(presmoothing_sigma(features.scales[j]), 0, SMOOTHING_WINDOW)
        presmoothed = convolve(image, [smooth] * n)
        wanted = [name for name, k in features if k == j]
        for name, values in _one_scale(presmoothed, sigma, wanted, convolve).items():
            planes[name, j] = values
    return [plane for key in features for plane in planes[key]]


def _one_scale(image: Image, sigma: float, wanted: list[str], convolve: Convolve) -> dict[str, list[Image]]:
    n = image.ndim
    kernels = [taps(sigma, order, FILTER_WINDOW) for order in (0, 1, 2)]

    def derive(*along: int) -> Image:
        return convolve(image, [kernels[along.count(i)] for i in range(n)])

    gaussian = derive()
    found = {selection.GAUSSIAN: [gaussian]}
    if wanted == [selection.GAUSSIAN]:
        return found
    found[selection.GRADIENT] = [np.sqrt(sum(derive(i) ** 2 for i in range(n)))]
    found[selection.DIFFERENCE] = [gaussian - convolve(image, [taps(0.66 * sigma, 0, FILTER_WINDOW)] * n)]
    hessian = {(i, k): derive(i, k) for i in range(n) for k in range(i, n)}
    found[selection.LAPLACIAN] = [sum(hessian[i, i] for i in range(n))]
    found[selection.HESSIAN] = _eigenvalues(hessian, n)
    narrow = [taps(0.5 * sigma, order, FILTER_WINDOW) for order in (0, 1)]
    gradient = [convolve(image, [narrow[i == k] for k in range(n)]) for i in range(n)]
    tensor = {(i, k): convolve(gradient[i] * gradient[k], kernels[:1] * n) for i, k in hessian}
    found[selection.STRUCTURE] = _eigenvalues(tensor, n)
    return found


def _eigenvalues(entries: dict[tuple[int, int], Image], n: int) -> list[Image]:
    """Return the eigenvalues of symmetric matrices, the largest first."""
    if n == 2:
        mean, half = (entries[0, 0] + entries[1, 1]) / 2, (entries[0, 0] - entries[1, 1]) / 2
        root = np.sqrt(half * half + entries[0, 1] * entries[0, 1])
        return [mean + root, mean - root]
    tensor = np.empty((*entries[0, 0].shape, n, n), np.float32)
    for (i, k), values in entries.items():
        tensor[..., i, k] = tensor[..., k, i] = values
    return list(np.moveaxis(np.linalg.eigvalsh(tensor)[..., ::-1], -1, 0))


def opencv_convolve() -> Convolve:
    """Return OpenCV's separable filter (2D only), on one thread."""
    import cv2

    cv2.setNumThreads(1)

    def convolve(image: Image, kernels: Sequence[NDArray[np.float32]]) -> Image:
        y, x = kernels
        return cv2.sepFilter2D(image, cv2.CV_32F, x, y, borderType=cv2.BORDER_REFLECT_101)

    return convolve


def scipy_convolve(image: Image, kernels: Sequence[NDArray[np.float32]]) -> Image:
    """Apply SciPy's one-dimensional filter along each axis, the last one first."""
    for axis in reversed(range(image.ndim)):
        image = correlate1d(image, kernels[axis], axis=axis, mode="mirror")
    return image


def fastfilters2_filters() -> Filters:
    """Return fastfilters2's function (2D only), which runs on one thread."""
    from fastfilters2 import compute_filters

    return compute_filters


def in_tiles(filters: Filters, image: Image, scales: Sequence[float], smooth: Convolve | None = None) -> None:
    """Run fastfilters2 tile by tile, so that everything stays in the cache; each scale with the context it needs.

    Parameters
    ----------
    filters, image, scales
        fastfilters2's function, the image, and the scales of the features.
    smooth
        If given, ilastik's two stages: the image is smoothed with this, and the filters run at a sigma of at most 1.
    """
    height, width = image.shape
    for scale in scales:
        source, sigma = image, scale
        if smooth is not None:
            source = smooth(image, [taps(presmoothing_sigma(scale), 0, SMOOTHING_WINDOW)] * 2)
            sigma = filter_sigma(scale)
        # The gradient of its structure tensor reaches 3.5 sigma, the smoothing after it another 1.5 sigma.
        context = math.ceil(5 * sigma)
        for y in range(0, height, TILE):
            rows = slice(max(y - context, 0), y + TILE + context)
            for x in range(0, width, TILE):
                columns = slice(max(x - context, 0), x + TILE + context)
                filters(np.ascontiguousarray(source[rows, columns]), sigma)
