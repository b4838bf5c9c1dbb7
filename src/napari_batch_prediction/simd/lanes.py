"""Sizes of vectors and masks, and memory for them, for those who have nothing else to do with compiled code."""

import numpy as np
from numpy.typing import NDArray

LANES = 16
"""Number of float32 in a vector."""

DOUBLE_LANES = 8
"""Number of float64 in a vector."""

PATCH = 64
"""Pixels of a mask."""


def aligned(size: int) -> NDArray[np.float32]:
    """Return a float32 array of which whole vectors do not cross lines of the cache; its values are anything."""
    array = np.empty(size + LANES, np.float32)
    first = (-array.__array_interface__["data"][0] % (4 * LANES)) // 4
    return array[first : first + size]
