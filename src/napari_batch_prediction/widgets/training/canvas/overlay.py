"""The layer that shows the prediction over its image, filled tile by tile."""

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.session.training.steps import Painted
from napari_batch_prediction.session.training.view import View
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.training.canvas.images import PaintableImage

# The layer is drawn so often, in milliseconds. Without a graphics card drawing takes a good part of what predicting
# does, on the same cores.
DRAW_EVERY_MS = 100

OPACITY = 0.5


class OverlayLayer(QObject):
    """A layer of colours over an image, as large as what is on the canvas.

    Parameters
    ----------
    image
        The image.
    parent
        The owner.

    Attributes
    ----------
    layer
        The layer.
    """

    def __init__(self, image: PaintableImage, parent: QObject) -> None:
        super().__init__(parent)
        self._image = image
        self._view: View | None = None
        self._colors = np.zeros((1, 1, 1, 1, 4), np.uint8)
        self.layer = ImageLayer(
            self._arranged(), rgb=True, name=f"{image.name} live", opacity=OPACITY, **image.grid.options({})
        )
        self._pause = single_shot(self, DRAW_EVERY_MS, self._draw)
        self._is_waiting = False

    def take(self, tile: Painted) -> None:
        """Show a tile; the first at once, others a few times a second."""
        if tile.view != self._view:
            self._move(tile.view)
        place = tile.view.place(tile.box)
        self._colors[(0, *place)] = tile.colors
        self._is_waiting = True
        if not self._pause.isActive():
            self._draw()

    def clear(self) -> None:
        """Show nothing."""
        self._colors[:] = 0
        self._is_waiting = True
        self._draw()

    def _draw(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            # All but the pixels is as it was.
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)
            self._pause.start()

    def _move(self, view: View) -> None:
        """Lay the layer over another view; what both have in common stays until it is predicted."""
        before, old = self._view, self._colors
        self._view = view
        self._colors = np.zeros((1, *view.kept_shape(), 4), np.uint8)
        if before is not None and before.plane == view.plane:
            _copy_common(old, before, self._colors, view)
        options = self._placed(view)
        for name in ("scale", "translate"):
            if not np.array_equal(getattr(self.layer, name), options[name]):
                setattr(self.layer, name, options[name])
        self.layer.data = self._arranged()

    def _placed(self, view: View) -> dict[str, Any]:
        """Return scale and position of the layer: the middle of its first pixel, which stands for several."""
        full, shown = self._image.image.extents, self._image.levels[view.level].extents
        factors = {
            key: full[key] / shown[key] * (view.step if side.stop - side.start > 1 else 1)
            for key, side in zip("zyx", view.box, strict=True)
        }
        start = {
            key: side.start * full[key] / shown[key] + (factors[key] - 1) / 2
            for key, side in zip("zyx", view.box, strict=True)
        }
        options = self._image.grid.options({**start, "t": view.t})
        axes = self._image.labels_axes
        options["scale"] = tuple(size * factors.get(key, 1) for key, size in zip(axes, options["scale"], strict=True))
        return options

    def _arranged(self) -> Any:
        """Return the colours in the axes of the layer, without a copy."""
        axes = self._image.labels_axes
        colors = reorder(self._colors, "tzyxc", f"{axes.replace('c', '')}c")
        return np.expand_dims(colors, axes.index("c")) if "c" in axes else colors


def _copy_common(old: Any, before: View, new: Any, view: View) -> None:
    """Copy the pixels that two views of a plane have in common, if their steps fall on the same pixels."""
    sources, targets = [], []
    for was, now in zip(before.box, view.box, strict=True):
        if (now.start - was.start) % view.step:
            return
        start, stop = max(was.start, now.start), min(was.stop, now.stop)
        n = len(range(start, stop, view.step))
        first_old, first_new = (start - was.start) // view.step, (start - now.start) // view.step
        sources.append(slice(first_old, first_old + n))
        targets.append(slice(first_new, first_new + n))
    new[(0, *targets)] = old[(0, *sources)]
