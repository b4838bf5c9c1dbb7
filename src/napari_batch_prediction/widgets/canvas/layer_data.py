"""Layers to be made: their pixels, names and options, and the layers of a raw image."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels as LabelsLayer
from napari.layers import Layer

from napari_batch_prediction.images.base import COLOURS, Image
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.pixels import Pixels, limits
from napari_batch_prediction.widgets.objects.numbers import ObjectNumbers

# The raw image stays visible below.
LABEL_OPACITY = 0.5

RAW = "raw"
"""Name that stands for the source of the layers of a raw image."""


@dataclass(kw_only=True)
class LayerData:
    """A layer to be made.

    Attributes
    ----------
    source
        A source of the classifier, or :data:`RAW`.
    identity
        A value that tells this layer from the other layers of its source, and from those of another classifier.
    kind
        The type of the layer.
    stem, title
        The two halves of the name: image, then channel, class or source.
    data
        The pixels: an array, lazy or not, or a list of them from fine to coarse.
    options
        Keyword arguments of the layer, without its name.
    in_3d
        The colormap while the viewer shows three dimensions; None if it is the same as in two.
    files
        The open files behind lazy pixels, to be closed with the last layer that reads them.
    objects
        How the numbers of objects are had, which are the features of a layer of objects; None for other layers.
    layer
        The layer, once it is made.
    """

    source: str
    identity: object = 0
    kind: Literal["image", "labels"]
    stem: str
    title: str = ""
    data: Any
    options: dict[str, Any]
    in_3d: Any = None
    files: tuple[Image, ...] = ()
    objects: ObjectNumbers | None = field(default=None, compare=False)
    layer: Layer | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name of the layer."""
        return f"{self.stem} {self.title}".strip()

    @cached_property
    def key(self) -> tuple[object, ...]:
        """The facts that a layer of another image must share to take the place of this one."""
        first = self.data[0] if self.has_levels else self.data
        return self.source, self.identity, self.kind, first.ndim, first.dtype, self.options.get("rgb")

    @property
    def has_levels(self) -> bool:
        """True if there are several levels of resolution."""
        return isinstance(self.data, list)

    def with_levels(self) -> list[Any]:
        """Return the levels of resolution, with a second one added to a single one, unless it would be as large."""
        if self.has_levels:
            return list(self.data)
        coarse = self.data[..., ::2, ::2, :] if self.options.get("rgb") else self.data[..., ::2, ::2]
        return [self.data] if coarse.size == self.data.size else [self.data, coarse]

    def prepare(self) -> None:
        """Make the layer if any thread may. Labels of more than 16 bits are left to the main thread.

        napari draws labels by loops that end the process if two threads run them at once, where numba has no other
        threads than its own. Only the main thread may. Labels of more than 16 bits run them as they are made.
        """
        level = self.data[0] if self.has_levels else self.data
        if self.kind == "image" or level.dtype.itemsize <= 2:
            self.make()

    def make(self) -> Layer:
        """Return the layer, which is made at the first call. Labels are hidden, so that they are not drawn yet."""
        if self.layer is None:
            options = {"multiscale": self.has_levels, "name": self.name, **self.options}
            if self.kind == "image":
                self.layer = ImageLayer(self.data, **options)
            else:
                self.layer = LabelsLayer(self.data, **{**options, "visible": False})
        return self.layer


def close_all(layers: Iterable[LayerData]) -> None:
    """Close the files of layers that will not be shown."""
    for image in {image for layer in layers for image in layer.files}:
        image.close()


def raw_layers(pixels: Pixels, image: Image, grid: PixelGrid, stem: str) -> list[LayerData]:
    """Return the layers of an image: its colours, or each channel in grey, the first visible.

    Parameters
    ----------
    pixels
        The pixels of the image.
    image
        The image, for its type and the names of its channels.
    grid
        Its pixel grid.
    stem
        Start of the names of the layers.
    """
    n, geometry = len(pixels.levels[0]), grid.options({})
    if n in (3, 4) and image.dtype == np.uint8:
        colours = [np.moveaxis(level, 0, -1) for level in pixels.levels]
        colours = [np.ascontiguousarray(level) if isinstance(level, np.ndarray) else level for level in colours]
        options = {"rgb": True, **geometry}
        data = pixels.data(colours)
        return [LayerData(source=RAW, kind="image", stem=stem, data=data, options=options, files=pixels.files)]
    layers = []
    names = image.channel_names if image.channel_names != COLOURS.get(n) else ()
    for i in range(n):
        options = {
            "rgb": False,
            "colormap": "gray",
            "contrast_limits": limits(pixels.levels[-1][i]),
            "visible": i == 0,
            **geometry,
        }
        title = "" if n == 1 else (names[i] if names else "") or f"channel {i}"
        layers.append(
            LayerData(
                source=RAW,
                identity=i,
                kind="image",
                stem=stem,
                title=title,
                data=pixels.channel(i),
                options=options,
                files=pixels.files,
            )
        )
    return layers
