"""Predictions of layers of the viewer, shown above their layers."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.locations.location import LayerNamed
from napari_batch_prediction.planning.inputs.opening import input_settings
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.grids import LayerGrid, PixelGrid
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.row_loader import Loaded, RowRequest, load_row
from napari_batch_prediction.widgets.canvas.sight import in_sight
from napari_batch_prediction.widgets.canvas.turns import Steps, Turns
from napari_batch_prediction.widgets.viewer_layers import LayerImage
from napari_batch_prediction.widgets.work import in_background

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer


class LayersAbove(QObject):
    """Adds to layers of the viewer their predictions, which stay there.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    turns
        Takes the steps that change the viewer.
    parent
        The owner.

    Attributes
    ----------
    shown
        The prediction of a layer is on the viewer; emitted with its location and the reasons why outputs are missing.
    failed
        The prediction of a layer cannot be shown; emitted with its location and a :class:`Failure`.
    """

    shown = Signal(str, str)
    failed = Signal(str, object)

    def __init__(self, viewer: "Viewer", turns: Turns, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._turns = viewer, turns
        self._groups: dict[str, ShownLayers] = {}
        self._docked = True

    def set_docked(self, docked: bool) -> None:
        """Start or stop changing the viewer."""
        self._docked = docked
        for group in () if docked else self._groups.values():
            group.tidy()

    def add(self, request: RowRequest) -> None:
        """Add the prediction of a layer of the viewer, in place of an earlier one."""
        if request.location not in self._groups:
            on_failure = partial(self.failed.emit, request.location)
            self._groups[request.location] = ShownLayers(self._viewer, self, on_failure)
        group = self._groups[request.location]
        layers = self._layers(request)
        # Of layers that are channels, the upper ones would hide what is only above the first.
        group.base = max(
            (layer for layer in layers if layer in self._viewer.layers), key=self._viewer.layers.index, default=None
        )
        axes = self._axes(request, layers)
        grid = grid_of(layers[0], axes) if axes else None
        on_end = partial(self._take, request.location, group)
        in_background(partial(load_row, request, grid, group.keys), self, on_end)

    def in_sight(self, request: RowRequest) -> dict[str, tuple[int, int]]:
        """Return start and stop of what is in sight of a layer along its axes; nothing if that is not known."""
        layers = self._layers(request)
        axes = self._axes(request, layers)
        return in_sight(self._viewer, layers[0], axes) if axes and layers[0] in self._viewer.layers else {}

    def _layers(self, request: RowRequest) -> "Sequence[Layer]":
        """Return the layers of an image."""
        image, location = request.arrays.get(request.location), LayerNamed.of(request.location)
        if isinstance(image, LayerImage):
            # Its name may have changed meanwhile, or it may be gone.
            return image.layers
        by_name = {layer.name: layer for layer in self._viewer.layers}
        return [by_name[name] for name in location.names if name in by_name] if location is not None else []

    def _axes(self, request: RowRequest, layers: "Sequence[Layer]") -> str:
        """Return the axes of an image that lies where these layers do; none if it does not."""
        image, location = request.arrays.get(request.location), LayerNamed.of(request.location)
        if not layers or location is None or not isinstance(image, MemoryImage):
            return ""
        axes = input_settings(request.job, request.location).axes or image.axes
        # Meanwhile it may have got pixels of another kind. Colours, or other layers as channels, are one more axis.
        is_alike = len(axes) == layers[0].ndim + bool(getattr(layers[0], "rgb", False) or location.others)
        return axes if is_alike else ""

    def _take(self, location: str, group: ShownLayers, result: Loaded | Failure) -> None:
        if not self._docked:
            return
        if isinstance(result, Failure):
            self.failed.emit(location, result)
        else:
            self._turns.add(self._steps(location, group, result))

    def _steps(self, location: str, group: ShownLayers, loaded: Loaded) -> Steps:
        yield from group.steps(loaded.layers)
        self.shown.emit(location, "\n".join(loaded.problems))


def grid_of(layer: "Layer", axes: str) -> PixelGrid:
    """Return the pixel grid of a layer.

    Parameters
    ----------
    layer
        The layer.
    axes
        Its axes; of a picture in colours, and of several layers as channels, one more for these.
    """
    return LayerGrid.of_layer(layer, axes)
