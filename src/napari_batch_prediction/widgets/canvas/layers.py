"""The layers of the selected row: put on the viewer, and replaced by those of the next row."""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.widgets.canvas.grids import PLACING, placed, widened, world_matrix
from napari_batch_prediction.widgets.canvas.layer_data import RAW, LayerData, close_all

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# Options that belong to an image and its outputs; all others are the user's to set.
CHANGING = (*PLACING, "contrast_limits")

# Reading and drawing more bytes than this takes longer than a moment.
MANY_BYTES = 2**26


@dataclass
class _Present:
    """A layer on the viewer, and its data."""

    layer: "Layer"
    data: LayerData
    # True while there is nothing to show for the present image.
    is_spare: bool = False
    # True if the user wants to see it once it is filled.
    is_wanted: bool = True
    # True if it was visible before, and so is drawn quickly.
    is_drawn: bool = True

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
        return bool(self.layer.visible or (self.is_spare and self.is_wanted))


class ShownLayers:
    """The layers that show one image and its outputs.

    The next image takes their place: layers of the same kind only get other pixels and keep the settings of the user;
    if it has the same size, camera and sliders stay as well. Files behind lazy layers are closed when their last layer
    is removed, here or by the user.

    napari is slow at adding a layer, and at removing one, after which it collects garbage; so layers are kept as long
    as they are of use.

    Parameters
    ----------
    viewer
        The viewer, or its model.

    Attributes
    ----------
    base
        The layer to put them right above; None for the top of the list.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self.base: Layer | None = None
        self._viewer = viewer
        self._present: dict[tuple[object, ...], _Present] = {}
        # Extent of the image that was shown before, and True if all of its layers were.
        self._seen: Any = None
        self._is_whole = False
        # Files behind layers, also of layers left to the user.
        self._files: dict[Layer, tuple[Image, ...]] = {}
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def keys(self) -> frozenset[tuple[object, ...]]:
        """The keys of the present layers."""
        return frozenset(self._present)

    @property
    def layers(self) -> "list[Layer]":
        """The layers that show something."""
        return [present.layer for present in self._present.values() if not present.is_spare]

    def takes_long(self, group: Sequence[LayerData]) -> bool:
        """Return True if drawing these layers is slow, because many bytes are visible."""
        n_axes, total = self._viewer.dims.ndisplay, 0
        for data in group:
            present = self._present.get(data.key)
            if present.wants(data) if present is not None else data.options.get("visible", True):
                total += data.drawn_bytes(n_axes)
        return total > MANY_BYTES

    def show(self, group: Sequence[LayerData]) -> None:
        """Show these layers instead of the present ones, at once; for a viewer that does not draw."""
        for _ in self.steps(group):
            pass

    def steps(self, group: Sequence[LayerData], *, empty_first: bool = False) -> Generator[bool]:
        """Show these layers instead of the present ones, one change at each step.

        Parameters
        ----------
        group
            The layers from the bottom up. Empty ones are hidden until they are filled.
        empty_first
            Hide the present layers first and let the viewer draw.

        Yields
        ------
        True if the viewer must draw before the next step.
        """
        waiting = {data.key: data for data in group}
        try:
            self._note_extent()
            self._is_whole = False
            if empty_first:
                yield from self.empty({data.source for data in group})
                yield True
            for key in [
                key for key, present in self._present.items() if key in waiting and present.takes(waiting[key])
            ]:
                if key in self._present:
                    yield self._renew(self._present[key], waiting.pop(key))
            kept = {data.key for data in group if data.key not in waiting}
            yield from self._remove([key for key in self._present if key not in kept])
            for data in group:
                if data.key in waiting:
                    yield from self._add(waiting.pop(data.key), group)
            if group and not np.array_equal(self._seen, self._extent()):
                self._viewer.reset_view()
            self._is_whole = True
        finally:
            close_all(waiting.values())

    def empty(self, sources: Collection[str]) -> Generator[bool]:
        """Empty and hide the layers of sources that come soon, and remove the others, as :meth:`steps` does."""
        self._note_extent()
        soon = [key for key, present in self._present.items() if present.data.source in sources]
        for key in soon:
            if key in self._present:
                yield self._renew(self._present[key], self._present[key].data.emptied())
        yield from self._remove([key for key in self._present if key not in soon])

    def tidy(self) -> Generator[bool]:
        """Remove the layers that show nothing, as :meth:`steps` does."""
        yield from self._remove([key for key, present in self._present.items() if present.is_spare])

    def keep(self) -> None:
        """Leave the layers to the user; the next image gets layers of its own."""
        self._present = {key: present for key, present in self._present.items() if present.is_spare}

    def _add(self, data: LayerData, group: Sequence[LayerData]) -> Iterator[bool]:
        layer, is_wanted = data.make(), data.options.get("visible", True)
        wanted = is_wanted and not data.is_empty
        # Added first and drawn later: both at one step would take too long. Making overlays takes as long again.
        layer.visible = False
        overlays = [overlay for overlay in getattr(layer, "_overlays", {}).values() if overlay.visible]
        for overlay in overlays:
            overlay.visible = False
        self._present[data.key] = _Present(layer, data, data.is_empty, is_wanted, wanted)
        self._keep_open(layer, data.files)
        self._follow(layer, data)
        self._viewer.layers.insert(self._index(data, group), layer)
        try:
            yield True
            while overlays:
                overlays.pop().visible = True
                yield True
        finally:
            for overlay in overlays:
                overlay.visible = True
            layer.visible = wanted
        yield wanted

    def _index(self, data: LayerData, group: Sequence[LayerData]) -> int:
        """Return the index for a layer: above those below it, else below those above it, else above the base."""
        layers = self._viewer.layers
        rank = [each.key for each in group].index(data.key)
        there = {key: present.layer for key, present in self._present.items() if present.layer in layers}
        for below in reversed(group[:rank]):
            if below.key in there:
                return int(layers.index(there[below.key])) + 1
        for above in group[rank + 1 :]:
            if above.key in there:
                return int(layers.index(there[above.key]))
        return int(layers.index(self.base)) + 1 if self.base in layers else len(layers)

    def _renew(self, present: _Present, data: LayerData) -> bool:
        """Let a layer show other data; return True if it is visible for the first time, which is slow to draw."""
        layer, before = present.layer, present.data.options
        present.is_wanted = present.wants(data)
        is_visible = present.is_wanted and not data.is_empty
        # Set only if it changes: setting it draws again.
        if layer.visible and not is_visible:
            layer.visible = False
        layer.data = data.with_levels() if layer.multiscale else data.data
        for name in CHANGING:
            # An option with the same value as before stays as the user set it meanwhile.
            if name in data.options and not _are_equal(before.get(name), data.options[name]):
                setattr(layer, name, data.options[name])
        self._follow(layer, data)
        if not layer.visible:
            # napari updates the extent of a hidden layer only when its scale is set, even to the same value.
            layer.scale = layer.scale
        if layer.name != data.name:
            layer.name = data.name
        if is_visible and not layer.visible:
            layer.visible = True
        present.data, present.is_spare = data, data.is_empty
        self._keep_open(layer, data.files)
        was_drawn, present.is_drawn = present.is_drawn, present.is_drawn or layer.visible
        return not was_drawn and present.is_drawn

    def _follow(self, layer: "Layer", data: LayerData) -> None:
        """Place an output over its image if the user has moved that by hand."""
        image = next((each for each in self._present.values() if each.data.source == RAW), None)
        if image is None or data.source == RAW:
            return
        before, now = world_matrix(image.data.options), world_matrix(placed(image.layer))
        if not np.allclose(before, now):
            layer.affine = widened(now @ np.linalg.inv(before), layer.ndim)

    def _remove(self, keys: Iterable[tuple[object, ...]]) -> Iterator[bool]:
        """Remove layers, all at one step: napari collects garbage after each step."""
        removed = [self._present[key].layer for key in keys if key in self._present]
        if not removed:
            return
        with self._viewer.layers.batched_update():
            for layer in removed:
                self._viewer.layers.remove(layer)
        yield True

    def _extent(self) -> Any:
        """Return the extent of the first layer that shows something."""
        return self.layers[0].extent.world if self.layers else None

    def _note_extent(self) -> None:
        """Note the extent that is shown; the one before stays while layers are empty or of two images."""
        if not self._present:
            self._seen = None
        elif self.layers and self._is_whole:
            self._seen = self._extent()

    def _on_removed(self, event: Any) -> None:
        self._present = {key: present for key, present in self._present.items() if present.layer is not event.value}
        self._keep_open(event.value, ())

    def _keep_open(self, layer: "Layer", files: tuple[Image, ...]) -> None:
        """Note the files behind a layer, and close those of its data before that no other layer reads."""
        before = self._files.pop(layer, ())
        if files:
            self._files[layer] = files
        used = {image for images in self._files.values() for image in images}
        for image in before:
            if image not in used:
                image.close()


def _are_equal(before: Any, after: Any) -> bool:
    return np.array_equal(before, after) if isinstance(after, np.ndarray) else bool(before == after)
