"""A rectangle in the viewer around the region to export."""

from collections.abc import Callable, Iterable, Mapping
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image, Shapes

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.region import Region
from napari_batch_prediction.widgets.canvas.grids import plane_options
from napari_batch_prediction.widgets.viewer_layers import image_layers

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME = "Export region"

# Decimals of a pixel to round to: corners of shapes are float32 and may miss an edge by a little.
_DIGITS = 2

_DONE = ("added", "changed", "removed")


class RegionLayer:
    """A layer of shapes, and the smallest region that encloses them.

    Parameters
    ----------
    viewer
        The viewer to draw in.
    on_drawn
        Called with the region, in pixels of the image along y and x, when a shape was drawn or moved.
    """

    def __init__(self, viewer: "ViewerModel", on_drawn: Callable[[Region], None]) -> None:
        self._viewer = viewer
        self._on_drawn: Callable[[Region], None] | None = on_drawn
        self._layer: Shapes | None = None
        self._image: Image | None = None
        self._followed = True
        # True while the layer shows the region of the exports.
        self._drawn = False

    def draw(self, region: Region, extents: Mapping[str, int] | None) -> None:
        """Let the user draw the region, or move it if it is drawn already.

        Parameters
        ----------
        region
            The region as set.
        extents
            Extents of the images along y and x, if known; an image layer with these extents is preferred.

        Raises
        ------
        SettingsError
            If the viewer shows no image.
        """
        image = find_image(self._viewer, extents)
        if image is None:
            raise SettingsError(
                "There is no image in the viewer to draw on. Open one first, for example by selecting a row."
            )
        self._image = image
        self._viewer.dims.ndisplay = 2
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer = self._add(image)
            self._layer.events.data.connect(self._on_data)
        self.show(region)
        layer = self._layer
        layer.visible = True
        self._viewer.layers.move(self._viewer.layers.index(layer), len(self._viewer.layers))
        self._viewer.layers.selection.active = layer
        if layer.nshapes:
            layer.mode = "select"
            layer.selected_data = {layer.nshapes - 1}
        else:
            layer.mode = "add_rectangle"

    def show(self, region: Region) -> None:
        """Move the rectangle to a region, once the layer exists; remove it if there is no region.

        Limits along other axes than y and x are not shown.
        """
        layer, image = self._layer, self._image
        if layer is None or image is None or layer not in self._viewer.layers:
            return
        if not {"y", "x"} & set(region):
            if self._drawn:
                self._lay(layer, [])
            return
        height, width = _extents(image)
        top, bottom = _limits(region, "y", height)
        left, right = _limits(region, "x", width)
        if self.region() == {"y": (top, bottom), "x": (left, right)}:
            self._drawn = True
            return
        corners = [
            (top - 0.5, left - 0.5),
            (top - 0.5, right - 0.5),
            (bottom - 0.5, right - 0.5),
            (bottom - 0.5, left - 0.5),
        ]
        placed = [_last(layer.world_to_data(image.data_to_world(_first(image, corner)))) for corner in corners]
        self._lay(layer, [np.array(placed)])

    def region(self) -> Region | None:
        """Return the smallest region of the image, along y and x, that encloses all shapes; None if there are none."""
        if self._layer is None or self._image is None:
            return None
        return enclosing(self._layer, self._image)

    def stop(self) -> None:
        """Stop following the layer."""
        self._on_drawn = None

    def _lay(self, layer: Shapes, rectangles: list[np.ndarray]) -> None:
        """Replace the shapes of a layer by these rectangles, without a call of ``on_drawn``."""
        self._followed = False
        try:
            layer.data = []
            if rectangles:
                layer.add_rectangles(rectangles)
        finally:
            self._followed = True
        self._drawn = bool(rectangles)

    def _add(self, image: Image) -> Shapes:
        for layer in self._viewer.layers:
            if isinstance(layer, Shapes) and layer.name == NAME and layer.ndim == 2:
                return layer
        return self._viewer.add_shapes(
            name=NAME,
            ndim=2,
            **plane_options(image),
            face_color="transparent",
            edge_color="yellow",
            edge_width=max(1, max(_extents(image)) / 300),
        )

    def _on_data(self, event: Any) -> None:
        if self._on_drawn is None or not self._followed or str(event.action) not in _DONE:
            return
        if self._layer not in self._viewer.layers:
            return
        region = self.region()
        if region is not None:
            self._drawn = True
            self._on_drawn(region)


def find_image(viewer: "ViewerModel", extents: Mapping[str, int] | None = None) -> Image | None:
    """Return the image layer to draw on: one with these extents if possible, the selected one or else the lowest."""
    layers = image_layers(viewer)
    ordered = sorted(layers, key=lambda layer: layer not in viewer.layers.selection)
    if extents is not None:
        wanted = (extents.get("y"), extents.get("x"))
        ordered.sort(key=lambda layer: _extents(layer) != wanted)
    return ordered[0] if ordered else None


def enclosing(shapes: Shapes, image: Image) -> Region | None:
    """Return the smallest region of an image, along y and x, that encloses all shapes.

    It contains every pixel that is covered in part, and ends where the image ends. It is None if there are no shapes,
    or all lie outside. The last two dimensions of both layers are y and x.
    """
    vertices = [vertex for shape in shapes.data for vertex in shape]
    if not vertices:
        return None
    # The centre of a pixel is at a whole number, so its edges are at halves.
    points = np.array([_last(image.world_to_data(shapes.data_to_world(vertex))) for vertex in vertices]) + 0.5
    low, high = points.min(0).round(_DIGITS), points.max(0).round(_DIGITS)
    limits = []
    for first, last, extent in zip(low, high, _extents(image), strict=True):
        start = min(max(floor(first), 0), extent)
        stop = max(min(max(ceil(last), floor(first) + 1), extent), 0)
        if start >= stop:
            return None
        limits.append((start, stop))
    return {"y": limits[0], "x": limits[1]}


def _limits(region: Region, key: Literal["y", "x"], extent: int) -> tuple[int, int]:
    start, stop = region.get(key, (0, None))
    return start or 0, extent if stop is None else stop


def _extents(image: Image) -> tuple[int, int]:
    shape = image.level_shapes[0] if image.multiscale else image.data.shape
    height, width = tuple(shape)[: image.ndim][-2:]
    return int(height), int(width)


def _first(image: Image, point: Iterable[float]) -> tuple[float, ...]:
    """Return a point of the first plane in all dimensions of a layer."""
    return (*[0.0] * (image.ndim - 2), *point)


def _last(point: Iterable[float]) -> tuple[float, ...]:
    return tuple(point)[-2:]
