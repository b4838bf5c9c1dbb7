"""Counts: sums of a density that depend neither on tiles nor on threads."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageMismatchError

UNIT = 2**40
"""What :func:`exact_sum` returns for densities that add up to 1. The product with any float32 is exact in float64."""

# Pixels whose whole numbers are added up at once.
_MANY = 2**16
_LOW = 2**32
# Whole numbers below this fit into two parts of which so many add up in 64 bits.
_LARGEST = 2.0**78


def exact_sum(density: NDArray) -> int:
    """Return the sum of a density in units of 1 / :data:`UNIT`.

    Each value is rounded to a whole number of units, so sums of parts add up to the same sum in any order:
    the count is ``sum(exact_sum(part) for part in parts) / UNIT``.

    Parameters
    ----------
    density
        Values of any shape, float32.

    Raises
    ------
    ImageMismatchError
        If a value is not finite or too large to be a density.
    """
    flat = density.reshape(-1)
    total = 0
    for first in range(0, flat.size, _MANY):
        units = np.rint(np.multiply(flat[first : first + _MANY], float(UNIT), dtype=np.float64))
        if not (np.abs(units) < _LARGEST).all():
            raise ImageMismatchError(
                f"The density cannot be summed up: expected a few objects in a pixel, found {np.abs(density).max():g}. "
                "Check that the image is of the kind the project was trained on."
            )
        high = np.floor(units / _LOW)
        total += int(high.astype(np.int64).sum()) * _LOW + int((units - high * _LOW).astype(np.int64).sum())
    return total
