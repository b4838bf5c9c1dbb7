"""From smoothed values to objects by one threshold, by hysteresis, or by identity-preserving hysteresis."""

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.objects.boxes import boxes, in_order
from napari_batch_prediction.objects.components import Inside, Pieces, connect, join, label, overlaps
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.objects.smoothing import Smoothing
from napari_batch_prediction.objects.volume import ArrayVolume, Volume
from napari_batch_prediction.simd.kernel import Kernel

_flood = Kernel("napari_batch_prediction.objects.loops.flooding", "flood")

BYTES_TO_FLOOD = 32
"""Bytes a pixel that identity-preserving hysteresis takes: values of two channels, cost, labels, and the heap."""


class Smoothed:
    """The values that thresholds are compared with.

    Parameters
    ----------
    values
        Probabilities.
    settings
        The settings.
    inside
        Where objects may be; everywhere if None. Elsewhere no value reaches a threshold, though smoothing carries
        probabilities there.
    """

    def __init__(self, values: Volume, settings: Thresholds, inside: Inside | None = None) -> None:
        self.shape = values.shape[1:]
        self.inside = inside
        self._volume, self._settings = values, settings
        self._smoothing = Smoothing(settings.sigmas, self.shape)

    def read(self, box: Box) -> NDArray[np.float32]:
        """Return the values (z, y, x) of a box, one channel or the sum of two."""
        return self.read_both(box)[0]

    def read_both(self, box: Box) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the values of a box and those in which cores are looked for."""
        first, *others = (self._smoothing.read(self._volume, channel, box) for channel in self._settings.channels)
        if others:
            return self._inside(box, first + others[0]), self._inside(box, others[0])
        first = self._inside(box, first)
        return first, first

    def _inside(self, box: Box, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return values if self.inside is None else np.where(self.inside(box), values, np.float32(-np.inf))


def simple(smoothed: Smoothed, settings: Thresholds, labels: Volume, workers: int) -> Pieces:
    """Return the components of what reaches the threshold."""
    threshold = np.float32(settings.threshold)
    return connect(lambda box: smoothed.read(box) >= threshold, labels, workers)


def hysteresis(
    smoothed: Smoothed,
    settings: Thresholds,
    labels: Volume,
    cores: Volume,
    sizes: tuple[float, float],
    workers: int,
) -> Pieces:
    """Return the components of what reaches the threshold, of which those that hold a core are kept.

    Parameters
    ----------
    smoothed, settings, labels, workers
        Values, settings, what takes the numbers, number of threads.
    cores
        Takes the numbers of cores.
    sizes
        The smallest and the largest size of a core.
    """
    low, high = np.float32(settings.threshold), np.float32(settings.core_threshold)

    def look(box: Box) -> list[tuple[NDArray[np.uint32], int]]:
        values, core = smoothed.read_both(box)
        return [label(core >= high), label(values >= low)]

    core_pieces, pieces = Pieces(cores), Pieces(labels)
    # A number of a core and one of a component that has a pixel of it.
    held: list[NDArray[np.uint32]] = []
    for box, (core_labels, mask_labels) in in_order(look, boxes(smoothed.shape), workers):
        offsets = np.array([core_pieces.n_pieces, pieces.n_pieces], np.uint32)
        pairs = overlaps(core_labels[0], mask_labels[0])
        held.append(pairs + offsets)
        join(core_pieces, box, *core_labels)
        join(pieces, box, *mask_labels)
    core_pieces.unite()
    pieces.unite()
    large_enough = core_pieces.of_size(*sizes)[core_pieces.parents]
    pairs = np.concatenate(held)
    has_core = np.zeros(pieces.n_pieces + 1, bool)
    has_core[pieces.parents[pairs[large_enough[pairs[:, 0]], 1]]] = True
    pieces.keep(has_core)
    return pieces


def identity_preserving(
    smoothed: Smoothed, settings: Thresholds, labels: Volume, sizes: tuple[float, float], workers: int
) -> Pieces:
    """Return the objects that grow from cores; it needs the whole volume in memory.

    ilastik invents objects where there is no core at all; here there are none.
    """
    shape = smoothed.shape
    values = np.empty(shape, np.float32)
    grown = np.zeros(shape, np.uint32)
    high, low = np.float32(settings.core_threshold), np.float32(settings.threshold)

    def look(box: Box) -> NDArray[np.bool_]:
        values[box], core = smoothed.read_both(box)
        return core >= high

    cores = connect(look, ArrayVolume(grown[None]), workers)
    cores.keep(cores.of_size(*sizes))
    if cores.number():
        cores.write(cores.labels, workers)
        highest = values.max()
        np.subtract(highest, values, out=values)
        _flood(values, grown, highest - low)
    else:
        grown[:] = 0
    inside = smoothed.inside
    return connect(
        lambda box: grown[box] if inside is None else np.where(inside(box), grown[box], 0), labels, workers, flat=False
    )
