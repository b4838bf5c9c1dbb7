"""Sums over the pixels of each class, compiled, that depend neither on tiles nor on threads."""

import numpy as np
from numba import int64

from napari_batch_prediction.simd.caching import cached

UNIT = 2**30
"""The sum of a probability of 1. That of as many pixels as fit into memory is below 2**63."""


@cached
def _add_up(probabilities, pixels, likely, unsure):
    for i in range(probabilities.shape[1]):
        best = 0
        largest = probabilities[0, i]
        second = np.float32(0)
        for k in range(1, probabilities.shape[0]):
            value = probabilities[k, i]
            if value > largest:
                second = largest
                largest = value
                best = k
            elif value > second:
                second = value
        # Pixels without any probability are masked.
        if largest > 0:
            margin = largest - second if probabilities.shape[0] > 1 else np.float32(1)
            pixels[best] += 1
            likely[best] += int64(np.rint(np.float64(largest) * UNIT))
            unsure[best] += int64(np.rint(np.float64(np.float32(1) - margin) * UNIT))


def class_sums(probabilities: np.ndarray) -> np.ndarray:
    """Return sums over the pixels of each class: those whose most probable class it is, of equal ones the first.

    Parameters
    ----------
    probabilities
        float32 (classes, z, y, x). Pixels with no probability at all are in no class.

    Returns
    -------
    int64 (3, classes): the number of pixels; the sum of the probability of the class, and that of the uncertainty,
    both in units of 1 / :data:`UNIT`, each value rounded to a whole number of units.
    """
    sums = np.zeros((3, len(probabilities)), np.int64)
    _add_up(probabilities.reshape(len(probabilities), -1), *sums)
    return sums
