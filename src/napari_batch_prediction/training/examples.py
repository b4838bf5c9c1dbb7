"""Features and classes of labelled pixels, for training."""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.base import Predictor
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Context, Tile, n_cores
from napari_batch_prediction.errors import BatchPredictionError, ImageMismatchError, SettingsError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.training.labelled_image import SPATIAL, LabelledImage
from napari_batch_prediction.wording import count

# Extents along t, z, y and x of the parts in which pixels are read.
_PART = (1, 16, 256, 256)

SHARE_OF_MEMORY = 0.35
"""The most of the computer's memory that features of labelled pixels may take; growing a forest takes as much again."""


@dataclass(frozen=True, eq=False, slots=True)
class Examples:
    """Labelled pixels with their features, image by image, in the order of their positions.

    Attributes
    ----------
    features
        float32 (n, features).
    classes
        uint8 (n,): their labels, from 1.
    image
        intp (n,): the number of the image that each is in.
    positions
        int64 (n, 4): their positions along t, z, y and x.
    """

    features: NDArray[np.float32]
    classes: NDArray[np.uint8]
    image: NDArray[np.intp]
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of pixels."""
        return len(self.classes)


class _Part(NamedTuple):
    """Labelled pixels that are read together: their image, and the rows of examples."""

    image: Image
    rows: NDArray[np.intp]


def read_examples(
    images: Sequence[LabelledImage],
    selection: FeatureSelection,
    n_channels: int,
    *,
    threads: int | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Examples:
    """Return the labelled pixels of images with their features, which are computed only there, part by part.

    Parameters
    ----------
    images
        Images with labels; they may be larger than memory.
    selection, n_channels
        The features, and the number of channels that each image must have.
    threads
        Number of threads; all cores if None.
    is_cancelled
        Asked between parts; True ends the reading.

    Raises
    ------
    ImageMismatchError
        If an image has other channels, is too small for a feature, or has labels outside.
    ImageReadError
        If an image cannot be read.
    SettingsError
        If features of all labelled pixels do not fit into memory.
    CancelledError
        If the reading was cancelled.
    """
    found = [labelled_positions(image) for image in images]
    positions = np.concatenate([np.empty((0, 4), np.int64), *(at for at, _ in found)])
    classes = np.concatenate([np.empty(0, np.uint8), *(labels for _, labels in found)])
    numbers = np.repeat(np.arange(len(images)), [len(at) for at, _ in found])
    n_features = selection.n_features(n_channels)
    _check_memory(len(positions), n_features)
    for labelled in images:
        check_training_image(labelled.image, selection, n_channels)
    examples = Examples(np.empty((len(positions), n_features), np.float32), classes, numbers, positions)
    predictor = ENGINE.prepare(selection, n_channels)

    def read(part: _Part) -> None:
        if is_cancelled is not None and is_cancelled():
            raise CancelledError
        examples.features[part.rows] = _features(part.image, positions[part.rows], selection, predictor)

    with ThreadPoolExecutor(threads or n_cores(), thread_name_prefix="examples") as pool:
        for _ in pool.map(read, _parts(images, examples)):
            pass
    return examples


def _check_memory(n_pixels: int, n_features: int) -> None:
    """Check that the features of all labelled pixels fit into memory.

    Raises
    ------
    SettingsError
        If they do not.
    """
    import psutil

    has, takes = psutil.virtual_memory().total, n_pixels * n_features * 4
    if takes > SHARE_OF_MEMORY * has:
        raise SettingsError(
            f"There are {n_pixels} labelled pixels with {n_features} features each, which take "
            f"{takes / 2**30:.1f} GiB. They may take {SHARE_OF_MEMORY:.0%} of the computer's {has / 2**30:.1f} GiB. "
            "Label fewer pixels, or choose fewer features.",
            setting="labels",
        )


def labelled_positions(labelled: LabelledImage) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the positions (n, 4) of the labelled pixels along t, z, y and x, in their order, and their labels.

    Raises
    ------
    ImageMismatchError
        If a block of labels is not inside the image.
    """
    check_labels_inside(labelled)
    positions = [np.argwhere(block.labels) + block.start for block in labelled.blocks]
    labels = [block.labels[block.labels != 0].astype(np.uint8) for block in labelled.blocks]
    at = np.concatenate([np.empty((0, 4), np.int64), *positions])
    order = np.lexsort(at.T[::-1])
    return at[order], np.concatenate([np.empty(0, np.uint8), *labels])[order]


def check_labels_inside(labelled: LabelledImage) -> None:
    """Check that all labels are inside their image.

    Raises
    ------
    ImageMismatchError
        If a block of labels is not.
    """
    size = [labelled.image.extents[key] for key in SPATIAL]
    for block in labelled.blocks:
        if any(a + n > limit for a, n, limit in zip(block.start, block.labels.shape, size, strict=True)):
            raise ImageMismatchError(
                f"There are labels outside '{labelled.image.location}', which has {count(size[2], 'row')} and "
                f"{count(size[3], 'column')}. Give the image that was labelled.",
                setting="labels",
            )


def check_training_image(image: Image, selection: FeatureSelection, n_channels: int) -> None:
    """Check that features can be computed of an image.

    Raises
    ------
    ImageMismatchError
        If it has other channels, or is too small for a feature.
    """
    if image.extents["c"] != n_channels:
        raise ImageMismatchError(
            f"'{image.location}' has {count(image.extents['c'], 'channel')}, but other images have {n_channels}. "
            "All images of a classifier need the same channels.",
            setting="channels",
        )
    try:
        selection.check_extents(*(image.extents[key] for key in "zyx"))
    except BatchPredictionError as error:
        raise ImageMismatchError(f"'{image.location}': {error}", setting="features") from error


def _parts(images: Sequence[LabelledImage], examples: Examples) -> list[_Part]:
    if not len(examples):
        return []
    keys = (examples.image, *(examples.positions // _PART).T)
    code = np.ravel_multi_index(keys, [int(key.max()) + 1 for key in keys])
    _, part_of_row = np.unique(code, return_inverse=True)
    order = np.argsort(part_of_row, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(part_of_row))[:-1])
    return [_Part(images[int(examples.image[rows[0]])].image, rows) for rows in groups]


def _features(
    image: Image, positions: NDArray[np.int64], selection: FeatureSelection, predictor: Predictor
) -> NDArray[np.float32]:
    """Return the features of pixels of one time point that lie near each other."""
    first, last = positions.min(0).tolist(), positions.max(0).tolist()
    z, y, x = (slice(a, b + 1) for a, b in zip(first[1:], last[1:], strict=True))
    around, _ = Tile(first[0], z, y, x).with_context(image.extents, Context(*selection.context))
    block = image.read_czyx(first[0], *around)
    return predictor.features_at(block, positions[:, 1:] - [side.start for side in around])
