"""An image with labels, and labels out of label images of any size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.ilp.project import MAX_LABEL, LabelBlock
from napari_batch_prediction.images.base import Image

SPATIAL = "tzyx"
"""The axes of labels."""

# Extents along t, z, y and x of what is read of labels at once; stored labels are bounding boxes within these.
_BOX = (1, 16, 512, 512)


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image and its labels.

    Attributes
    ----------
    image
        The image.
    blocks
        Its labels: boxes that do not overlap, inside the image.
    """

    image: Image
    blocks: tuple[LabelBlock, ...]


def label_blocks(labels: Image, extents: Sequence[int]) -> tuple[LabelBlock, ...]:
    """Return the labels in a label image as boxes around them; read piece by piece, it may be larger than memory.

    Parameters
    ----------
    labels
        The label image: whole numbers, 0 where nothing is labelled, classes from 1 to 255. It has no channels, or one.
    extents
        The extents along t, z, y and x that the labels must have.

    Raises
    ------
    ImageMismatchError
        If the labels have other extents, or values that are no labels.
    """
    found = [labels.extents[key] for key in SPATIAL]
    if found != [*extents] or labels.extents["c"] != 1:
        raise ImageMismatchError(
            f"The labels '{labels.location}' have {_sizes(labels.extents)}, but their image has "
            f"{_sizes(dict(zip(SPATIAL, extents, strict=True)))}. Expected one label for each pixel.",
            setting="labels",
        )
    if labels.dtype.kind not in "iu":
        raise ImageMismatchError(
            f"The labels '{labels.location}' are {labels.dtype}, expected whole numbers: 0 where nothing is labelled, "
            f"and classes from 1 to {MAX_LABEL}. Convert them to uint8.",
            setting="labels",
        )
    return tuple(block for box in _boxes(extents) if (block := _block(labels, box)) is not None)


def _boxes(extents: Sequence[int]) -> Iterator[list[slice]]:
    starts = (range(0, n, step) for n, step in zip(extents, _BOX, strict=True))
    for corner in product(*starts):
        yield [slice(a, min(a + step, n)) for a, step, n in zip(corner, _BOX, extents, strict=True)]


def _block(labels: Image, box: Sequence[slice]) -> LabelBlock | None:
    """Return the labels in a box, cut to those that there are; None if there are none."""
    region = {**dict(zip(SPATIAL, box, strict=True)), "c": slice(0, 1)}
    values = reorder(labels.read(tuple(region[key] for key in labels.axes)), labels.axes, SPATIAL + "c")[..., 0]
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > MAX_LABEL:
        raise ImageMismatchError(
            f"The labels '{labels.location}' have the value {lowest if lowest < 0 else highest}, expected 0 where "
            f"nothing is labelled and classes from 1 to {MAX_LABEL}. If it is an image of numbered objects, make "
            "labels of classes of it.",
            setting="labels",
        )
    if highest == 0:
        return None
    return block_around(values.astype(np.uint8), [side.start for side in box])


def block_around(values: NDArray[np.uint8], start: Sequence[int]) -> LabelBlock:
    """Return labels (t, z, y, x), of which there are some, cut to the box around them.

    Parameters
    ----------
    values
        The labels.
    start
        The position of the first of them along t, z, y and x.
    """
    sides = []
    for axis in range(values.ndim):
        used = np.flatnonzero(values.any(axis=tuple(other for other in range(values.ndim) if other != axis)))
        sides.append(slice(int(used[0]), int(used[-1]) + 1))
    t, z, y, x = (first + side.start for first, side in zip(start, sides, strict=True))
    return LabelBlock(start=(t, z, y, x), labels=np.ascontiguousarray(values[tuple(sides)]))


def _sizes(extents: "dict[str, int]") -> str:
    return ", ".join(f"{key}={n}" for key, n in extents.items() if n > 1 or key in "yx")
