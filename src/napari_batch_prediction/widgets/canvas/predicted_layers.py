"""Layers of a prediction: its type, colours and names by the kind of its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from napari.utils.colormaps import Colormap

from napari_batch_prediction.classifiers.base import DENSITY, PROBABILITIES, Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.widgets.canvas.depth import TRANSPARENT, background_class, label_colormap
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.layer_data import LABEL_OPACITY, LayerData
from napari_batch_prediction.widgets.canvas.pixels import Pixels
from napari_batch_prediction.widgets.objects.numbers import ObjectNumbers

CLASS_OPACITY = 0.5
DENSITY_OPACITY = 0.7
DENSITY_COLORMAP = "inferno"

Style = Literal["values", "density", "classes", "labels", "objects"]
# From the bottom of the layer list up, above the raw image.
ORDER: tuple[Style, ...] = ("values", "density", "classes", "labels", "objects")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The values of one source for an image.

    Attributes
    ----------
    source
        The source.
    channels
        First and last + 1 of its channels.
    pixels
        The values.
    start
        Position of the first pixel in the image, by axis.
    counts
        Number of objects at each time point, if they are counted.
    objects
        How the numbers of objects are had, if the values tell them apart; else None.
    """

    source: Source
    channels: tuple[int, int]
    pixels: Pixels
    start: Mapping[str, int] = field(default_factory=dict)
    counts: Sequence[float] = ()
    objects: ObjectNumbers | None = None

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        dtype: np.dtype = self.pixels.levels[0].dtype
        return dtype

    @property
    def style(self) -> Style:
        """Style of the layers: a class or an object a pixel, one colour a class, a density, or plain values."""
        if self.source.kind == "labels" and self.dtype.kind in "iu":
            return "labels" if self.source.classes else "objects"
        first, last = self.channels
        if self.source.kind != "labels" and len(self.source.classes) == self.source.channels:
            return "classes" if len(self.pixels.levels[0]) == last - first else "values"
        return "density" if self.source.name == DENSITY else "values"

    @property
    def contrast(self) -> tuple[float, float] | None:
        """The range of the source; None if the values were rescaled or cast and have another range."""
        return self.source.value_range if self.dtype == self.source.dtype else None


def predicted_layers(prediction: Prediction, grid: PixelGrid, stem: str, note: str = "") -> list[LayerData]:
    """Return the layers of a prediction.

    Parameters
    ----------
    prediction
        The values of one source.
    grid
        The pixel grid of the image.
    stem
        Start of the names of the layers.
    note
        End of their names.
    """
    source, pixels = prediction.source, prediction.pixels
    geometry = grid.options(prediction.start)
    # Classes of objects have their background around them.
    has_background = len(source.classes) > 1 and not source.whole
    background = background_class(source.classes) if has_background else None

    def layer(
        identity: object, kind: Literal["image", "labels"], title: str, data: Any, in_3d: Any = None, **options: Any
    ) -> LayerData:
        return LayerData(
            source=source.name,
            identity=identity,
            kind=kind,
            stem=stem,
            title=f"{title} {note}".strip(),
            data=data,
            options={**geometry, **options},
            in_3d=in_3d,
            files=pixels.files,
        )

    if prediction.style == "labels":
        return [
            layer(
                (source.classes, source.class_colors),
                "labels",
                source.name,
                grid.arrange(pixels.channel(0)),
                colormap=label_colormap(source.class_colors),
                in_3d=label_colormap(source.class_colors, background) if background is not None else None,
                opacity=LABEL_OPACITY,
                # The status bar names the class under the mouse.
                features={"index": list(range(len(source.classes) + 1)), "class": ["none", *source.classes]},
            )
        ]
    if prediction.style == "objects":
        title = ", ".join(filter(None, [source.name, count_text(prediction.counts)]))
        data = grid.arrange(pixels.channel(0))
        # In napari's own colours, which tell neighbours apart, until the classes of objects are known.
        made = layer("objects", "labels", title, data, opacity=LABEL_OPACITY)
        made.objects = prediction.objects
        return [made]
    if prediction.style == "classes":
        contrast = prediction.contrast or pixels.limits()
        first, last = prediction.channels
        # Classes of different stages may have the same name; those of channels differ.
        names = [name if source.name == PROBABILITIES else f"{source.name} {name}" for name in source.channel_names]
        return [
            layer(
                (names[i], source.class_colors[i]),
                "image",
                names[i],
                grid.arrange(pixels.channel(i - first)),
                rgb=False,
                colormap=_class_colormap(source.class_colors[i]),
                in_3d=TRANSPARENT if i == background else None,
                blending="additive",
                opacity=CLASS_OPACITY,
                contrast_limits=contrast,
            )
            for i in range(first, last)
        ]
    if prediction.style == "density":
        return [
            layer(
                0,
                "image",
                ", ".join(filter(None, [source.name, count_text(prediction.counts)])),
                grid.arrange(pixels.channel(0)),
                rgb=False,
                # Black, the colour of no objects, lets the raw image through.
                colormap=DENSITY_COLORMAP,
                blending="additive",
                opacity=DENSITY_OPACITY,
                contrast_limits=(0.0, max(pixels.limits()[1], np.finfo(np.float32).tiny)),
            )
        ]
    contrast = prediction.contrast or pixels.limits()
    if len(pixels.levels[0]) == 1:
        data = grid.arrange(pixels.channel(0))
        return [layer(0, "image", source.name, data, rgb=False, contrast_limits=contrast)]
    # There may be hundreds of channels: they become one layer, whose first slider goes through them.
    geometry = grid.options(prediction.start, with_channels=True)
    data = grid.arrange(pixels.data(pixels.levels), with_channels=True)
    return [layer(0, "image", source.name, data, rgb=False, contrast_limits=contrast)]


def count_text(counts: Sequence[float]) -> str:
    """Return the number of objects as a text, of a time series its range; empty if none are counted."""
    if not counts:
        return ""
    # Numbers of objects are whole, sums of densities are not.
    form = "d" if all(isinstance(count, int) for count in counts) else ".1f"
    low, high = format(min(counts), form), format(max(counts), form)
    return low if low == high else f"{low}\u2013{high}"


def _class_colormap(color: Color) -> Colormap:
    return Colormap([(0, 0, 0), np.array(color) / 255], name="#{:02x}{:02x}{:02x}".format(*color))
