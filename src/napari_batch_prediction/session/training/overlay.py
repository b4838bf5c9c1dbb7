"""Colours of a prediction that is drawn over its image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import PROBABILITIES, SEGMENTATION, UNCERTAINTY
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.sources import segmentation, uncertainty

OVERLAYS = (PROBABILITIES, SEGMENTATION, UNCERTAINTY)
"""The sources that can be drawn over an image while it is painted."""

UNCERTAIN: Color = (0, 255, 255)
"""The colour of pixels of which the class is quite uncertain; the others let the image through."""


def colors_of(overlay: str, probabilities: NDArray[np.float32], colors: Sequence[Color]) -> NDArray[np.uint8]:
    """Return the colours of a prediction.

    Parameters
    ----------
    overlay
        The source: probabilities mix the colours of the classes, the segmentation has that of the likeliest class,
        and the uncertainty is the opacity of :data:`UNCERTAIN`.
    probabilities
        (classes, z, y, x); 0 for all classes where nothing is known.
    colors
        The colour of each class.

    Returns
    -------
    Red, green, blue and opacity (z, y, x, 4), 0 to 255.
    """
    shape = probabilities.shape[1:]
    painted = np.empty((*shape, 4), np.uint8)
    probabilities = np.ascontiguousarray(probabilities)
    palette = np.array(colors, np.float32).reshape(-1, 3)
    if overlay == UNCERTAINTY:
        painted[..., :3] = UNCERTAIN
        painted[..., 3] = np.rint(255 * uncertainty(probabilities)[0])
    elif overlay == SEGMENTATION:
        painted[..., :3] = palette.astype(np.uint8)[segmentation(probabilities)[0] - 1]
        painted[..., 3] = 255
    else:
        mixed = palette.T @ probabilities.reshape(len(probabilities), -1)
        painted[..., :3] = np.rint(mixed).T.reshape(*shape, 3).clip(0, 255)
        painted[..., 3] = 255
    painted[~probabilities.any(axis=0)] = 0
    return painted
