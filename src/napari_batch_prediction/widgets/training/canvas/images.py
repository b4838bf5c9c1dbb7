"""The images of a training, each with the layers that belong to it: labels to paint on, and the prediction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels as LabelsLayer
from napari.layers import Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.session.training.image import PaintedClass, Region, TrainingImage
from napari_batch_prediction.widgets.canvas.grids import LayerGrid
from napari_batch_prediction.widgets.training.canvas.files import stored_image
from napari_batch_prediction.widgets.viewer_layers import LayerImage, channels_image, memory_image

# Larger arrays of labels are kept in chunks, of which only painted ones take memory.
_AT_ONCE = 2**30
_CHUNK = 512

LABELS_OPACITY = 0.7

# Pixels of a new brush.
BRUSH = 7

_HIGHEST = 255


@dataclass(frozen=True, eq=False, kw_only=True)
class PaintableImage:
    """An image of the viewer that can be trained on.

    Attributes
    ----------
    name
        The name of its layer, or of the first of those that are its channels.
    layers
        The layer, or the layers that are its channels.
    levels
        The image at each of its resolutions, the full one first.
    grid
        Where its pixels lie.
    stored
        The same image in its file, which a project refers to; None if it is in none.
    """

    name: str
    layers: tuple[ImageLayer, ...]
    levels: tuple[Image, ...]
    grid: LayerGrid
    stored: Image | None

    @classmethod
    def of(cls, layers: Sequence[ImageLayer], axes: str | None = None) -> "PaintableImage":
        """Return a layer as an image, or several as the channels of one.

        Parameters
        ----------
        layers
            The layers.
        axes
            The axes, if the user names them.

        Raises
        ------
        AxesError, ImageReadError, ImageMismatchError
            If they are no image, or the axes do not fit.
        """
        first = layers[0]
        full: LayerImage = memory_image(first) if len(layers) == 1 else channels_image(layers)
        image: MemoryImage = full if axes is None else full.with_axes(axes)
        levels: list[Image] = [image]
        if first.multiscale and len(layers) == 1:
            levels += [
                MemoryImage(image.location, pixels, image.axes, axes_known=image.axes_known)
                for pixels in first.data[1:]
            ]
        return cls(
            name=first.name,
            layers=tuple(layers),
            levels=tuple(levels),
            grid=LayerGrid.of_layer(first, image.axes),
            stored=stored_image(first, image) if len(layers) == 1 else None,
        )

    @property
    def image(self) -> Image:
        """The image at full resolution."""
        return self.levels[0]

    def new_labels(self) -> Any:
        """Return empty labels, in the axes of their layer."""
        shape = self.labels_shape()
        if prod(shape) <= _AT_ONCE:
            return np.zeros(shape, np.uint8)
        # The import takes a while, and most images never need it.
        import zarr

        chunks = tuple(min(n, _CHUNK if key in "yx" else 1) for key, n in zip(self.labels_axes, shape, strict=True))
        return zarr.create_array(
            zarr.storage.MemoryStore(), shape=shape, chunks=chunks, dtype="uint8", compressors=None
        )

    @property
    def labels_axes(self) -> str:
        """The axes of the labels, in the order of their layer."""
        return self.grid.layer_axes if self.grid.keeps_channels else self.grid.axes

    def labels_shape(self) -> tuple[int, ...]:
        """Return the shape that labels must have, in the axes of their layer."""
        return tuple(1 if key == "c" else self.image.extents[key] for key in self.labels_axes)

    def in_labels_axes(self, values: NDArray) -> NDArray:
        """Return values (t, z, y, x) in the axes of the labels' layer."""
        arranged = reorder(values, "tzyx", self.grid.axes)
        axes = self.labels_axes
        return np.expand_dims(arranged, axes.index("c")) if "c" in axes else arranged

    def labels_layer(self, data: Any, classes: Sequence[PaintedClass]) -> LabelsLayer:
        """Return a layer of labels."""
        layer = LabelsLayer(
            data,
            name=f"{self.name} labels",
            opacity=LABELS_OPACITY,
            colormap=label_colors(classes),
            **self.grid.options({}),
        )
        layer.brush_size = BRUSH
        return layer

    def training_image(self, labels: LabelsLayer) -> TrainingImage:
        """Return the image with labels, for a session."""
        return TrainingImage(self.name, self.levels, LayerLabels(labels.data, self.labels_axes), self.stored)

    def region(self, sides: Sequence[slice]) -> Region:
        """Return a box in the labels' layer as one of the image, cut off where the image ends."""
        found = dict(zip(self.labels_axes, sides, strict=True))
        t, z, y, x = (
            slice(max(found[key].start, 0), min(found[key].stop, self.image.extents[key]))
            if key in found
            else slice(0, 1)
            for key in "tzyx"
        )
        return t, z, y, x


class LayerLabels:
    """The labels of a layer.

    Parameters
    ----------
    data
        The data of the layer.
    axes
        Its axes.
    """

    def __init__(self, data: Any, axes: str) -> None:
        self._data, self._axes = data, axes

    def read(self, region: Region) -> NDArray[np.uint8]:
        """Return the labels (t, z, y, x) of a region; numbers that no class has are 0."""
        sides = dict(zip("tzyx", region, strict=True)) | {"c": slice(0, 1)}
        values = np.asarray(self._data[tuple(sides[key] for key in self._axes)])
        labels = reorder(values, self._axes, "tzyx")
        if labels.dtype != np.uint8:
            labels = np.where((labels >= 0) & (labels <= _HIGHEST), labels, 0).astype(np.uint8)
        return labels


def label_colors(classes: Sequence[PaintedClass]) -> DirectLabelColormap:
    """Return the colours of labels; a label of no class is not seen."""
    colors: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
    return DirectLabelColormap(
        color_dict=colors | {one.label: (*(value / 255 for value in one.color), 1.0) for one in classes}
    )


def labels_left(
    image: PaintableImage, layers: Iterable[Layer], used: Sequence[LabelsLayer], classes: Sequence[PaintedClass]
) -> LabelsLayer | None:
    """Return the layer of labels that an image has from before, among layers; None if there is none."""
    for layer in layers:
        is_left = isinstance(layer, LabelsLayer) and layer.name == f"{image.name} labels" and layer not in used
        if is_left and not layer.multiscale and tuple(layer.data.shape) == image.labels_shape():
            layer.colormap = label_colors(classes)
            return layer
    return None


def why_unlike(image: PaintableImage, other: PaintableImage) -> str:
    """Return the reason why two images cannot train one classifier; empty if they can."""
    mine, others = image.image.extents, other.image.extents
    if mine["c"] != others["c"]:
        return (
            f"'{image.name}' and '{other.name}' have different numbers of channels, {mine['c']} and {others['c']}. "
            "All images of a classifier need the same channels: choose others, or set axes that were guessed wrongly."
        )
    if (mine["z"] > 1) != (others["z"] > 1):
        flat, deep = ("is 2D", "3D") if mine["z"] == 1 else ("is 3D", "2D")
        return (
            f"'{image.name}' {flat}, but '{other.name}' is {deep}. Train one classifier for each, or set the axes if "
            "z was taken for t."
        )
    return ""
