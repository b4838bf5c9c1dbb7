"""Runs: the pixels of an object in a row, taken out of an image with their values.

Passes over the image go through runs, so that what is no object is looked at once, and only values of objects are
converted.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.slabs import SLAB_BYTES, slabs
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_gather = Kernel("napari_batch_prediction.objects.features.loops.runs", "gather")

# So many pixels of objects are worked on at once: they stay in the cache of a core.
_MOST_PIXELS = 2**18
_MOST_RUNS = 2**15

# Runs of an image are kept for the next pass if they take no more than so many bytes.
_MOST_KEPT = 2**26

COMPILED_TYPES = ("uint8", "uint16", "float32")
"""Types of pixels for which loops are compiled; others are converted first."""

# Loops are compiled for arrays like these; others would have them compiled again.
_AS_COMPILED: tuple[Literal["C"], Literal["W"], Literal["A"]] = ("C", "W", "A")


class Runs(NamedTuple):
    """Runs in scan order.

    Attributes
    ----------
    where
        int64 (runs, 5): number of the object, z, y, the first x and the one after the last.
    values
        float32 (channels, pixels or more): the values of all runs, one after the other.
    """

    where: NDArray[np.int64]
    values: NDArray[np.float32]


def as_labels(labels: NDArray) -> NDArray[np.uint32]:
    """Return labels (1, z, y, x) as compiled loops take them: (z, y, x)."""
    return np.require(labels[0], np.uint32, _AS_COMPILED)


def as_values(raw: NDArray) -> NDArray[np.float32]:
    """Return values as ilastik computes with them, in single precision."""
    return np.require(raw, np.float32, _AS_COMPILED)


def _all_runs(labels: Volume, raw: Volume | None, slab_bytes: int) -> Iterator[Runs]:
    """Yield the runs of an image."""
    width, n_channels = labels.shape[3], raw.shape[0] if raw is not None else 0
    # The last row may begin when there is room for nothing else.
    most_runs, most_pixels = _MOST_RUNS + width, _MOST_PIXELS // max(n_channels, 1) + width
    bytes_per_pixel = labels.dtype.itemsize + n_channels * (raw.dtype.itemsize if raw is not None else 0)
    for box in slabs(labels.shape[1:], slab_bytes // bytes_per_pixel):
        own = as_labels(labels.read(box))
        pixels = np.empty((0, *own.shape), np.float32) if raw is None else raw.read(box)
        kind = pixels.dtype.name if pixels.dtype.name in COMPILED_TYPES else "float32"
        pixels = np.require(pixels, kind, _AS_COMPILED)
        row = 0
        while row < own.shape[0] * own.shape[1]:
            where = np.empty((most_runs, 5), np.int64)
            values = np.empty((n_channels, most_pixels), np.float32)
            start = (box[0].start, box[1].start)
            row, n_runs = _gather(own, pixels, start, row, where, values)
            yield Runs(where[:n_runs], values)


class ImageRuns:
    """The runs of an image in scan order, as often as they are wanted.

    A thread of the pool reads what comes next. What is small is kept, and not read again.

    Parameters
    ----------
    labels
        Numbers of objects; its first channel is read.
    raw
        The image; without it, values have no channel.
    pool
        Where they are read.
    slab_bytes
        What a slab of the image should take.
    """

    def __init__(
        self, labels: Volume, raw: Volume | None, pool: ThreadPoolExecutor, slab_bytes: int = SLAB_BYTES
    ) -> None:
        self._labels, self._raw, self._pool, self._slab_bytes = labels, raw, pool, slab_bytes
        self._kept: list[Runs] | None = None

    def __iter__(self) -> Iterator[Runs]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Runs] = []
        n_bytes = 0
        every = _all_runs(self._labels, self._raw, self._slab_bytes)
        reading = self._pool.submit(next, every, None)
        while (runs := reading.result()) is not None:
            reading = self._pool.submit(next, every, None)
            n_bytes += runs.where.nbytes + runs.values.nbytes
            kept = [*kept, runs] if n_bytes <= _MOST_KEPT else []
            yield runs
        if n_bytes <= _MOST_KEPT:
            self._kept = kept
