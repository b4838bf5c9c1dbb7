"""The layers of the row that is looked at: put on the viewer, and taken away for the next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.widgets.layer_data import LayerData

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# What tells an image and its outputs from the next; the rest is the user's to set.
CHANGING = ("name", "scale", "translate", "units", "contrast_limits")


class ShownLayers:
    """The layers that show one image and its outputs.

    The next image takes their place. If it has the same kinds of layers they only get other pixels, so that
    what the user set on them stays; if it has the same size, camera and sliders stay as well. Files behind
    lazy layers are closed when their last layer is removed, here or by the user.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer = viewer
        self._kinds: list[tuple[object, ...]] = []
        self._layers: list[Layer] = []
        self._files: dict[Layer, Image] = {}
        viewer.layers.events.removed.connect(self._on_removed)

    def show(self, group: Sequence[LayerData]) -> None:
        """Show these layers instead of the present ones."""
        kinds: list[tuple[object, ...]] = [
            (data.kind, data.data.ndim, data.data.dtype, data.options.get("rgb")) for data in group
        ]
        if kinds != self._kinds or len(self._layers) != len(group):
            self.clear()
            self._kinds = kinds
            for data in group:
                add = self._viewer.add_labels if data.kind == "labels" else self._viewer.add_image
                self._layers.append(add(data.data, **data.options))
                self._keep_open(self._layers[-1], data.image)
            self._viewer.reset_view()
            return
        extent = self._layers[0].extent.world
        for layer, data in zip(self._layers, group, strict=True):
            layer.data = data.data
            for name in CHANGING:
                if name in data.options:
                    setattr(layer, name, data.options[name])
            self._keep_open(layer, data.image)
        if not np.array_equal(extent, self._layers[0].extent.world):
            self._viewer.reset_view()

    def clear(self) -> None:
        """Remove the layers that are shown."""
        # A layer that is removed leaves the list.
        for layer in list(self._layers):
            self._viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if event.value in self._layers:
            self._layers.remove(event.value)
            self._keep_open(event.value, None)

    def _keep_open(self, layer: "Layer", image: Image | None) -> None:
        """Note the file a layer reads from; close the one before if no other layer does."""
        before = self._files.pop(layer, None)
        if image is not None:
            self._files[layer] = image
        if before is not None and before not in self._files.values():
            before.close()
