"""Smoothing before a threshold, as in ilastik to the last bit: the same for a part of a volume as for the whole."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_correlate = Kernel("napari_batch_prediction.objects.loops.correlation", "correlate")


_NARROWEST = 0.1


class Smoothing:
    """A Gaussian along the axes of a volume that have more than one pixel; the border mirrors the volume.

    Parameters
    ----------
    sigmas
        Standard deviations along z, y and x; nothing is smoothed if that of an axis with more than one pixel is less
        than 0.1.
    shape
        Extents of the volume along z, y and x.

    Raises
    ------
    ImageMismatchError
        If the volume is narrower than the Gaussian.
    """

    def __init__(self, sigmas: Sequence[float], shape: Sequence[int]) -> None:
        self._shape = tuple(shape)
        used = [axis for axis in range(3) if shape[axis] > 1]
        if any(sigmas[axis] < _NARROWEST for axis in used):
            used = []
        self.margins = tuple(_radius(sigmas[axis]) if axis in used else 0 for axis in range(3))
        for axis in used:
            if shape[axis] <= self.margins[axis]:
                raise ImageMismatchError(
                    f"The image has {shape[axis]} pixels along {'zyx'[axis]}, too few to be smoothed with a sigma of "
                    f"{sigmas[axis]:g}: expected at least {self.margins[axis] + 1}. Use larger images, or a sigma of "
                    "less than 0.1 for this axis, with which nothing is smoothed.",
                    setting="smoothing",
                )
        self._taps = {axis: gaussian_taps(sigmas[axis]) for axis in used}

    def read(self, volume: Volume, channel: int, box: Box) -> NDArray[np.float32]:
        """Return the smoothed values (z, y, x) of a box in a channel of a volume."""
        z, y, x = (
            slice(max(0, part.start - margin), min(extent, part.stop + margin))
            for part, margin, extent in zip(box, self.margins, self._shape, strict=True)
        )
        around = (z, y, x)
        values = np.ascontiguousarray(volume.read(around, slice(channel, channel + 1))[0], np.float32)
        if not self._taps:
            return values
        beyond = [
            (margin - (part.start - outer.start), margin - (outer.stop - part.stop))
            for part, outer, margin in zip(box, around, self.margins, strict=True)
        ]
        if any(before or after for before, after in beyond):
            values = np.pad(values, beyond, mode="reflect")
        for axis in sorted(self._taps, reverse=True):
            values = _along(values, axis, self._taps[axis])
        return values


def gaussian_taps(sigma: float) -> NDArray[np.float64]:
    """Return the taps of a Gaussian that ends at two standard deviations; their sum is 1."""
    radius = _radius(sigma)
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    # The order of operations decides the last bit.
    taps = np.exp(-0.5 / sigma / sigma * x * x) / math.sqrt(2 * math.pi) / sigma
    normalised: NDArray[np.float64] = taps / taps.sum()
    return normalised


def _radius(sigma: float) -> int:
    return int(2.0 * sigma + 0.5) or 1


def _along(values: NDArray[np.float32], axis: int, taps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values correlated with taps along an axis, without the ends."""
    shape = list(values.shape)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    shape[axis] -= len(taps) - 1
    result = np.empty(shape, np.float32)
    _correlate(values.reshape(outer, -1, inner), taps, result.reshape(outer, -1, inner))
    return result
