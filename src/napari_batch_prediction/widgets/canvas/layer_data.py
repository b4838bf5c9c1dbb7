"""How an image and what was predicted for it are shown: kinds, names, colours and places of layers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
import pint
from napari.layers import Image as ImageLayer
from napari.layers import Labels as LabelsLayer
from napari.layers import Layer
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_batch_prediction.classifiers.base import DENSITY, PROBABILITIES, Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.images.base import COLOURS, Image
from napari_batch_prediction.widgets.canvas.pixels import Pixels, limits

# The raw image stays visible below.
LABEL_OPACITY = 0.5
CLASS_OPACITY = 0.5
DENSITY_OPACITY = 0.7
DENSITY_COLORMAP = "inferno"

RAW = "raw"
"""What stands for the source in the key of a raw image."""

Shown = Literal["values", "density", "classes", "labels"]
# From the bottom of the layer list up, above the raw image.
ORDER: tuple[Shown, ...] = ("values", "density", "classes", "labels")


class Place(NamedTuple):
    """Where the pixels of an image are, along each of its axes.

    Attributes
    ----------
    order
        The axes in which the image is shown, without that of channels.
    scale, origin
        Size of a pixel, and where the first is; 1 and 0 where it is not known.
    units
        Units of both.
    """

    order: str
    scale: Mapping[str, float]
    units: Mapping[str, str]
    origin: Mapping[str, float]

    @classmethod
    def of(cls, image: Image) -> "Place":
        """Return the place of an image that is on disk."""
        order = "".join(key for key in "tzyx" if key in image.axes)
        return cls(order, image.pixel_size, image.units, {})

    def options(self, start: Mapping[str, int], leading: str = "") -> dict[str, Any]:
        """Return the options of a layer whose first pixel is ``start`` of the image."""
        axes = leading + self.order
        registry = pint.application_registry
        known = {key: unit for key, unit in self.units.items() if unit.isidentifier() and unit in registry}
        return {
            "scale": tuple(self.scale.get(key, 1.0) for key in axes),
            "translate": tuple(
                self.origin.get(key, 0.0) + start.get(key, 0) * self.scale.get(key, 1.0) for key in axes
            ),
            "units": tuple(registry.Unit(known.get(key, "pixel")) for key in axes),
            "axis_labels": tuple(axes),
        }


@dataclass
class LayerData:
    """One layer to be.

    Attributes
    ----------
    source
        What it shows: a source of the classifier, or :data:`RAW`.
    part
        Which of the layers of that source.
    kind
        Its type.
    stem, title
        Its name: that of the image, then what it is.
    data
        The pixels: an array, lazy or not, or a list of them from fine to coarse.
    options
        Keyword arguments of the layer, without its name.
    files
        The open files behind lazy pixels, to be closed with the last of its layers.
    is_empty
        There is nothing to show yet.
    made
        The layer, once it is made.
    """

    source: str
    part: object
    kind: Literal["image", "labels"]
    stem: str
    title: str
    data: Any
    options: dict[str, Any]
    files: tuple[Image, ...] = ()
    is_empty: bool = False
    made: Layer | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name of the layer; without that of the image as long as there is nothing of it."""
        if self.is_empty:
            return f"{self.title or 'image'} (waiting)"
        return f"{self.stem} {self.title}".strip()

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What another image's layer must have in common with this one to take its place."""
        first = self.data[0] if self.has_levels else self.data
        return self.source, self.part, self.kind, first.ndim, first.dtype, self.options.get("rgb")

    @property
    def has_levels(self) -> bool:
        """Whether there are several levels of resolution."""
        return isinstance(self.data, list)

    def drawn_bytes(self, n_axes: int) -> int:
        """Return how much is drawn at first, with so many axes in sight; of several levels the coarsest counts."""
        coarsest = self.data[-1] if self.has_levels else self.data
        seen = coarsest.shape[-n_axes - bool(self.options.get("rgb")) :]
        return 0 if self.is_empty else prod(seen) * coarsest.dtype.itemsize

    def with_levels(self) -> list[Any]:
        """Return levels of resolution: those that are there, else a second one, unless it would be as small."""
        if self.has_levels:
            return list(self.data)
        coarse = self.data[..., ::2, ::2, :] if self.options.get("rgb") else self.data[..., ::2, ::2]
        return [self.data] if coarse.size == self.data.size else [self.data, coarse]

    def emptied(self) -> "LayerData":
        """Return the same without its pixels."""
        first = self.data[0] if self.has_levels else self.data
        nothing = np.broadcast_to(np.zeros((), first.dtype), first.shape)
        return replace(self, data=nothing, files=(), is_empty=True, made=None)

    def make(self) -> Layer:
        """Return the layer; made once, in whatever thread. Labels are hidden at first: they are not drawn there.

        napari draws labels by loops that end the process where two threads run them at once, if numba has found no
        other way to use threads than its own. Only the main thread may, where napari draws.
        """
        if self.made is None:
            options = {"multiscale": self.has_levels, "name": self.name, **self.options}
            if self.kind == "image":
                self.made = ImageLayer(self.data, **options)
            else:
                self.made = LabelsLayer(self.data, **{**options, "visible": False})
        return self.made


def close_all(layers: Iterable[LayerData]) -> None:
    """Close the files of layers that will not be shown."""
    for image in {image for layer in layers for image in layer.files}:
        image.close()


def raw_layers(pixels: Pixels, image: Image, place: Place, stem: str) -> list[LayerData]:
    """Return the layers of an image: its colours, or each channel in grey, the first visible.

    Parameters
    ----------
    pixels
        Its pixels.
    image
        What its header says.
    place
        Where it is.
    stem
        What the names begin with.
    """
    n, geometry = len(pixels.levels[0]), place.options({})
    if n in (3, 4) and image.dtype == np.uint8:
        colours = [np.moveaxis(level, 0, -1) for level in pixels.levels]
        colours = [np.ascontiguousarray(one) if isinstance(one, np.ndarray) else one for one in colours]
        options = {"rgb": True, **geometry}
        return [LayerData(RAW, 0, "image", stem, "", pixels.data(colours), options, pixels.files)]
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
        layers.append(LayerData(RAW, i, "image", stem, title, pixels.channel(i), options, pixels.files))
    return layers


class Part(NamedTuple):
    """What there is of a source.

    Attributes
    ----------
    source
        The source.
    channels
        First and last + 1 of its channels.
    pixels
        The values.
    start
        Where they begin in the image.
    dtype
        Their type.
    counts
        How many objects there are, if they are counted.
    is_empty
        There will be values, but there are none yet.
    """

    source: Source
    channels: tuple[int, int]
    pixels: Pixels
    start: Mapping[str, int]
    counts: Sequence[float] = ()
    is_empty: bool = False

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        dtype: np.dtype = self.pixels.levels[0].dtype
        return dtype

    @property
    def shown(self) -> Shown:
        """How they are shown: one label a pixel, one colour a class, a density, or plain values."""
        if self.source.kind == "labels" and self.dtype.kind in "iu":
            return "labels"
        first, last = self.channels
        if self.source.kind != "labels" and len(self.source.classes) == self.source.channels:
            return "classes" if len(self.pixels.levels[0]) == last - first else "values"
        return "density" if self.source.name == DENSITY else "values"

    @property
    def contrast(self) -> tuple[float, float] | None:
        """The range of the source; None if what is written was rescaled or cast, and so has a range of its own."""
        return self.source.value_range if self.dtype == self.source.dtype else None


def part_layers(part: Part, place: Place, stem: str) -> list[LayerData]:
    """Return the layers of what was predicted for an image.

    Parameters
    ----------
    part
        What there is of one source.
    place
        Where the image is.
    stem
        What the names begin with.
    """
    source, pixels = part.source, part.pixels
    geometry = place.options(part.start)

    def layer(which: object, kind: Literal["image", "labels"], title: str, data: Any, **options: Any) -> LayerData:
        options = {**geometry, **options}
        return LayerData(source.name, which, kind, stem, title, data, options, pixels.files, part.is_empty)

    if part.shown == "labels":
        return [
            layer(
                (source.classes, source.class_colors),
                "labels",
                source.name,
                pixels.channel(0),
                colormap=_label_colormap(source.class_colors),
                opacity=LABEL_OPACITY,
                # The status bar names the class under the mouse.
                features={"index": list(range(len(source.classes) + 1)), "class": ["none", *source.classes]},
            )
        ]
    if part.shown == "classes":
        contrast = part.contrast or pixels.limits()
        first, last = part.channels
        # Classes of different stages may have the same name; those of channels differ.
        names = [name if source.name == PROBABILITIES else f"{source.name} {name}" for name in source.channel_names]
        return [
            layer(
                (names[i], source.class_colors[i]),
                "image",
                names[i],
                pixels.channel(i - first),
                rgb=False,
                colormap=_class_colormap(source.class_colors[i]),
                blending="additive",
                opacity=CLASS_OPACITY,
                contrast_limits=contrast,
            )
            for i in range(first, last)
        ]
    if part.shown == "density":
        return [
            layer(
                0,
                "image",
                ", ".join(filter(None, [source.name, count_text(part.counts)])),
                pixels.channel(0),
                rgb=False,
                # Black, where nothing is, lets the raw image through.
                colormap=DENSITY_COLORMAP,
                blending="additive",
                opacity=DENSITY_OPACITY,
                contrast_limits=(0.0, max(pixels.limits()[1], np.finfo(np.float32).tiny)),
            )
        ]
    contrast = part.contrast or pixels.limits()
    if len(pixels.levels[0]) == 1:
        return [layer(0, "image", source.name, pixels.channel(0), rgb=False, contrast_limits=contrast)]
    # There may be hundreds: one layer, whose first slider goes through them.
    geometry = place.options(part.start, leading="c")
    return [layer(0, "image", source.name, pixels.data(pixels.levels), rgb=False, contrast_limits=contrast)]


def count_text(counts: Sequence[float]) -> str:
    """Return how many objects there are in an image, of a time series from the fewest to the most; empty if none."""
    if not counts:
        return ""
    low, high = f"{min(counts):.1f}", f"{max(counts):.1f}"
    return low if low == high else f"{low}\u2013{high}"


def _class_colormap(color: Color) -> Colormap:
    return Colormap([(0, 0, 0), np.array(color) / 255], name="#{:02x}{:02x}{:02x}".format(*color))


def _label_colormap(class_colors: Sequence[Color]) -> DirectLabelColormap:
    colors: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for label, color in enumerate(class_colors, start=1):
        colors[label] = np.array([*color, 255]) / 255
    return DirectLabelColormap(color_dict=colors)
