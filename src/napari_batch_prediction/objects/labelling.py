"""Volumes of probabilities, binary images and label images -> volumes of numbered objects."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.objects.boxes import MOST_PIXELS, boxes, in_order
from napari_batch_prediction.objects.components import Inside, Pieces, connect
from napari_batch_prediction.objects.holes import fill_holes
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.objects.splitting import split_objects
from napari_batch_prediction.objects.thresholding import (
    BYTES_TO_FLOOD,
    Smoothed,
    hysteresis,
    identity_preserving,
    simple,
)
from napari_batch_prediction.objects.volume import ScratchVolume, Volume, close_volume

MakeVolume = Callable[[Sequence[int], DTypeLike], Volume]
"""Makes a volume of zeros of a shape (c, z, y, x) and a type."""

# Values of two channels with their surroundings, in single and double precision, masks, labels and their parents.
_BYTES_OF_A_PIXEL = 60
# Pieces of objects: parent, size, first pixel, number, and what is written while they are made of others.
BYTES_OF_AN_OBJECT = 48


def label_objects(
    values: Volume,
    settings: Thresholds,
    labels: Volume,
    *,
    scratch: MakeVolume = ScratchVolume,
    pixel_size: Sequence[float] = (1.0, 1.0, 1.0),
    workers: int = 1,
    inside: Inside | None = None,
) -> int:
    """Make objects of probabilities, and return how many there are.

    They are numbered from 1 by their first pixel, x fastest, then y, then z: the same numbers, whatever the number of
    threads.

    Parameters
    ----------
    values
        Probabilities of one time point.
    settings
        What makes objects of them.
    labels
        Takes the numbers of the objects: one channel of uint32.
    scratch
        Makes volumes for what comes between.
    pixel_size
        Size of a pixel along z, y and x, in the image's unit.
    workers
        Number of threads.
    inside
        Where objects may be; everywhere if None.

    Raises
    ------
    ImageMismatchError
        If there are fewer channels than the settings name, or the image is narrower than the Gaussian.
    MissingLibraryError
        If objects are to be split, and scipy is not installed.
    """
    n_channels, *shape = values.shape
    check_channels(n_channels, settings)
    sizes = settings.size_range(shape, pixel_size)
    smoothed = Smoothed(values, settings, inside)
    if settings.method == "hysteresis":
        with _made(scratch, labels) as cores:
            pieces = hysteresis(smoothed, settings, labels, cores, sizes, workers)
    elif settings.method == "ipht":
        pieces = identity_preserving(smoothed, settings, labels, sizes, workers)
    else:
        pieces = simple(smoothed, settings, labels, workers)
    if settings.fill_holes:
        with _made(scratch, labels) as background:
            pieces = fill_holes(pieces, background, workers, inside)
    if not settings.split:
        return _finish(pieces, settings, sizes, labels, workers)
    with _made(scratch, labels) as parts:
        pieces = split_objects(pieces, parts, settings.split, pixel_size, workers)
        return _finish(pieces, settings, sizes, labels, workers)


def _finish(pieces: Pieces, settings: Thresholds, sizes: tuple[float, float], labels: Volume, workers: int) -> int:
    pieces.keep(pieces.of_size(*sizes))
    if not settings.keep_border:
        pieces.keep(~pieces.on_border)
    n = pieces.number()
    pieces.write(labels, workers)
    return n


def label_components(values: Volume, labels: Volume, *, workers: int = 1) -> int:
    """Make objects of the connected pixels of equal value, other than 0, in a binary image; return how many there are.

    Parameters
    ----------
    values
        The image, of which the first channel is taken: whole numbers, bool or floats. NaN counts as background.
    labels, workers
        See :func:`label_objects`.
    """

    def values_of(box: Box) -> NDArray[np.uint32]:
        return _as_uint32(values.read(box, slice(0, 1))[0])

    pieces = connect(values_of, labels, workers, flat=False)
    n = pieces.number()
    pieces.write(labels, workers)
    return n


def renumber_labels(values: Volume, labels: Volume, *, workers: int = 1) -> NDArray:
    """Give new numbers to the objects of a label image, from 1 in the order of their first pixels.

    Pixels of one number are one object, even if they are not connected; 0 is background.

    Parameters
    ----------
    values
        The label image, of which the first channel is taken: whole numbers.
    labels, workers
        See :func:`label_objects`.

    Returns
    -------
    The number that each object has in the label image, by its new number; 0 for the background.
    """
    if values.dtype.kind not in "biu":
        raise ImageMismatchError(
            f"The label image is {values.dtype}, expected whole numbers. Save the labels as integers."
        )
    shape = values.shape[1:]

    def look(box: Box) -> tuple[NDArray, NDArray[np.int64]]:
        part = values.read(box, slice(0, 1))[0]
        heads = _heads(part)
        found, at = np.unique(part.ravel()[heads], return_index=True)
        inside = np.unravel_index(heads[at], part.shape)
        starts = (index + sides.start for index, sides in zip(inside, box, strict=True))
        return found, np.ravel_multi_index(tuple(starts), shape)

    seen = [found for _, found in in_order(look, boxes(shape), workers)]
    numbers, firsts = (np.concatenate(arrays) for arrays in zip(*seen, strict=True))
    # Sorted by number, then by position: the first of each is where it comes first.
    order = np.lexsort((firsts, numbers))
    numbers, at = np.unique(numbers[order], return_index=True)
    firsts = np.where(numbers == 0, -1, firsts[order][at])
    ranks = np.empty(len(numbers), np.uint32)
    ranks[np.argsort(firsts)] = np.arange(len(numbers), dtype=np.uint32) + (0 if (numbers == 0).any() else 1)

    def renumber(box: Box) -> None:
        part = values.read(box, slice(0, 1))[0]
        heads = _heads(part)
        new = ranks[np.searchsorted(numbers, part.ravel()[heads])]
        lengths = np.diff(heads, append=part.size)
        labels.write(box, np.repeat(new, lengths).reshape(part.shape)[None])

    for _ in in_order(renumber, boxes(shape), workers):
        pass
    originals = np.zeros(int(ranks.max()) + 1, values.dtype if values.dtype != bool else np.uint8)
    originals[ranks] = numbers
    return originals


def labelling_memory(settings: Thresholds, shape: Sequence[int], workers: int = 1) -> int:
    """Return the bytes that :func:`label_objects` takes beside its volumes, without those of objects.

    Objects take ``BYTES_OF_AN_OBJECT`` each; splitting also takes the slices, or rows in 2D, of the largest object.
    """
    z, y, x = shape
    of_boxes = _BYTES_OF_A_PIXEL * min(z * y * x, max(MOST_PIXELS, x)) * (1 if workers == 1 else 3 * workers)
    if settings.method == "ipht":
        return of_boxes + BYTES_TO_FLOOD * z * y * x
    return of_boxes * (3 if settings.split else 1)


def check_channels(n_channels: int, settings: Thresholds) -> None:
    """Check that there are the channels that objects are made of.

    Raises
    ------
    ImageMismatchError
        If there are fewer.
    """
    highest = max(settings.channels)
    if highest >= n_channels:
        raise ImageMismatchError(
            f"Objects are made of channel {highest + 1}, but the probabilities have {n_channels}. Use the "
            "probabilities of all classes."
        )


@contextmanager
def _made(scratch: MakeVolume, labels: Volume) -> Iterator[Volume]:
    """Make a volume for labels, and close it in the end if it can be."""
    volume = scratch(labels.shape, np.uint32)
    try:
        yield volume
    finally:
        close_volume(volume)


def _heads(values: NDArray) -> NDArray[np.intp]:
    """Return the positions at which another value begins, in the order of the pixels."""
    flat = values.ravel()
    return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(flat[1:] != flat[:-1]) + 1])


def _as_uint32(values: NDArray) -> NDArray[np.uint32]:
    """Return values as numbers that are equal where the values are, and 0 where these are 0 or NaN."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f":
        single = np.where(np.isnan(values) | (values == 0), 0, values).astype(np.float32)
        return single.view(np.uint32)
    if kind == "u" and size == np.dtype(np.uint32).itemsize:
        return values
    if kind == "b" or size < np.dtype(np.uint64).itemsize:
        return values.astype(np.uint32)
    if values.size and not -(2**31) <= values.min() <= values.max() < 2**32:
        raise ImageMismatchError(
            f"The binary image has values from {values.min()} to {values.max()}, expected at most {2**32 - 1}. Save it "
            "with smaller numbers."
        )
    return values.astype(np.uint32)
