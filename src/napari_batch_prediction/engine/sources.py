"""Segmentation and uncertainty from probabilities."""

import numpy as np

from napari_batch_prediction.simd.kernel import Kernel

_LOOPS = "napari_batch_prediction.engine.source_loops"
_segment, _uncertainty = Kernel(_LOOPS, "segment"), Kernel(_LOOPS, "uncertainty")


def segmentation(probabilities: np.ndarray) -> np.ndarray:
    """Return the number of the most probable class of each pixel, from 1; of equal ones, the first.

    Parameters
    ----------
    probabilities
        float32 (classes, z, y, x), at most 255 classes.

    Returns
    -------
    uint8 (1, z, y, x).
    """
    out = np.empty((1, *probabilities.shape[1:]), np.uint8)
    _segment(probabilities.reshape(len(probabilities), -1), out.reshape(-1))
    return out


def uncertainty(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 less the margin between the two most probable classes of each pixel; 0 if there is one class.

    Parameters
    ----------
    probabilities
        float32 (classes, z, y, x).

    Returns
    -------
    float32 (1, z, y, x).
    """
    out = np.zeros((1, *probabilities.shape[1:]), np.float32)
    if len(probabilities) > 1:
        _uncertainty(probabilities.reshape(len(probabilities), -1), out.reshape(-1))
    return out
