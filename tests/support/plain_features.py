"""ilastik's features, slowly and plainly in numpy and scipy: what the compiled loops are tested against."""

import math

import numpy as np
from scipy.ndimage import correlate1d

from napari_batch_prediction.features import selection
from napari_batch_prediction.features.selection import FeatureSelection


def taps(sigma: float, order: int, window: float) -> np.ndarray:
    """Sampled Gaussian or derivative in correlation form; a radius of 0 copies the image, whatever the order."""
    r = math.floor(window * sigma + 0.5)
    if r == 0:
        return np.ones(1)
    x = np.arange(-r, r + 1, dtype=float)
    gauss = np.exp(-x * x / (2 * sigma * sigma))
    if order == 0:
        return gauss / gauss.sum()
    if order == 1:
        return x * gauss / (x * x * gauss).sum()
    k = (x * x / sigma**2 - 1) * gauss
    k -= k.mean()
    return k / (k * x * x / 2).sum()


def convolve(image: np.ndarray, axes: tuple[int, ...], sigma: float, orders: list[int], window: float) -> np.ndarray:
    """Filter along each axis, last axis first; sums in float64."""
    image = image.astype(float)
    for axis, order in reversed(list(zip(axes, orders, strict=True))):
        image = correlate1d(image, taps(sigma, order, window), axis=axis, mode="mirror")
    return image


def feature(
    image: np.ndarray, name: str, sigma: float, axes: tuple[int, ...], structure_tensor: str = "integration"
) -> list[np.ndarray]:
    """Return one feature of a presmoothed image."""
    n = len(axes)

    def derive(a: np.ndarray, s: float, *along: int) -> np.ndarray:
        return convolve(a, axes, s, [along.count(i) for i in range(n)], 2.0)

    if name == selection.GAUSSIAN:
        return [derive(image, sigma)]
    if name == selection.LAPLACIAN:
        return [sum(derive(image, sigma, i, i) for i in range(n))]
    if name == selection.GRADIENT:
        return [np.sqrt(sum(derive(image, sigma, i) ** 2 for i in range(n)))]
    if name == selection.DIFFERENCE:
        return [derive(image, sigma) - derive(image, 0.66 * sigma)]
    tensor = np.empty((*image.shape, n, n))
    inner, outer = (sigma, 0.5 * sigma) if structure_tensor == "gradient" else (0.5 * sigma, sigma)
    gradient = [derive(image, inner, i) for i in range(n)]
    for i in range(n):
        for j in range(n):
            if name == selection.STRUCTURE:
                tensor[..., i, j] = derive(gradient[i] * gradient[j], outer)
            else:
                tensor[..., i, j] = derive(image, sigma, i, j)
    return list(np.moveaxis(np.linalg.eigvalsh(tensor)[..., ::-1], -1, 0))


def plain_features(czyx: np.ndarray, chosen: FeatureSelection) -> np.ndarray:
    """Return (features, z, y, x) of an image (c, z, y, x)."""
    out = []
    for name, j in chosen:
        scale, axes = chosen.scales[j], (1, 2) if chosen.in_2d[j] else (0, 1, 2)
        for channel in czyx.astype(np.float32):
            sigma = math.sqrt(scale * scale - 1) if scale > 1 else scale
            smoothed = convolve(channel, axes, sigma, [0] * len(axes), 3.5)
            out += feature(smoothed, name, min(scale, 1.0), axes, chosen.structure_tensor)
    return np.stack(out)
