"""An image and what was predicted for it, read so that a viewer can show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dask.array as da
import numpy as np
import pint
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.inputs import open_image

# Up to this many bytes an array is read at once and its file closed. Above, it is read as it is looked at.
IN_MEMORY = 2**27

# The raw image stays visible below.
LABEL_OPACITY = 0.5
CLASS_OPACITY = 0.5

Shown = Literal["values", "classes", "labels"]
# From the bottom of the layer list up.
_ORDER: tuple[Shown, ...] = ("values", "classes", "labels")


@dataclass
class LayerData:
    """One layer to be.

    Attributes
    ----------
    kind
        Its type.
    data
        The pixels, in memory or lazy.
    options
        Keyword arguments of ``viewer.add_image`` or ``viewer.add_labels``.
    image
        The open file behind lazy pixels, to be closed with the last of its layers; None if none is open.
    """

    kind: Literal["image", "labels"]
    data: Any
    options: dict[str, Any]
    image: Image | None


def read_layers(
    location: str, axes: str | None, stem: str, outputs: Mapping[str, str], classifier: Classifier
) -> list[LayerData]:
    """Open an image and its outputs, and say how to show them.

    Parameters
    ----------
    location
        The input.
    axes
        Its axes if the user gave them.
    stem
        What the names of its layers begin with.
    outputs
        For each source the file it was written to, as an input.
    classifier
        What predicted them: names and colours of the classes.

    Returns
    -------
    The layers from the bottom up: the raw image; features and uncertainty; probabilities, one layer a class;
    segmentation. All have the scale and the units of the raw image. Features and uncertainty are hidden if
    there is more.

    Raises
    ------
    ImageReadError
        If a file cannot be read; no file stays open then.
    """
    sources = sorted(map(classifier.source, outputs), key=lambda source: _ORDER.index(_shown(source, classifier)))
    classes_shown = any(_shown(source, classifier) != "values" for source in sources)
    layers: list[LayerData] = []
    try:
        raw = open_image(location, axes)
        layers += _raw_layers(raw, stem)
        for source in sources:
            new = _output_layers(open_image(outputs[source.name]), source, classifier, stem, raw)
            if classes_shown and _shown(source, classifier) == "values":
                new[0].options["visible"] = False
            layers += new
    except BaseException:
        close_all(layers)
        raise
    return layers


def close_all(layers: Sequence[LayerData]) -> None:
    """Close the files of layers that will not be shown."""
    for layer in layers:
        if layer.image is not None:
            layer.image.close()


def _raw_layers(image: Image, stem: str) -> list[LayerData]:
    channels, kept = _channels_first(image)
    geometry = _geometry(image, image)
    if len(channels) in (3, 4) and image.dtype == np.uint8:
        return [LayerData("image", np.moveaxis(channels, 0, -1), {"name": stem, "rgb": True, **geometry}, kept)]
    layers = []
    for i, channel in enumerate(channels):
        options = {"name": stem, "colormap": "gray", "contrast_limits": _limits(channel), **geometry}
        if len(channels) > 1:
            options |= {"name": f"{stem} channel {i}", "visible": i == 0}
        layers.append(LayerData("image", channel, options, kept))
    return layers


def _output_layers(image: Image, source: Source, classifier: Classifier, stem: str, raw: Image) -> list[LayerData]:
    channels, kept = _channels_first(image)
    geometry = _geometry(image, raw)
    name = f"{stem} {source.name}"
    shown = _shown(source, classifier)
    if shown == "labels":
        labels = range(len(classifier.classes) + 1)
        options = {
            "name": name,
            "colormap": _label_colormap(classifier),
            "opacity": LABEL_OPACITY,
            # The status bar names the class under the mouse.
            "features": {"index": list(labels), "class": ["none", *classifier.classes]},
            **geometry,
        }
        return [LayerData("labels", channels[0], options, kept)]
    if shown == "classes":
        return [
            LayerData(
                "image",
                channel,
                {
                    "name": f"{stem} {class_name}",
                    "colormap": Colormap([(0, 0, 0), np.array(color) / 255], name=f"{class_name} {color}"),
                    "blending": "additive",
                    "opacity": CLASS_OPACITY,
                    "contrast_limits": source.value_range,
                    **geometry,
                },
                kept,
            )
            for channel, class_name, color in zip(channels, classifier.classes, classifier.class_colors, strict=True)
        ]
    values = channels[0]
    if len(channels) > 1:
        # There may be hundreds: one layer, whose first slider goes through them.
        values, geometry = channels, _geometry(image, raw, leading="c")
    limits = source.value_range or _limits(values)
    return [LayerData("image", values, {"name": name, "contrast_limits": limits, **geometry}, kept)]


def _shown(source: Source, classifier: Classifier) -> Shown:
    """Return how a source is shown: one label a pixel, one channel a class, or plain values."""
    if np.issubdtype(source.dtype, np.integer):
        return "labels"
    return "classes" if source.channel_names == classifier.classes else "values"


def _label_colormap(classifier: Classifier) -> DirectLabelColormap:
    colors: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for label, color in enumerate(classifier.class_colors, start=1):
        colors[label] = np.array([*color, 255]) / 255
    return DirectLabelColormap(color_dict=colors)


def _geometry(image: Image, raw: Image, leading: str = "") -> dict[str, Any]:
    """Return scale, units and names of the axes of ``image`` without channels, as ``raw`` knows them."""
    axes = leading + image.axes.replace("c", "")
    registry = pint.application_registry
    known = {key: unit for key, unit in raw.units.items() if unit.isidentifier() and unit in registry}
    return {
        "scale": [raw.pixel_size.get(key, 1.0) for key in axes],
        "units": [registry.Unit(known.get(key, "pixel")) for key in axes],
        "axis_labels": list(axes),
    }


class _Reader:
    """What dask reads lazily: an image behind the indexing of an array."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, len(image.shape)

    def __getitem__(self, region: tuple[slice, ...]) -> Any:
        return self.image.read(region)


def _channels_first(image: Image) -> tuple[Any, Image | None]:
    """Return the pixels with one axis for channels before all others, and the image if it must stay open."""
    order = "c" + image.axes.replace("c", "")
    if np.prod(image.shape, dtype=float) * image.dtype.itemsize <= IN_MEMORY:
        with image:
            # Copied here, so that the main thread need not when it draws.
            return np.ascontiguousarray(reorder(image.read(), image.axes, order)), None
    # One plane at a time. Names of dask arrays are keys of napari's cache: a file that was written anew must not
    # be taken for the old one.
    chunks = tuple("auto" if key in "yx" else 1 for key in image.axes)
    meta = np.empty((0,) * len(image.shape), image.dtype)
    pixels: Any = da.from_array(_Reader(image), chunks=chunks, name=False, meta=meta)  # type: ignore[no-untyped-call]
    return reorder(pixels, image.axes, order), image


def _limits(pixels: Any) -> tuple[float, float]:
    """Return the smallest and the largest value, of the middle plane if the pixels are lazy."""
    if not isinstance(pixels, np.ndarray):
        pixels = np.asarray(pixels[tuple(n // 2 for n in pixels.shape[:-2])])
    finite = pixels[np.isfinite(pixels)] if np.issubdtype(pixels.dtype, np.inexact) else pixels
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low, low + 1.0)
