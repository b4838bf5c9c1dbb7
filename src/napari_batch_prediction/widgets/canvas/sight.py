"""The part of a layer that is in sight."""

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


def in_sight(viewer: "Viewer", layer: "Layer", axes: str) -> dict[str, tuple[int, int]]:
    """Return start and stop of what is in sight of a layer, in pixels along its axes.

    In 2D that is a part of a plane. In 3D it is the whole volume, at the time point that is shown. It may lie beside
    the layer.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    layer
        The layer; of several levels, the pixels are those of the first.
    axes
        An axis key for each of its dimensions.
    """
    dims, camera = viewer.dims, viewer.scene.camera
    others = dims.ndim - layer.ndim
    displayed = list(dims.displayed)
    corners = [np.array(dims.point, float)]
    if dims.ndisplay == 2:
        half = np.array(viewer.canvas.size, float) / camera.zoom / 2
        corners = []
        for signs in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            corner = np.array(dims.point, float)
            corner[displayed] = np.array(camera.center[-2:]) + half * signs
            corners.append(corner)
    inside = np.array([layer.world_to_data(corner[others:]) for corner in corners])
    sides: dict[str, tuple[int, int]] = {}
    for i, key in enumerate(axes[: layer.ndim]):
        if i + others not in displayed:
            at = round(float(inside[:, i].mean()))
            sides[key] = at, at + 1
        elif dims.ndisplay == 2:
            # A pixel reaches half of its size to either side of its place.
            sides[key] = floor(inside[:, i].min() + 0.5), ceil(inside[:, i].max() + 0.5)
    return {key: side for key, side in sides.items() if key != "c"}
