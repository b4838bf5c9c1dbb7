"""The layers of the row that is looked at: put on the viewer, and taken away for the next."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.widgets.layer_data import LayerData

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# What the user sets on a layer and expects to find on the same layer of the next image.
KEPT_SETTINGS = ("visible", "opacity", "blending", "gamma")


class _View(NamedTuple):
    """Where the user looks: the extent of the image, and the position in it."""

    extent: Any
    center: tuple[float, float, float]
    zoom: float
    angles: tuple[float, float, float]
    step: tuple[int, ...]


class ShownLayers:
    """The layers that show one image and its outputs.

    The next image takes their place: what was hidden stays hidden, and if it has the same size, camera and
    sliders stay where they are. Files behind lazy layers are closed when their last layer is removed, here or
    by the user.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer = viewer
        self._layers: list[Layer] = []
        self._files: dict[Layer, Image] = {}
        viewer.layers.events.removed.connect(self._on_removed)

    def show(self, group: Sequence[LayerData]) -> None:
        """Show these layers instead of the present ones."""
        view = self._view() if self._layers else None
        settings = [(type(layer), {name: getattr(layer, name) for name in KEPT_SETTINGS}) for layer in self._layers]
        self.clear()
        for data in group:
            self._add(data)
        if [kind for kind, _ in settings] == [type(layer) for layer in self._layers]:
            for layer, (_, kept) in zip(self._layers, settings, strict=True):
                for name, value in kept.items():
                    setattr(layer, name, value)
        if view is not None and np.array_equal(view.extent, self._layers[0].extent.world):
            self._go_to(view)
        else:
            self._viewer.reset_view()

    def clear(self) -> None:
        """Remove the layers that are shown."""
        # A layer that is removed leaves the list.
        for layer in list(self._layers):
            self._viewer.layers.remove(layer)

    def _add(self, data: LayerData) -> None:
        add = self._viewer.add_labels if data.kind == "labels" else self._viewer.add_image
        added = add(data.data, **data.options)
        layers: list[Layer] = added if isinstance(added, list) else [added]
        self._layers += layers
        if data.image is not None:
            self._files |= dict.fromkeys(layers, data.image)

    def _on_removed(self, event: Any) -> None:
        if event.value not in self._layers:
            return
        self._layers.remove(event.value)
        image = self._files.pop(event.value, None)
        if image is not None and image not in self._files.values():
            image.close()

    def _view(self) -> _View:
        camera = self._viewer.scene.camera
        extent = self._layers[0].extent.world
        return _View(extent, camera.center, camera.zoom, camera.angles, self._viewer.dims.current_step)

    def _go_to(self, view: _View) -> None:
        camera = self._viewer.scene.camera
        camera.center, camera.zoom, camera.angles = view.center, view.zoom, view.angles
        self._viewer.dims.current_step = view.step
