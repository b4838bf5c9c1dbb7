"""An image and what was predicted for it, read so that a viewer can show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import dask.array as da
import numpy as np
import pint
from napari.utils.colormaps import Colormap, DirectLabelColormap

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.export.formats import find_format
from napari_batch_prediction.export.settings import Export
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


class Output(NamedTuple):
    """What was written of one source.

    Attributes
    ----------
    location
        The file, readable as an input.
    start
        Where it begins in the image, along the axes that were cut.
    """

    location: str
    start: Mapping[str, int]

    @classmethod
    def of(cls, export: Export, path: Path) -> Self:
        """Return where an export was written to."""
        in_container = find_format(export.format).extension == ".h5"
        return cls(
            f"{path}/{export.internal_path}" if in_container else str(path),
            {key: start for key, (start, _) in export.region.items() if start},
        )


def read_layers(raw: Image, stem: str, outputs: Mapping[str, Output], classifier: Classifier) -> list[LayerData]:
    """Read an image and its outputs, and say how to show them.

    Parameters
    ----------
    raw
        The image; it is closed unless a layer needs it.
    stem
        What the names of its layers begin with.
    outputs
        What was written of each source.
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
        layers += _raw_layers(raw, stem)
        for source in sources:
            new = _output_layers(outputs[source.name], source, classifier, stem, raw)
            if classes_shown and _shown(source, classifier) == "values":
                new[0].options["visible"] = False
            layers += new
    except BaseException:
        close_all(layers)
        raise
    return layers


def close_all(layers: Sequence[LayerData]) -> None:
    """Close the files of layers that will not be shown."""
    for image in {layer.image for layer in layers if layer.image is not None}:
        image.close()


def _raw_layers(image: Image, stem: str) -> list[LayerData]:
    channels, kept = _channels_first(image)
    geometry = _geometry(image, image, {})
    if len(channels) in (3, 4) and image.dtype == np.uint8:
        return [LayerData("image", np.moveaxis(channels, 0, -1), {"name": stem, "rgb": True, **geometry}, kept)]
    layers = []
    for i, channel in enumerate(channels):
        options = {"name": stem, "colormap": "gray", "contrast_limits": _limits(channel), **geometry}
        if len(channels) > 1:
            options |= {"name": f"{stem} channel {i}", "visible": i == 0}
        layers.append(LayerData("image", channel, options, kept))
    return layers


def _output_layers(output: Output, source: Source, classifier: Classifier, stem: str, raw: Image) -> list[LayerData]:
    image = open_image(output.location)
    channels, kept = _channels_first(image)
    geometry = _geometry(image, raw, output.start)
    name = f"{stem} {source.name}"
    shown = _shown(source, classifier)
    # What was rescaled or cast has a range of its own.
    limits = source.value_range if image.dtype == source.dtype else None
    if shown == "labels" and np.issubdtype(image.dtype, np.integer):
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
    if shown == "classes" and len(channels) == len(classifier.classes):
        return [
            LayerData(
                "image",
                channel,
                {
                    "name": f"{stem} {class_name}",
                    "colormap": Colormap([(0, 0, 0), np.array(color) / 255], name=f"{class_name} {color}"),
                    "blending": "additive",
                    "opacity": CLASS_OPACITY,
                    "contrast_limits": limits or _limits(channels),
                    **geometry,
                },
                kept,
            )
            for channel, class_name, color in zip(channels, classifier.classes, classifier.class_colors, strict=True)
        ]
    values = channels[0]
    if len(channels) > 1:
        # There may be hundreds: one layer, whose first slider goes through them.
        values, geometry = channels, _geometry(image, raw, output.start, leading="c")
    options = {"name": name, "contrast_limits": limits or _limits(values), **geometry}
    return [LayerData("image", values, options, kept)]


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


def _geometry(image: Image, raw: Image, start: Mapping[str, int], leading: str = "") -> dict[str, Any]:
    """Return place, scale, units and names of the axes of ``image`` without channels, as ``raw`` knows them."""
    axes = leading + image.axes.replace("c", "")
    registry = pint.application_registry
    known = {key: unit for key, unit in raw.units.items() if unit.isidentifier() and unit in registry}
    return {
        "scale": [raw.pixel_size.get(key, 1.0) for key in axes],
        "translate": [start.get(key, 0) * raw.pixel_size.get(key, 1.0) for key in axes],
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
