"""Counts: sums of a density over whole images, cut into any tiles."""

import threading

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.records.ledger import Table
from napari_batch_prediction.running.task import Measurement


class Tally:
    """Adds up a density, time point by time point.

    Sums are made of whole numbers, so that neither the tiles nor their order change them.

    Parameters
    ----------
    measurement
        The density to add up, and the part that is also counted apart.
    n_times
        Number of time points.
    """

    def __init__(self, measurement: Measurement, n_times: int) -> None:
        self.measurement = measurement
        self._region = measurement.region
        self._whole = [0] * n_times
        self._part = [0] * n_times
        self._lock = threading.Lock()

    def add(self, tile: Tile, density: NDArray) -> None:
        """Add the densities ``(1, z, y, x)`` of a tile; called from several threads."""
        whole = exact_sum(density)
        inside = density[(slice(None), *(self._overlap(key, getattr(tile, key)) for key in "zyx"))]
        # Most tiles lie inside the region, or outside.
        part = whole if inside.size == density.size else exact_sum(inside) if inside.size else 0
        with self._lock:
            self._whole[tile.t] += whole
            self._part[tile.t] += part

    def _overlap(self, key: str, part: slice) -> slice:
        """Return the pixels of a tile along an axis that are in the region, counted from the tile's first."""
        start, stop = self._region[key]
        return slice(max(start - part.start, 0), max(min(stop, part.stop) - part.start, 0))

    def table(self) -> Table:
        """Return the sums over the whole image and over the region, time point by time point."""
        first, last = self._region["t"]
        sums = enumerate(zip(self._whole, self._part, strict=True))
        rows = ((t, whole / UNIT, part / UNIT if first <= t < last else None) for t, (whole, part) in sums)
        return Table(COUNT_COLUMNS, tuple(rows))
