"""Sums over the pixels of each class, that depend neither on tiles nor on threads."""

import numpy as np

from napari_batch_prediction.simd.kernel import Kernel

_add_areas = Kernel("napari_batch_prediction.engine.source_loops", "add_areas")

UNIT = 2**30
"""The sum of a probability of 1. That of as many pixels as fit into memory is below 2**63."""


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
    _add_areas(probabilities.reshape(len(probabilities), -1), *sums)
    return sums
