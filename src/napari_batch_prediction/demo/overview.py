"""A picture of the images of a batch beside their outputs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_batch_prediction.classifiers.base import PROBABILITIES, SEGMENTATION
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.colors import Color
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.records.ledger import Ledger

_SOURCES = (PROBABILITIES, SEGMENTATION)

_PANEL = 320
_GAP = 8
_MARGIN = 28
_CAPTION = 48
_HEADER = 108
_FOOTER = 44
_PAPER = (24, 26, 30)
_INK = (236, 238, 242)
_DIM = (160, 166, 176)


class Panels(NamedTuple):
    """An image of the overview: name, pixels (y, x), probabilities (y, x, c), labels (y, x)."""

    name: str
    raw: NDArray
    probabilities: NDArray
    labels: NDArray


def save_overview(path: Path, job: BatchJob, ledger: Ledger) -> None:
    """Write a picture of every image of the demo beside its outputs."""
    classifier = load_classifier(job.classifier)
    rows = []
    for row in ledger.rows:
        if row.status == "done":
            results = {source: _read(row.outputs[source]) for source in _SOURCES}
            raw = np.asarray(Image.open(row.input))
            rows.append(Panels(Path(row.input).name, raw, results[_SOURCES[0]], results[_SOURCES[1]][..., 0]))
    failed = [f"{Path(row.input).name} ({row.status})" for row in ledger.rows if row.status != "done"]
    draw_overview(rows, dict(zip(classifier.classes, classifier.class_colors, strict=True)), failed).save(path)


def draw_overview(rows: Sequence[Panels], classes: Mapping[str, Color], failed: Sequence[str]) -> Image.Image:
    """Draw images, probabilities in the colours of the classes, and segmentations, two images a line.

    Images are cropped to their middle, the largest square that fits into all of them.

    Parameters
    ----------
    rows
        The images with their outputs.
    classes
        Colour of each class, in channel order.
    failed
        Names of images without results, for the last line.
    """
    colors = np.array(list(classes.values()), np.float64)
    group = 3 * _PANEL + 2 * _GAP
    width = 2 * group + 3 * _MARGIN
    height = _HEADER + (len(rows) + 1) // 2 * (_PANEL + _CAPTION) + _FOOTER
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(26), ImageFont.load_default(20)

    x = width - _MARGIN
    for name, color in reversed(list(classes.items())):
        x -= round(draw.textlength(name, large))
        draw.text((x, 20), name, _INK, large)
        x -= 34
        draw.rounded_rectangle((x, 23, x + 24, 47), 5, color)
        x -= 30
    size = min((min(row.raw.shape) for row in rows), default=0)
    draw.text((_MARGIN, 20), f"The middle {size} x {size} pixels of each image", _INK, large)

    for column in range(min(2, len(rows))):
        for i, title in enumerate(("Image", *_SOURCES)):
            left = _MARGIN + column * (group + _MARGIN) + i * (_PANEL + _GAP)
            draw.text((left, _HEADER - 32), title, _DIM, small)

    for index, row in enumerate(rows):
        left = _MARGIN + index % 2 * (group + _MARGIN)
        top = _HEADER + index // 2 * (_PANEL + _CAPTION)
        gray = _gray(row.raw)
        shaded = colors[row.labels - 1] * (0.35 + 0.65 * gray[..., None] / 255)
        for i, values in enumerate((gray, row.probabilities @ colors, shaded)):
            panel = Image.fromarray(np.rint(_middle(values, size)).astype(np.uint8)).convert("RGB")
            panel = panel.resize((_PANEL, _PANEL), Image.Resampling.LANCZOS)
            picture.paste(panel, (left + i * (_PANEL + _GAP), top))
        draw.text((left, top + _PANEL + 5), row.name, _INK, small)
    if failed:
        draw.text((_MARGIN, height - _FOOTER), f"Without results: {', '.join(failed)}", _DIM, small)
    return picture


def _read(path: Path) -> NDArray:
    with h5py.File(path, "r") as file:
        return np.asarray(file["exported_data"])


def _gray(raw: NDArray) -> NDArray:
    """Return pixels rescaled to 0 to 255, with the extremes clipped and dark pixels brightened."""
    low, high = np.percentile(raw, (0.5, 99.8))
    return np.asarray(255 * np.clip((raw - low) / max(high - low, 1), 0, 1) ** 0.7)


def _middle(values: NDArray, size: int) -> NDArray:
    """Return the square in the middle of an image ``(y, x, ...)``."""
    top, left = (values.shape[0] - size) // 2, (values.shape[1] - size) // 2
    return values[top : top + size, left : left + size]
