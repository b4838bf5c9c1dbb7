"""Labelled pixels of the training images, read in a few small parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box, Context, Tile
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.label_blocks import label_axes, read_label_blocks
from napari_batch_prediction.ilp.project import Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.training.images import training_image
from napari_batch_prediction.wording import count

MAX_PARTS = 8
"""Parts that are read, those with most labels."""

# Extents of a part along t, z, y and x.
_PART = (1, 16, 64, 128)


@dataclass(frozen=True, eq=False, slots=True)
class LabelledPixels:
    """Labelled pixels of a training image.

    Attributes
    ----------
    lane
        The training image.
    positions
        int64 (n, 4): positions along t, z, y and x.
    values
        (n,): what is to be predicted there: a label, from 1, or a density.
    """

    lane: Lane
    positions: NDArray[np.int64]
    values: NDArray


@dataclass(frozen=True, eq=False, slots=True)
class LabelledPart:
    """A part of a training image.

    Attributes
    ----------
    block
        Pixels (c, z, y, x) of the part and its context.
    tile
        The part in ``block``: slices along z, y and x.
    positions
        int64 (n, 3): the labelled pixels, along z, y and x of the part.
    values
        See :class:`LabelledPixels`.
    """

    block: NDArray
    tile: Box
    positions: NDArray[np.int64]
    values: NDArray


def labelled_pixels(file: ProjectFile, lanes: Sequence[Lane], applet: str) -> list[LabelledPixels]:
    """Return the labels of a pixel classification; no image is opened.

    Raises
    ------
    ProjectError
        If the labels are damaged, or belong to images that are not named.
    """
    group = file.group(applet)
    blocks = read_label_blocks(group, label_axes(lanes[-1])) if group is not None and lanes else []
    if len(lanes) < len(blocks):
        raise ProjectError(f"the project has labels of {len(blocks)} images, but names {len(lanes)} images")
    return [
        LabelledPixels(
            lane,
            np.concatenate([np.argwhere(block.labels) + block.start for block in image]),
            np.concatenate([block.labels[block.labels != 0] for block in image]),
        )
        for lane, image in zip(lanes, blocks, strict=False)
        if image
    ]


def read_parts(
    file: ProjectFile, images: Sequence[LabelledPixels], context: Context, n_channels: int
) -> Iterator[LabelledPart]:
    """Yield parts of the training images, those with most labelled pixels.

    Parameters
    ----------
    file, images
        The project, and the labelled pixels of its images.
    context
        The context that a part needs.
    n_channels
        The channels that the images must have.

    Raises
    ------
    ProjectError
        If an image is missing, cannot be read, or does not fit its labels.
    """
    parts = sorted((part for image in images for part in _parts(image)), key=lambda part: -len(part.values))
    for part in parts[:MAX_PARTS]:
        with training_image(file, part.lane) as image:
            extents = image.extents
            if extents["c"] != n_channels:
                raise ProjectError(f"{image.location} has {count(extents['c'], 'channel')}, expected {n_channels}")
            first, last = part.positions.min(0).tolist(), part.positions.max(0).tolist()
            if any(n >= extents[key] for key, n in zip("tzyx", last, strict=True)):
                raise ProjectError(f"the labels reach beyond the training image {image.location}")
            z, y, x = (slice(a, b + 1) for a, b in zip(first[1:], last[1:], strict=True))
            around, tile = Tile(0, z, y, x).with_context(extents, context)
            block = image.read_czyx(first[0], *around)
        yield LabelledPart(block, tile, part.positions[:, 1:] - first[1:], part.values)


def _parts(image: LabelledPixels) -> Iterator[LabelledPixels]:
    _, part_of_pixel = np.unique(image.positions // _PART, axis=0, return_inverse=True)
    order = np.argsort(part_of_pixel, kind="stable")
    for members in np.split(order, np.cumsum(np.bincount(part_of_pixel))[:-1]):
        yield LabelledPixels(image.lane, image.positions[members], image.values[members])
