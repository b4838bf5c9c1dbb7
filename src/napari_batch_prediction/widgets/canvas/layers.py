"""The layers of the row that is looked at: put on the viewer, and taken away for the next."""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_batch_prediction.images.base import Image
from napari_batch_prediction.widgets.canvas.layer_data import LayerData, close_all

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# What tells an image and its outputs from the next; the rest is the user's to set.
CHANGING = ("axis_labels", "scale", "translate", "units", "contrast_limits")

# To read and draw more than so many bytes takes longer than a moment.
MANY_BYTES = 2**26


@dataclass
class _Present:
    """A layer that is on the viewer, and what it was given."""

    layer: "Layer"
    data: LayerData
    # There is nothing to show for the present image.
    is_spare: bool = False
    # Whether the user wants to see it when there is.
    is_wanted: bool = True
    # It has been made visible, and so is ready to be drawn quickly.
    is_drawn: bool = True

    def takes(self, data: LayerData) -> bool:
        """Whether the layer can show this: one with levels needs at least two, one without can have but one."""
        if data.has_levels or not self.layer.multiscale:
            return data.has_levels == bool(self.layer.multiscale)
        return len(data.with_levels()) > 1

    def wants(self, data: LayerData) -> bool:
        """Whether this is to be seen: as the user left it, unless it comes hidden now and did not before."""
        comes = data.options.get("visible", True)
        if comes != self.data.options.get("visible", True):
            return bool(comes)
        return bool(self.layer.visible or (self.is_spare and self.is_wanted))


class ShownLayers:
    """The layers that show one image and its outputs.

    The next image takes their place: layers of the same kind only get other pixels, so that what the user set on
    them stays; if it has the same size, camera and sliders stay as well. Files behind lazy layers are closed when
    their last layer is removed, here or by the user.

    napari needs most time for a layer that is new, and for one that is removed, after which it collects garbage: so
    layers are kept as long as they are of use.

    Parameters
    ----------
    viewer
        The viewer, or its model.

    Attributes
    ----------
    base
        The layer that they are put right above; None to put them on top of all.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self.base: Layer | None = None
        self._viewer = viewer
        self._present: dict[tuple[object, ...], _Present] = {}
        # The extent of what was seen before, and whether all of that was shown.
        self._seen: Any = None
        self._is_whole = False
        # Also of layers that are kept.
        self._files: dict[Layer, tuple[Image, ...]] = {}
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def keys(self) -> frozenset[tuple[object, ...]]:
        """The keys of the layers that are there."""
        return frozenset(self._present)

    @property
    def layers(self) -> "list[Layer]":
        """The layers that show something."""
        return [present.layer for present in self._present.values() if not present.is_spare]

    def takes_long(self, group: Sequence[LayerData]) -> bool:
        """Return whether to show these layers takes longer than a moment, as much of them will be seen."""
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
        """Show these layers instead of the present ones, one thing at each step.

        Parameters
        ----------
        group
            The layers from the bottom up. Those that are empty are hidden, until there is something to show.
        empty_first
            Let the viewer draw without the present layers before.

        Yields
        ------
        Whether the viewer must draw before the next step.
        """
        left = {data.key: data for data in group}
        try:
            self._note_extent()
            self._is_whole = False
            if empty_first:
                yield from self.empty({data.source for data in group})
                yield True
            for key in [key for key, present in self._present.items() if key in left and present.takes(left[key])]:
                if key in self._present:
                    yield self._renew(self._present[key], left.pop(key))
            kept = {data.key for data in group if data.key not in left}
            yield from self._remove([key for key in self._present if key not in kept])
            for data in group:
                if data.key in left:
                    yield from self._add(left.pop(data.key), group)
            if group and not np.array_equal(self._seen, self._extent()):
                self._viewer.reset_view()
            self._is_whole = True
        finally:
            close_all(left.values())

    def empty(self, sources: Collection[str]) -> Generator[bool]:
        """Empty and hide the layers of sources that will be there soon; remove the others. Yields as :meth:`steps`."""
        self._note_extent()
        soon = [key for key, present in self._present.items() if present.data.source in sources]
        for key in soon:
            if key in self._present:
                yield self._renew(self._present[key], self._present[key].data.emptied())
        yield from self._remove([key for key in self._present if key not in soon])

    def tidy(self) -> Generator[bool]:
        """Remove, step by step as :meth:`steps`, the layers that show nothing."""
        yield from self._remove([key for key, present in self._present.items() if present.is_spare])

    def keep(self) -> None:
        """Leave what is shown to the user; the next image gets layers of its own."""
        self._present = {key: present for key, present in self._present.items() if present.is_spare}

    def _add(self, data: LayerData, group: Sequence[LayerData]) -> Iterator[bool]:
        layer, is_wanted = data.make(), data.options.get("visible", True)
        wanted = is_wanted and not data.is_empty
        # Put on the viewer first, drawn later: together they would take too long. What napari can draw above labels
        # takes as long to make again.
        layer.visible = False
        above = [overlay for overlay in getattr(layer, "_overlays", {}).values() if overlay.visible]
        for overlay in above:
            overlay.visible = False
        self._present[data.key] = _Present(layer, data, data.is_empty, is_wanted, wanted)
        self._keep_open(layer, data.files)
        self._viewer.layers.insert(self._index(data, group), layer)
        try:
            yield True
            while above:
                above.pop().visible = True
                yield True
        finally:
            for overlay in above:
                overlay.visible = True
            layer.visible = wanted
        yield wanted

    def _index(self, data: LayerData, group: Sequence[LayerData]) -> int:
        """Return where a layer belongs: above those below it, else below those above it, else above the base."""
        layers = self._viewer.layers
        at = [one.key for one in group].index(data.key)
        there = {key: present.layer for key, present in self._present.items() if present.layer in layers}
        for below in reversed(group[:at]):
            if below.key in there:
                return int(layers.index(there[below.key])) + 1
        for above in group[at + 1 :]:
            if above.key in there:
                return int(layers.index(there[above.key]))
        return int(layers.index(self.base)) + 1 if self.base in layers else len(layers)

    def _renew(self, present: _Present, data: LayerData) -> bool:
        """Let a layer show something else; return whether that is the first time, which takes long to draw."""
        layer, before = present.layer, present.data.options
        present.is_wanted = present.wants(data)
        is_seen = present.is_wanted and not data.is_empty
        # To set it again would draw again.
        if layer.visible and not is_seen:
            layer.visible = False
        layer.data = data.with_levels() if layer.multiscale else data.data
        for name in CHANGING:
            # What is given again is left as the user set it meanwhile.
            if name in data.options and before.get(name) != data.options[name]:
                setattr(layer, name, data.options[name])
        if not layer.visible:
            # napari notes the extent of a hidden layer only when its place is set, also if that stays the same.
            layer.scale = layer.scale
        if layer.name != data.name:
            layer.name = data.name
        if is_seen and not layer.visible:
            layer.visible = True
        present.data, present.is_spare = data, data.is_empty
        self._keep_open(layer, data.files)
        was_drawn, present.is_drawn = present.is_drawn, present.is_drawn or layer.visible
        return not was_drawn and present.is_drawn

    def _remove(self, keys: Iterable[tuple[object, ...]]) -> Iterator[bool]:
        """Remove layers, all at one step: napari collects garbage after each, or once for all."""
        gone = [self._present[key].layer for key in keys if key in self._present]
        if not gone:
            return
        with self._viewer.layers.batched_update():
            for layer in gone:
                self._viewer.layers.remove(layer)
        yield True

    def _extent(self) -> Any:
        """Return the extent of the first layer that shows something."""
        return self.layers[0].extent.world if self.layers else None

    def _note_extent(self) -> None:
        """Note what is seen; while layers are empty, or half of them another image's, what was seen before counts."""
        if not self._present:
            self._seen = None
        elif self.layers and self._is_whole:
            self._seen = self._extent()

    def _on_removed(self, event: Any) -> None:
        self._present = {key: present for key, present in self._present.items() if present.layer is not event.value}
        self._keep_open(event.value, ())

    def _keep_open(self, layer: "Layer", files: tuple[Image, ...]) -> None:
        """Note the files a layer reads from; close those from before that no other layer reads."""
        before = self._files.pop(layer, ())
        if files:
            self._files[layer] = files
        used = {image for images in self._files.values() for image in images}
        for image in before:
            if image not in used:
                image.close()
