"""The compiled loops of segmentation, uncertainty and areas."""

import numpy as np
from numba import int64

from napari_batch_prediction.engine.areas import UNIT
from napari_batch_prediction.simd.caching import strict


@strict
def segment(probabilities, out):
    """Set ``out`` to the number of the most probable class, from 1."""
    for i in range(out.size):
        best = 0
        for k in range(1, probabilities.shape[0]):
            if probabilities[k, i] > probabilities[best, i]:
                best = k
        out[i] = best + 1


@strict
def uncertainty(probabilities, out):
    """Set ``out`` to 1 less the margin between the two most probable classes."""
    for i in range(out.size):
        largest = probabilities[0, i]
        second = np.float32(-np.inf)
        for k in range(1, probabilities.shape[0]):
            value = probabilities[k, i]
            if value > largest:
                second = largest
                largest = value
            elif value > second:
                second = value
        out[i] = np.float32(1) - (largest - second)


@strict
def add_areas(probabilities, pixels, likely, unsure):
    """Add to the sums of each class; see :func:`~.areas.class_sums`."""
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
