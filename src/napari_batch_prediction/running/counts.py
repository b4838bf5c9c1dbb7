"""Counting objects: sums of a density over all tiles of an image."""

import threading

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.records.ledger import Table
from napari_batch_prediction.running.task import Measurement


class Tally:
    """Sums a density at each time point, over the whole image and over a region.

    Sums are of whole numbers, so that they do not depend on the tiles or their order.

    Parameters
    ----------
    measurement
        The density and the region.
    n_times
        Number of time points.
    """

    def __init__(self, measurement: Measurement, n_times: int) -> None:
        self.measurement = measurement
        self._region = measurement.region
        self._whole = [0] * n_times
        self._in_region = [0] * n_times
        self._lock = threading.Lock()

    def add(self, tile: Tile, density: NDArray) -> None:
        """Add the densities ``(1, z, y, x)`` of a tile; called from several threads."""
        whole = exact_sum(density)
        inside = density[(slice(None), *(self._overlap(key, getattr(tile, key)) for key in "zyx"))]
        # Most tiles are entirely inside or outside the region.
        in_region = whole if inside.size == density.size else exact_sum(inside) if inside.size else 0
        with self._lock:
            self._whole[tile.t] += whole
            self._in_region[tile.t] += in_region

    def _overlap(self, key: str, extent: slice) -> slice:
        """Return the part of a tile's extent along an axis that is in the region, relative to the tile's start."""
        start, stop = self._region[key]
        return slice(max(start - extent.start, 0), max(min(stop, extent.stop) - extent.start, 0))

    def table(self) -> Table:
        """Return the table of a time point, the sum over the whole image and the sum over the region in each row."""
        first, last = self._region["t"]
        sums = enumerate(zip(self._whole, self._in_region, strict=True))
        rows = ((t, whole / UNIT, inside / UNIT if first <= t < last else None) for t, (whole, inside) in sums)
        return Table(COUNT_COLUMNS, tuple(rows))
