"""An image that is trained on, with its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels as LabelsLayer
from napari.layers import Layer

from napari_batch_prediction.widgets.training.canvas.images import PaintableImage
from napari_batch_prediction.widgets.training.canvas.overlay import OverlayLayer
from napari_batch_prediction.widgets.training.canvas.strokes import Strokes

if TYPE_CHECKING:
    from napari.components import ViewerModel


@dataclass(eq=False)
class Entry:
    """An image with its layers.

    Attributes
    ----------
    number
        Its number in the session.
    image
        The image.
    labels
        The layer of its labels.
    overlay
        The layer of its prediction.
    strokes
        The follower of its labels.
    """

    number: int
    image: PaintableImage
    labels: LabelsLayer
    overlay: OverlayLayer
    strokes: Strokes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, from the bottom."""
        return *self.image.layers, self.overlay.layer, self.labels


def go_to(viewer: "ViewerModel", entry: Entry, position: Sequence[int]) -> None:
    """Show a pixel of an image, given by its position along t, z, y and x, in the middle of the canvas."""
    at = dict(zip("tzyx", position, strict=True))
    world = np.asarray(entry.labels.data_to_world([at.get(key, 0) for key in entry.image.labels_axes]))
    lead = viewer.dims.ndim - len(world)
    for i, value in enumerate(world):
        if lead + i not in viewer.dims.displayed:
            viewer.dims.set_point(lead + i, float(value))
    shown = [i - lead for i in viewer.dims.displayed]
    center = viewer.scene.camera.center
    viewer.scene.camera.center = (*center[: 3 - len(shown)], *(float(world[i]) for i in shown))


def are_apart(one: Entry, other: Entry) -> bool:
    """Return True if two images do not overlap in the plane of the world's last two axes."""
    a, b = (entry.labels.extent.world[:, -2:] for entry in (one, other))
    return bool((a[0] >= b[1]).any() or (b[0] >= a[1]).any())


def why_not_trained(layer: object, entries: Sequence[Entry], current: Entry | None) -> str:
    """Return why painting on a layer does not train, in words; empty if it does, or is no painting."""
    if current is None or not isinstance(layer, LabelsLayer) or any(layer is entry.labels for entry in entries):
        return ""
    return f"'{layer.name}' is not trained on. To paint on '{current.labels.name}', click on a class below."
