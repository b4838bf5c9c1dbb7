"""The class that is background, transparent where a volume is rendered in 3D."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_batch_prediction.colors import Color

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

_BACKGROUND = re.compile(r"\b(background|bg|none|nothing|empty)\b", re.IGNORECASE)

TRANSPARENT = Colormap(np.zeros((2, 4)), name="transparent")
"""The colours of a class that is not to be seen."""


def background_class(classes: Sequence[str]) -> int:
    """Return the index of the class that is background: the one that is called so, else the first."""
    return next((i for i, name in enumerate(classes) if _BACKGROUND.search(name.replace("_", " "))), 0)


def label_colormap(class_colors: Sequence[Color], transparent: int | None = None) -> DirectLabelColormap:
    """Return the colours of labels.

    Parameters
    ----------
    class_colors
        The colours of the classes, of which the first has the label 1. Other labels are transparent.
    transparent
        The index of a class that is not to be seen; None for no such class.
    """
    colors: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for i, color in enumerate(class_colors):
        colors[i + 1] = "transparent" if i == transparent else np.array([*color, 255]) / 255
    return DirectLabelColormap(color_dict=colors)


class Depth:
    """Gives layers other colours while their viewer shows three dimensions.

    In 2D a class that fills the image is a colour over it; rendered in 3D it would be a block that hides all others.
    Colours that the user has chosen stay.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    """

    def __init__(self, viewer: "Viewer") -> None:
        self._viewer = viewer
        # Of each layer the colours in 2D, those in 3D, and those that it has from here.
        self._colours: WeakKeyDictionary[Layer, tuple[Any, Any, Any]] = WeakKeyDictionary()
        viewer.dims.events.ndisplay.connect(self._set_all)

    def add(self, layer: "Layer", in_3d: Any) -> None:
        """Let a layer have a colormap of its own in 3D."""
        self._colours[layer] = layer.colormap, in_3d, layer.colormap
        self._set(layer)

    def _set_all(self) -> None:
        for layer in list(self._colours):
            self._set(layer)

    def _set(self, layer: "Layer") -> None:
        flat, deep, present = self._colours[layer]
        wanted = deep if self._viewer.dims.ndisplay == 3 else flat
        if layer.colormap is present and wanted is not present:
            layer.colormap = wanted
            self._colours[layer] = flat, deep, layer.colormap
