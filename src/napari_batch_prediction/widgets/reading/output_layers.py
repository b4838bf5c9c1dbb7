"""Layers of outputs that are opened by themselves, without image and classifier."""

import weakref
from colorsys import hsv_to_rgb
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import PROBABILITIES, Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.exported import Exported, find_exported
from napari_batch_prediction.formats.zarr.store import label_properties
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.widgets.canvas.grids import PixelGrid
from napari_batch_prediction.widgets.canvas.layer_data import LABEL_OPACITY, LayerData, close_all, raw_layers
from napari_batch_prediction.widgets.canvas.pixels import Pixels, read_pixels
from napari_batch_prediction.widgets.canvas.predicted_layers import Prediction, predicted_layers
from napari_batch_prediction.widgets.objects.features import as_features

# Opening more datasets than this at once helps nobody.
MOST = 16

# More channels than this become one layer with a slider.
_COLOURS = 4


def output_layers(path: Path) -> list[LayerData]:
    """Return the layers of all outputs in a file.

    Axes of extent 1 are left out. Outputs of ilastik do not name their classes, so these are numbered and get colours
    here. Files behind lazy pixels are closed once nothing refers to the pixels.

    Raises
    ------
    ImageReadError
        If the file cannot be read, holds no output or too many; no file stays open.
    """
    outputs = find_exported(path)
    if not outputs:
        raise ImageReadError(
            f"'{path}' is not an image that ilastik or this program exported{_without_axistags(path)}. Open it with "
            "another reader. To predict it, add it to the images in the window Batch Prediction; Image settings > "
            "Dataset chooses one of several."
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
    """Return the end of a sentence that lists the datasets of a file; empty if it cannot hold several."""
    names = FileAt.of(path).datasets()
    if not names:
        return ""
    listed = ", ".join(names[:MOST]) + (", and others" if len(names) > MOST else "")
    return f": it holds {len(names)} dataset{'s' * (len(names) > 1)} without ilastik's axistags ({listed})"


class _Files:
    """Owner of open files, which closes them when it is deleted."""

    def __init__(self, layers: list[LayerData]) -> None:
        self._files = {image for layer in layers for image in layer.files}

    def __del__(self) -> None:
        for image in self._files:
            image.close()


def _close_in_the_end(layers: list[LayerData]) -> None:
    files = _Files(layers)
    for layer in layers:
        for level in layer.data if isinstance(layer.data, list) else [layer.data]:
            if not isinstance(level, np.ndarray):
                # The finalizer keeps the files alive as long as the pixels.
                weakref.finalize(level, id, files)


def _layers(output: Exported, image: Image, stem: str) -> list[LayerData]:
    grid = PixelGrid.of(image)
    grid = replace(grid, axes="".join(key for key in grid.axes if key in "yx" or image.extents[key] > 1))
    pixels = read_pixels(image, grid.axes)
    if output.stamp is None:
        return _unstamped_layers(output, image, pixels, grid, stem)
    stamp = output.stamp
    start = stamp.start
    # A file that says where it lies has counted the start of a region in.
    start = {key: first for key, first in start.items() if key == "c" or key not in image.origin}
    first, stop = start.pop("c", 0), stamp.settings.region.get("c", (None, None))[1]
    n = len(pixels.levels[0])
    # Rescaled labels are no longer numbers of classes.
    is_labels = stamp.is_labels and stamp.settings.output_range is None
    has_class_channels = bool(stamp.classes) and not stamp.is_labels
    source = Source(
        name=stamp.source,
        kind="labels" if is_labels else "image",
        dtype=image.dtype,
        channels=len(stamp.classes) if has_class_channels else n,
        channel_names=stamp.classes if has_class_channels else (),
        value_range=stamp.value_range,
        classes=stamp.classes,
        class_colors=stamp.class_colors,
    )
    last = len(stamp.classes) if stop is None else stop
    channels = (first, last) if has_class_channels else (0, n)
    prediction = Prediction(source=source, channels=channels, pixels=pixels, start=start)
    layers = predicted_layers(prediction, grid, stem.removesuffix(f"_{stamp.source}"))
    if prediction.style == "objects" and (table := _table(FileAt.of(output.location))) is not None:
        layers[0].options["features"] = as_features(table)
    return layers


def _table(location: FileAt) -> ObjectTable | None:
    """Return the table of objects that OME-Zarr labels hold themselves; None if they do not know each object.

    Other tables are not looked for: their names are the user's, and they do not say which labels they are about.
    """
    rows = [dict(row) for row in label_properties(location.path / (location.dataset or ""))]
    if not rows or [row.pop("label-value", None) for row in rows] != [*range(1, len(rows) + 1)]:
        return None
    columns: dict[str, NDArray[Any]] = {"label": np.arange(1, len(rows) + 1)}
    for name in dict.fromkeys(name for row in rows for name in row):
        cells = [row.get(name) for row in rows]
        is_text = any(isinstance(cell, str) for cell in cells)
        missing = "" if is_text else np.nan
        values = [missing if cell is None else cell for cell in cells]
        columns[name] = np.array(values, object) if is_text else np.array(values)
    return ObjectTable(columns)


def _unstamped_layers(output: Exported, image: Image, pixels: Pixels, grid: PixelGrid, stem: str) -> list[LayerData]:
    """Return the layers of an output of ilastik; only its name, type and range tell its source."""
    n, name, fractions = len(pixels.levels[0]), stem.lower(), output.value_range == (0, 1)
    if n == 1 and image.dtype.kind in "iu" and ("segmentation" in name or fractions):
        options = {"opacity": LABEL_OPACITY, **grid.options({})}
        return [
            LayerData(
                source=stem, kind="labels", stem=stem, data=pixels.channel(0), options=options, files=pixels.files
            )
        ]
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
        return predicted_layers(Prediction(source=source, channels=(0, n), pixels=pixels), grid, stem)
    if n <= _COLOURS:
        return raw_layers(pixels, image, grid, stem)
    source = Source(name="", dtype=image.dtype, channels=n)
    return predicted_layers(Prediction(source=source, channels=(0, n), pixels=pixels), grid, stem)


def _hues(n: int) -> tuple[Color, ...]:
    """Return n colours with evenly spaced hues."""
    red_green_blue = (hsv_to_rgb(i / n, 1, 1) for i in range(n))
    return tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in red_green_blue)
