"""Tables of one image: sums over all of its tiles."""

import threading
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS
from napari_batch_prediction.classifiers.derived import AREA_COLUMNS, AREAS
from napari_batch_prediction.engine import areas
from napari_batch_prediction.engine.counting import UNIT, exact_sum
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.formats.table.writer import Cell
from napari_batch_prediction.images.physical import pixel_measure
from napari_batch_prediction.planning.inputs.inspection import ImageInfo
from napari_batch_prediction.records.ledger import Table
from napari_batch_prediction.running.task import Measurement


class Tally(Protocol):
    """Makes a table of an image whose tiles come in any order, from several threads."""

    measurement: Measurement

    def add(self, tile: Tile, values: NDArray) -> None:
        """Add the values ``(channels, z, y, x)`` of a tile."""

    def table(self) -> Table:
        """Return the table, once all tiles have come."""


def make_tally(measurement: Measurement, image: ImageInfo) -> Tally:
    """Return the tally of a measurement of an image."""
    if measurement.table == COUNTS:
        return CountTally(measurement, image.extents["t"])
    if measurement.table == AREAS:
        return AreaTally(measurement, image)
    raise ValueError(f"{measurement.table} is not made of single tiles.")


class _InRegion:
    """The part of tiles in the region of a measurement."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self._region = measurement.region
        self._lock = threading.Lock()

    def _inside(self, tile: Tile, values: NDArray) -> NDArray:
        """Return the values of a tile in the region, whatever its time point."""
        inside: NDArray = values[(slice(None), *(self._overlap(key, getattr(tile, key)) for key in "zyx"))]
        return inside

    def _overlap(self, key: str, extent: slice) -> slice:
        """Return the part of a tile's extent along an axis that is in the region, relative to the tile's start."""
        start, stop = self._region[key]
        return slice(max(start - extent.start, 0), max(min(stop, extent.stop) - extent.start, 0))


class CountTally(_InRegion):
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
        super().__init__(measurement)
        self._whole = [0] * n_times
        self._in_region = [0] * n_times

    def add(self, tile: Tile, density: NDArray) -> None:
        """Add the densities ``(1, z, y, x)`` of a tile; called from several threads."""
        whole = exact_sum(density)
        inside = self._inside(tile, density)
        # Most tiles are entirely inside or outside the region.
        in_region = whole if inside.size == density.size else exact_sum(inside) if inside.size else 0
        with self._lock:
            self._whole[tile.t] += whole
            self._in_region[tile.t] += in_region

    def table(self) -> Table:
        """Return the table of a time point, the sum over the whole image and the sum over the region in each row."""
        first, last = self._region["t"]
        sums = enumerate(zip(self._whole, self._in_region, strict=True))
        rows = ((t, whole / UNIT, inside / UNIT if first <= t < last else None) for t, (whole, inside) in sums)
        return Table(COUNT_COLUMNS, tuple(rows))


class AreaTally(_InRegion):
    """Adds up the pixels of each class at each time point in a region, with their probability and uncertainty.

    Sums are of whole numbers, so that they do not depend on the tiles or their order.

    Parameters
    ----------
    measurement
        The probabilities and the region.
    image
        The image, of which the size of a pixel is used.
    """

    def __init__(self, measurement: Measurement, image: ImageInfo) -> None:
        super().__init__(measurement)
        self._pixel = pixel_measure(image.extents, image.pixel_size, image.units)
        first, last = self._region["t"]
        self._sums = {t: np.zeros((3, len(measurement.classes)), object) for t in range(first, last)}

    def add(self, tile: Tile, probabilities: NDArray) -> None:
        """Add the probabilities ``(classes, z, y, x)`` of a tile; called from several threads."""
        inside = self._inside(tile, probabilities)
        if tile.t not in self._sums or inside.size == 0:
            return
        sums = areas.class_sums(inside).astype(object)  # whole numbers of Python, which have no largest
        with self._lock:
            self._sums[tile.t] += sums

    def table(self) -> Table:
        """Return the table, a row for each class at each time point."""
        return Table(AREA_COLUMNS, tuple(row for t, sums in self._sums.items() for row in self._rows(t, sums)))

    def _rows(self, t: int, sums: NDArray) -> Iterator[tuple[Cell, ...]]:
        pixels, likely, unsure = sums.tolist()
        total = sum(pixels)
        for k, name in enumerate(self.measurement.classes):
            n = pixels[k]
            size = None if self._pixel.value is None else n * self._pixel.value
            yield (
                t,
                name,
                n,
                n / total if total else None,
                None if self._pixel.is_volume else size,
                size if self._pixel.is_volume else None,
                self._pixel.unit,
                likely[k] / (n * areas.UNIT) if n else None,
                unsure[k] / (n * areas.UNIT) if n else None,
            )
