"""The part of an image that is on the canvas."""

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from napari_batch_prediction.session.training.view import View
from napari_batch_prediction.widgets.training.canvas.images import PaintableImage

if TYPE_CHECKING:
    from napari.components import ViewerModel

IN_3D = "The viewer shows 3D. Switch it to 2D (the cube at its lower left) to paint and to see the prediction."
OTHER_AXIS = "The viewer shows the axis of time. Put it on a slider to see the prediction (roll the axes)."


def visible(
    viewer: "ViewerModel", number: int, image: PaintableImage, labels: Labels, least: tuple[int, int, int]
) -> View | str | None:
    """Return the part of an image that is on the canvas.

    Parameters
    ----------
    viewer
        The viewer.
    number
        The number of the image.
    image
        The image.
    labels
        The layer of its labels: they lie as the image at full resolution does.
    least
        Pixels along z, y and x that an image must have for the features.

    Returns
    -------
    The view; None if nothing of the image is on the canvas; a sentence if it cannot be predicted as it is shown.
    """
    layer = image.layers[0]
    if viewer.dims.ndisplay == 3:
        return IN_3D
    axes = image.labels_axes
    hidden_axes = viewer.dims.ndim - labels.ndim
    shown = [axes[i - hidden_axes] for i in viewer.dims.displayed if i >= hidden_axes]
    if len(shown) < 2 or "t" in shown or "c" in shown:
        return OTHER_AXIS
    level = layer.data_level if layer.multiscale and layer.visible else 0
    level = _usable(image, level, least)
    full, extents = image.image.extents, image.levels[level].extents
    at = dict(zip(axes, labels.world_to_data(viewer.dims.point[hidden_axes:]), strict=True))
    corners = dict(zip(axes, labels.corner_pixels.T, strict=True))
    sides: dict[str, slice] = {}
    for key in "tzyx":
        factor = full[key] / extents[key]
        if key in shown:
            first, last = corners[key]
            side = slice(max(floor(first / factor), 0), min(ceil((last + 1) / factor), extents[key]))
        else:
            index = int(np.clip(round(at[key]), -1, full[key])) if key in at else 0
            if not 0 <= index < full[key]:
                return None
            side = slice(int(index / factor), int(index / factor) + 1)
        if side.start >= side.stop:
            return None
        sides[key] = side
    step = _step(viewer, labels, axes, shown, full[shown[-1]] / extents[shown[-1]])
    return View(number, level, sides["t"].start, (sides["z"], sides["y"], sides["x"]), step)


def _usable(image: PaintableImage, level: int, least: tuple[int, int, int]) -> int:
    """Return the level, or the next finer one that has all time points and is large enough for the features."""
    for coarse in range(level, 0, -1):
        extents = image.levels[coarse].extents
        if extents["t"] == image.image.extents["t"] and all(
            extents[key] >= n for key, n in zip("zyx", least, strict=True)
        ):
            return coarse
    return 0


def _step(viewer: "ViewerModel", labels: Labels, axes: str, shown: list[str], factor: float) -> int:
    """Return how many pixels fall on one of the canvas, as a power of two."""
    size = min(float(labels.scale[axes.index(key)]) for key in shown) * factor
    pixels = 1 / (viewer.scene.camera.zoom * size)
    step = 1
    while 2 * step <= pixels:
        step *= 2
    return step
