"""The way from a row of napari's table of features to an object, and back."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QTableView

from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.session.work import Failure, ShouldCancel
from napari_batch_prediction.widgets.objects.features import as_features, class_colormap
from napari_batch_prediction.widgets.objects.numbers import ObjectNumbers, Tables
from napari_batch_prediction.widgets.work import Task

if TYPE_CHECKING:
    from napari.layers import Labels, Layer
    from napari.viewer import Viewer

# An object that is gone to takes this part of the canvas, if it was much smaller before, or did not fit.
PART, SMALL = 0.2, 0.1

# A mouse that moves by more pixels while it is pressed moves the canvas.
STILL = 3


UNKNOWN = CyclicLabelColormap(colors=[[0.0, 0.0, 0.0, 0.0], [0.6, 0.6, 0.6, 1.0]])
"""The colours of objects whose classes are not known yet: grey."""


@dataclass(kw_only=True)
class _Shown:
    """The objects of a layer, as they are shown.

    Attributes
    ----------
    numbers, task
        How their numbers are had, and the work on it while it is under way.
    selected
        The object that is selected; 0 for none.
    tables, t
        The tables of the time points, and that whose objects are the features now; None while there are none.
    colormap, present
        The colours of the layer without classes, and those that it has from here.
    """

    numbers: ObjectNumbers | None = None
    selected: int = 0
    task: Task | None = None
    tables: Tables = ()
    t: int | None = None
    colormap: Any
    present: Any


class ObjectLinks:
    """Shows the numbers of objects as features of their layers, with the colours of their classes.

    It goes to the object that is selected by its row, and selects the one that is clicked. napari's own table of
    features selects the label of its row, and the row of a label that is selected.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner of the work in the background.
    on_failure
        Called with the failure if the numbers of a layer cannot be had.
    """

    def __init__(
        self,
        viewer: "Viewer",
        parent: QObject | None = None,
        on_failure: Callable[[Failure], object] = lambda _: None,
    ) -> None:
        self._viewer, self._parent, self._on_failure = viewer, parent, on_failure
        self._shown: WeakKeyDictionary[Layer, _Shown] = WeakKeyDictionary()
        self._is_clicked = False
        viewer.dims.events.current_step.connect(self._on_step)

    def show(self, layer: "Labels", numbers: ObjectNumbers | None) -> None:
        """Make the numbers of objects the features of a layer, as soon as they are found; None for other labels."""
        before = self._shown.get(layer)
        if before is None:
            if numbers is None:
                return
            before = self._shown[layer] = _Shown(colormap=layer.colormap, present=layer.colormap)
            layer.events.selected_label.connect(self._on_selected)
            layer.mouse_drag_callbacks.append(self._on_click)
        elif before.task is not None:
            before.task.drop()
        # Those of the image before.
        if before.t is not None:
            layer.features = {}
            before.t = None
        if numbers is not None:
            # napari begins with the first, so that its row, once it is selected, would be no news.
            layer.selected_label = 0
        self._shown[layer] = shown = replace(
            before, numbers=numbers, selected=layer.selected_label, tables=(), t=None, task=None
        )
        if numbers is not None and not numbers.known:
            work = partial(_find, numbers)
            shown.task = Task(work, self._parent, end=partial(self._on_found, ref(layer)))
            shown.task.start()
        self._take(layer, numbers.known if numbers is not None else ())

    def drop(self) -> None:
        """Give up what is under way."""
        for shown in self._shown.values():
            if shown.task is not None:
                shown.task.drop()

    def _on_found(self, to_layer: "ref[Labels]", result: Tables | Failure) -> None:
        layer = to_layer()
        if layer is None:
            return
        self._shown[layer].task = None
        if isinstance(result, Failure):
            self._on_failure(result)
        self._take(layer, () if isinstance(result, Failure) else result)

    def _take(self, layer: "Labels", tables: Tables) -> None:
        self._shown[layer].tables = tables
        self._set(layer)

    def _on_step(self) -> None:
        for layer, shown in [*self._shown.items()]:
            if len(shown.tables) > 1:
                self._set(layer)

    def _set(self, layer: "Labels") -> None:
        """Show the numbers of the time point in sight."""
        shown = self._shown[layer]
        t = self._time(layer, shown) if len(shown.tables) > 1 else 0
        colors = shown.numbers.class_colors if shown.numbers is not None else {}
        colormap = UNKNOWN if colors and shown.task is not None else None
        if 0 <= t < len(shown.tables):
            if t == shown.t:
                return
            shown.t = t
            layer.features = as_features(shown.tables[t])
            colormap = class_colormap(shown.tables[t], colors) if colors else None
        # Colours that the user has chosen stay.
        if layer.colormap is shown.present and (colormap or shown.colormap) is not shown.present:
            layer.colormap = colormap or shown.colormap
            shown.present = layer.colormap

    def _time(self, layer: "Labels", shown: "_Shown") -> int:
        """Return the time point that is in sight, from the first of the image."""
        if shown.numbers is None or "t" not in shown.numbers.axes:
            return 0
        point = np.array(self._viewer.dims.point)[-layer.ndim :]
        in_layer = round(float(layer.world_to_data(point)[shown.numbers.axes.index("t")]))
        return in_layer + shown.numbers.start.get("t", 0)

    def _on_selected(self, event: Any) -> None:
        layer = event.source
        shown, label = self._shown[layer], layer.selected_label
        # napari emits this when the colours change, too.
        is_other, shown.selected = label != shown.selected, label
        # An object that is picked or clicked is in sight already.
        if is_other and not self._is_clicked and str(layer.mode) != "pick":
            self._go_to(layer, label)

    def _on_click(self, layer: "Labels", event: Any) -> Iterator[None]:
        if str(layer.mode) != "pan_zoom" or self._table(layer) is None:
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
            self._scroll()

    def _scroll(self) -> None:
        """Let napari's table of features show the row that it has selected, which may be anywhere."""
        window = getattr(self._viewer, "window", None)
        for widget in window.dock_widgets.values() if window is not None else ():
            table = getattr(widget, "table", None)
            if type(widget).__name__ == "FeaturesTable" and isinstance(table, QTableView):
                model = table.selectionModel()
                for index in model.selectedRows() if model is not None else ():
                    table.scrollTo(index.siblingAtColumn(max(0, table.columnAt(0))))

    def _go_to(self, layer: "Labels", label: int) -> None:
        table = self._table(layer)
        if table is None or not 1 <= label <= table.n_objects:
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

    def _table(self, layer: "Labels") -> ObjectTable | None:
        """Return the table of the objects in sight; None for a layer without."""
        shown = self._shown.get(layer)
        return None if shown is None or shown.t is None else shown.tables[shown.t]

    def _place(self, layer: "Labels", table: ObjectTable, name: str, label: int) -> Any:
        """Return a place of an object in the pixels of its layer, by the beginning of the names of its columns."""
        shown, place = self._shown[layer], np.zeros(layer.ndim)
        if shown.numbers is None:
            raise AssertionError
        for i, axis in enumerate(shown.numbers.axes):
            if axis == "t":
                place[i] = shown.t or 0
            elif f"{name}_{axis}" in table:
                place[i] = table[f"{name}_{axis}"][label - 1]
            place[i] -= shown.numbers.start.get(axis, 0)
        return place


def _find(numbers: ObjectNumbers, should_cancel: ShouldCancel) -> Generator[None, None, Tables]:
    yield from ()
    return numbers.find(should_cancel)
