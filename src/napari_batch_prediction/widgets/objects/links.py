"""The way from a row of napari's table of features to an object, and back."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.widgets.objects.features import as_features

if TYPE_CHECKING:
    from napari.layers import Labels, Layer
    from napari.viewer import Viewer

# An object that is gone to takes this part of the canvas, if it was much smaller before, or did not fit.
PART, SMALL = 0.2, 0.1

# A mouse that moves by more pixels while it is pressed moves the canvas.
STILL = 3


class ObjectLinks:
    """Goes to the object of a layer that is selected by its row, and selects the one that is clicked.

    napari's own table of features selects the label of its row, and the row of a label that is selected.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer = viewer
        # Of each layer the tables of its time points, and the time point whose objects are its features.
        self._tables: WeakKeyDictionary[Layer, tuple[Sequence[ObjectTable], int]] = WeakKeyDictionary()
        self._is_clicked = False
        viewer.dims.events.current_step.connect(self._on_step)

    def show(self, layer: "Labels", tables: Sequence[ObjectTable]) -> None:
        """Make the tables of objects, one a time point, the features of a layer; none for a layer without."""
        if not tables:
            if self._tables.pop(layer, None) is not None:
                layer.features = {}
            return
        if layer not in self._tables:
            layer.events.selected_label.connect(self._on_selected)
            layer.mouse_drag_callbacks.append(self._on_click)
        self._tables[layer] = tables, -1
        self._set_features(layer)

    def _on_step(self) -> None:
        for layer in [*self._tables]:
            if len(self._tables[layer][0]) > 1:
                self._set_features(layer)

    def _set_features(self, layer: "Labels") -> None:
        tables, shown = self._tables[layer]
        t = self._time(layer) if len(tables) > 1 else 0
        if t != shown and 0 <= t < len(tables):
            self._tables[layer] = tables, t
            layer.features = as_features(tables[t])

    def _time(self, layer: "Labels") -> int:
        """Return the time point of a layer that is in sight."""
        point = np.array(self._viewer.dims.point)[-layer.ndim :]
        return round(float(layer.world_to_data(point)[layer.axis_labels.index("t")]))

    def _on_selected(self, event: Any) -> None:
        layer = event.source
        # An object that is picked or clicked is in sight already.
        if not self._is_clicked and layer in self._tables and str(layer.mode) != "pick":
            self._go_to(layer, layer.selected_label)

    def _on_click(self, layer: "Labels", event: Any) -> Iterator[None]:
        if str(layer.mode) != "pan_zoom" or layer not in self._tables:
            return
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            if np.abs(np.array(event.pos) - pressed).max() > STILL:
                return
            yield
        value = layer.get_value(
            event.position, view_direction=event.view_direction, dims_displayed=event.dims_displayed, world=True
        )
        label = value[-1] if isinstance(value, tuple) else value
        if label:
            self._is_clicked = True
            try:
                layer.selected_label = int(label)
            finally:
                self._is_clicked = False

    def _go_to(self, layer: "Labels", label: int) -> None:
        tables, t = self._tables[layer]
        table = tables[max(t, 0)]
        if not 1 <= label <= table.n_objects:
            return
        viewer = self._viewer
        others = viewer.dims.ndim - layer.ndim
        low, middle, high = (self._place(layer, table, name, label) for name in ("bbox_min", "centroid", "bbox_max"))
        corners = np.array([layer.data_to_world(low - 0.5), layer.data_to_world(high - 0.5)])
        center = np.array(layer.data_to_world(middle))
        displayed = list(viewer.dims.displayed)
        for axis in set(range(others, viewer.dims.ndim)) - set(displayed):
            viewer.dims.set_point(axis, center[axis - others])
        camera = viewer.scene.camera
        shown = [axis - others for axis in displayed if axis >= others]
        side = float(np.abs(corners[1] - corners[0])[shown].max())
        room = min(viewer.canvas.size) / camera.zoom
        if side > 0 and not SMALL <= side / room <= 1:
            camera.zoom *= PART * room / side
        camera.center = (*camera.center[: 3 - len(shown)], *center[shown])

    def _place(self, layer: "Labels", table: ObjectTable, name: str, label: int) -> Any:
        """Return a place of an object in the pixels of its layer, by the beginning of the names of its columns."""
        place = np.zeros(layer.ndim)
        for i, axis in enumerate(layer.axis_labels):
            if axis == "t":
                place[i] = max(self._tables[layer][1], 0)
            elif f"{name}_{axis}" in table:
                place[i] = table[f"{name}_{axis}"][label - 1]
        return place
