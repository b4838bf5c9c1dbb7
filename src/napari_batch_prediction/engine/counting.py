"""Counts: sums of a density that depend neither on tiles nor on threads."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageMismatchError

UNIT = 2**40
"""The sum by :func:`exact_sum` of densities that add up to 1. Its product with any float32 is exact in float64."""

# Number of pixels added up at once, as whole numbers.
_MANY = 2**16
_LOW = 2**32
# Values below this can be split into two halves; the sums of so many halves fit into int64.
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
