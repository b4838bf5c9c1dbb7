"""The layers of the selected row: put on the viewer, and replaced by those of the next row."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels as LabelsLayer
from qtpy.QtCore import QObject

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.depth import Depth
from napari_batch_prediction.widgets.canvas.grids import PLACING, placed, widened, world_matrix
from napari_batch_prediction.widgets.canvas.layer_data import RAW, LayerData
from napari_batch_prediction.widgets.objects.links import ObjectLinks

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# Options that belong to an image and its outputs; all others are the user's to set.
CHANGING = (*PLACING, "contrast_limits")

# Settings of the user that a layer has again when it comes back after an image without it.
LASTING = ("opacity", "blending")


@dataclass
class _Present:
    """A layer on the viewer, and its data.

    Attributes
    ----------
    layer, data
        The layer, and the data that it shows.
    is_wanted
        True if it is to be visible, although it is hidden for now.
    """

    layer: "Layer"
    data: LayerData
    is_wanted: bool = False

    def takes(self, data: LayerData) -> bool:
        """Return True if the layer can show this data: with levels it needs at least two, without them just one."""
        if data.has_levels or not self.layer.multiscale:
            return data.has_levels == bool(self.layer.multiscale)
        return len(data.with_levels()) > 1

    def wants(self, data: LayerData) -> bool:
        """Return True if this data is to be visible: as the user left the layer, unless its own option has changed."""
        visible = data.options.get("visible", True)
        if visible != self.data.options.get("visible", True):
            return bool(visible)
        return bool(self.layer.visible or self.is_wanted)


class ShownLayers:
    """The layers that show one image and its outputs.

    The next image takes their place at once, when all of its layers are ready: layers of the same kind only get other
    pixels and keep the settings of the user; if it has the same size, camera and sliders stay as well. Files behind
    lazy layers are closed when their last layer is removed, here or by the user.

    napari is slow at adding a layer, and at removing one, after which it collects garbage. So layers are kept from one
    image to the next, and new ones are added one by one, hidden, before the change.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner of the work in the background.
    on_failure
        Called with the failure if the numbers of objects cannot be had.

    Attributes
    ----------
    base
        The layer to put them right above; None for the top of the list.
    """

    def __init__(
        self,
        viewer: "Viewer",
        parent: QObject | None = None,
        on_failure: Callable[[Failure], object] = lambda _: None,
    ) -> None:
        self.base: Layer | None = None
        self._viewer = viewer
        self._present: dict[tuple[object, ...], _Present] = {}
        # Layers added for an image that is not shown yet.
        self._coming: dict[tuple[object, ...], _Present] = {}
        # Of removed layers whether they were to be visible by themselves, whether they were, and their settings.
        self._left: dict[tuple[object, ...], tuple[bool, bool, dict[str, Any]]] = {}
        self._is_hidden = False
        # Files behind layers, also of layers left to the user.
        self._files: dict[Layer, tuple[Image, ...]] = {}
        self._depth = Depth(viewer)
        self._objects = ObjectLinks(viewer, parent, on_failure)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def keys(self) -> frozenset[tuple[object, ...]]:
        """The keys of the layers on the viewer."""
        return frozenset({*self._present, *self._coming})

    @property
    def layers(self) -> "list[Layer]":
        """The layers that show the image."""
        return [] if self._is_hidden else [present.layer for present in self._present.values()]

    @property
    def image_layer(self) -> "Layer | None":
        """The first layer of the image itself; None if there is none."""
        images = (present.layer for present in self._present.values() if present.data.source == RAW)
        return None if self._is_hidden else next(images, None)

    def show(self, group: Sequence[LayerData]) -> None:
        """Show these layers instead of the present ones, at once; for a viewer that does not draw."""
        for _ in self.steps(group):
            pass

    def steps(self, group: Sequence[LayerData]) -> Generator[None]:
        """Show these layers instead of the present ones.

        Each step but the last adds a hidden layer, or a part of one. At the last all layers change, so that nothing is
        drawn in between.

        Parameters
        ----------
        group
            The layers from the bottom up; none to remove the present ones.
        """
        is_shown = False
        try:
            # Anew after each step, since the user may remove layers meanwhile.
            while (lacking := next((data for data in group if self._taker(data) is None), None)) is not None:
                yield from self._add(lacking, group)
            self._change(group)
            is_shown = True
        finally:
            if not is_shown:
                # Those behind hidden layers are closed with these, or when these show another image.
                self._close({image for data in group for image in data.files})

    def hide(self) -> None:
        """Hide the layers until the next image is shown, since there is nothing to show instead of them."""
        for present in self._present.values():
            present.is_wanted = present.wants(present.data)
            present.layer.visible = False
        self._is_hidden = True

    def tidy(self) -> None:
        """Remove the layers of an image that was given up before it was shown, and end what is under way."""
        self._objects.drop()
        self._remove([*self._coming.values()])

    def holds(self, layer: "Layer") -> bool:
        """Return True if a layer is one of the present ones, seen or hidden."""
        return any(present.layer is layer for present in self._present.values())

    def keep(self) -> None:
        """Leave the layers to the user; the next image gets layers of its own."""
        self._present = {}

    def _change(self, group: Sequence[LayerData]) -> None:
        """Let the layers show another image, all at once."""
        before = self._extent()
        shown = {data.key: taker for data in group if (taker := self._taker(data)) is not None}
        kept = [present.layer for present in shown.values()]
        there = [*self._present.values(), *self._coming.values()]
        self._present, self._coming = shown, {}
        self._remove([present for present in there if present.layer not in kept])
        for data in group:
            self._renew(self._present[data.key], data)
        self._is_hidden = False
        # Predictions above a layer of the user move no camera.
        is_image = any(data.source == RAW for data in group)
        if is_image and not np.array_equal(before, self._extent()):
            self._viewer.reset_view()

    def _taker(self, data: LayerData) -> _Present | None:
        """Return the layer on the viewer that can show this data; None if there is none."""
        there = (self._present.get(data.key), self._coming.get(data.key))
        return next((present for present in there if present is not None and present.takes(data)), None)

    def _add(self, data: LayerData, group: Sequence[LayerData]) -> Iterator[None]:
        layer, is_wanted = data.make(), bool(data.options.get("visible", True))
        default, was_wanted, settings = self._left.pop(data.key, (is_wanted, is_wanted, {}))
        for name, value in settings.items():
            setattr(layer, name, value)
        layer.visible = False
        if data.in_3d is not None:
            self._depth.add(layer, data.in_3d)
        # Making overlays takes as long again.
        overlays = [overlay for overlay in getattr(layer, "_overlays", {}).values() if overlay.visible]
        for overlay in overlays:
            overlay.visible = False
        self._remove([self._coming.pop(data.key)] if data.key in self._coming else [])
        self._coming[data.key] = _Present(layer, data, was_wanted if default == is_wanted else is_wanted)
        self._keep_open(layer, data.files)
        self._viewer.layers.insert(self._index(data, group), layer)
        try:
            yield
            while overlays:
                overlays.pop().visible = True
                yield
        finally:
            for overlay in overlays:
                overlay.visible = True

    def _index(self, data: LayerData, group: Sequence[LayerData]) -> int:
        """Return the index for a layer: above those below it, else below those above it, else above the base."""
        layers = self._viewer.layers
        rank = [each.key for each in group].index(data.key)
        there = {key: present.layer for key, present in (self._present | self._coming).items()}
        for below in reversed(group[:rank]):
            if below.key in there:
                return int(layers.index(there[below.key])) + 1
        for above in group[rank + 1 :]:
            if above.key in there:
                return int(layers.index(there[above.key]))
        return int(layers.index(self.base)) + 1 if self.base in layers else len(layers)

    def _renew(self, present: _Present, data: LayerData) -> None:
        """Let a layer show other data, or the data that it was made with."""
        layer, before = present.layer, present.data.options
        is_visible = present.wants(data)
        # Set only if it changes: setting it draws again.
        if layer.visible and not is_visible:
            layer.visible = False
        if present.data is not data:
            layer.data = data.with_levels() if layer.multiscale else data.data
            for name in CHANGING:
                # An option with the same value as before stays as the user set it meanwhile.
                if name in data.options and not _are_equal(before.get(name), data.options[name]):
                    setattr(layer, name, data.options[name])
        if isinstance(layer, LabelsLayer):
            self._objects.show(layer, data.objects)
        self._follow(layer, data)
        if not layer.visible:
            # napari updates the extent of a hidden layer only when its scale is set, even to the same value.
            layer.scale = layer.scale
        if layer.name != data.name:
            layer.name = data.name
        if is_visible and not layer.visible:
            layer.visible = True
        present.data, present.is_wanted = data, False
        self._keep_open(layer, data.files)

    def _follow(self, layer: "Layer", data: LayerData) -> None:
        """Place an output over its image if the user has moved that by hand."""
        image = next((each for each in self._present.values() if each.data.source == RAW), None)
        if image is None or data.source == RAW:
            return
        before, now = world_matrix(image.data.options), world_matrix(placed(image.layer))
        if not np.allclose(before, now):
            layer.affine = widened(now @ np.linalg.inv(before), layer.ndim)

    def _remove(self, gone: Sequence[_Present]) -> None:
        """Remove layers, all at once: napari collects garbage after each time."""
        if not gone:
            return
        for present in gone:
            settings = {name: getattr(present.layer, name) for name in LASTING}
            default = bool(present.data.options.get("visible", True))
            self._left[present.data.key] = default, present.wants(present.data), settings
        with self._viewer.layers.batched_update():
            for present in gone:
                self._viewer.layers.remove(present.layer)

    def _extent(self) -> Any:
        """Return the extent of the first layer of the image."""
        return next((present.layer.extent.world for present in self._present.values()), None)

    def _on_removed(self, event: Any) -> None:
        for there in (self._present, self._coming):
            for key in [key for key, present in there.items() if present.layer is event.value]:
                del there[key]
        self._keep_open(event.value, ())

    def _keep_open(self, layer: "Layer", files: tuple[Image, ...]) -> None:
        """Note the files behind a layer, and close those of its data before that no other layer reads."""
        before = self._files.pop(layer, ())
        if files:
            self._files[layer] = files
        self._close(before)

    def _close(self, files: Iterable[Image]) -> None:
        """Close the files that are behind no layer."""
        used = {image for images in self._files.values() for image in images}
        for image in files:
            if image not in used:
                image.close()


def _are_equal(before: Any, after: Any) -> bool:
    return np.array_equal(before, after) if isinstance(after, np.ndarray) else bool(before == after)
