"""How an output is shown that is opened by itself, without its image and its classifier."""

import weakref
from colorsys import hsv_to_rgb
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_batch_prediction.classifiers.base import PROBABILITIES, Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.exported import Exported, find_exported
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.widgets.canvas.layer_data import (
    LABEL_OPACITY,
    LayerData,
    Part,
    Place,
    close_all,
    part_layers,
    raw_layers,
)
from napari_batch_prediction.widgets.canvas.pixels import Pixels, read_pixels

# More layers than this are not what a user wants of a file.
MOST = 16

# Of a picture; what has more channels is one layer with a slider.
_COLOURS = 4


def output_layers(path: Path) -> list[LayerData]:
    """Return the layers of all outputs in a file.

    Axes of extent 1 are left out. What ilastik exported does not name its classes: they are numbered, in colours of
    their own. Files behind lazy pixels are closed when nobody holds the pixels any more.

    Raises
    ------
    ImageReadError
        If the file cannot be read, or holds no output, or too many; no file stays open then.
    """
    outputs = find_exported(path)
    if not outputs:
        raise ImageReadError(
            f"'{path}' is not an image that ilastik or this program exported{_without_axistags(path)}. Open it with "
            "another reader. To predict it, add it to Inputs in the window Batch Prediction; Input settings > Dataset "
            "chooses one of several."
        )
    if len(outputs) > MOST:
        names = ", ".join(output.dataset for output in outputs[:MOST])
        raise ImageReadError(
            f"'{path}' holds {len(outputs)} images, more than can be opened at once: {names}, and others. Open the one "
            f"you want in Python: napari_batch_prediction.open_image('{outputs[0].location}')"
        )
    layers: list[LayerData] = []
    try:
        for output in outputs:
            image = open_image(output.location)
            stem = FileAt.of(path).stem
            stem = stem if len(outputs) == 1 else f"{stem} {output.dataset}"
            layers += _layers(output, image, stem)
    except BaseException:
        close_all(layers)
        raise
    _close_in_the_end(layers)
    return layers


def _without_axistags(path: Path) -> str:
    """Return what a file holds instead of an output, as the end of a sentence; empty if it holds one image at most."""
    names = FileAt.of(path).datasets()
    if not names:
        return ""
    listed = ", ".join(names[:MOST]) + (", and others" if len(names) > MOST else "")
    return f": it holds {len(names)} dataset{'s' * (len(names) > 1)} without ilastik's axistags ({listed})"


class _Files:
    """Open files, which are closed with this."""

    def __init__(self, layers: list[LayerData]) -> None:
        self._layers = [replace(layer, data=None) for layer in layers]

    def __del__(self) -> None:
        close_all(self._layers)


def _close_in_the_end(layers: list[LayerData]) -> None:
    files = _Files(layers)
    for layer in layers:
        for level in layer.data if isinstance(layer.data, list) else [layer.data]:
            if not isinstance(level, np.ndarray):
                # Holds the files as long as the pixels live.
                weakref.finalize(level, id, files)


def _layers(output: Exported, image: Image, stem: str) -> list[LayerData]:
    place = Place.of(image)
    place = place._replace(order="".join(key for key in place.order if key in "yx" or image.extents[key] > 1))
    pixels = read_pixels(image, place.order)
    if output.stamp is None:
        return _unnamed_layers(output, image, pixels, place, stem)
    stamp = output.stamp
    start = stamp.start
    first, stop = start.pop("c", 0), stamp.settings.region.get("c", (None, None))[1]
    n = len(pixels.levels[0])
    # Numbers of classes that were rescaled are numbers like any other.
    is_labels = stamp.is_labels and stamp.settings.output_range is None
    named = bool(stamp.classes) and not stamp.is_labels
    source = Source(
        name=stamp.source,
        kind="labels" if is_labels else "image",
        dtype=image.dtype,
        channels=len(stamp.classes) if named else n,
        channel_names=stamp.classes if named else (),
        value_range=stamp.value_range,
        classes=stamp.classes,
        class_colors=stamp.class_colors,
    )
    last = (len(stamp.classes) if stop is None else stop) if named else n
    part = Part(source, (first, last) if named else (0, n), pixels, start)
    return part_layers(part, place, stem.removesuffix(f"_{stamp.source}"))


def _unnamed_layers(output: Exported, image: Image, pixels: Pixels, place: Place, stem: str) -> list[LayerData]:
    """Return the layers of what ilastik exported, told apart by names, types and ranges: the file says no more."""
    n, name, fractions = len(pixels.levels[0]), stem.lower(), output.value_range == (0, 1)
    if n == 1 and image.dtype.kind in "iu" and ("segmentation" in name or fractions):
        options = {"opacity": LABEL_OPACITY, **place.options({})}
        return [LayerData(stem, 0, "labels", stem, "", pixels.channel(0), options, pixels.files)]
    if n > 1 and ("probabilities" in name or (image.dtype.kind == "f" and fractions)):
        names = tuple(f"class {i}" for i in range(1, n + 1))
        source = Source(
            name=PROBABILITIES,
            dtype=image.dtype,
            channels=n,
            channel_names=names,
            value_range=output.value_range,
            classes=names,
            class_colors=_hues(n),
        )
        return part_layers(Part(source, (0, n), pixels, {}), place, stem)
    if n <= _COLOURS:
        return raw_layers(pixels, image, place, stem)
    source = Source(name="", dtype=image.dtype, channels=n)
    return part_layers(Part(source, (0, n), pixels, {}), place, stem)


def _hues(n: int) -> tuple[Color, ...]:
    """Return colours that are as different as can be."""
    red_green_blue = (hsv_to_rgb(i / n, 1, 1) for i in range(n))
    return tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in red_green_blue)
