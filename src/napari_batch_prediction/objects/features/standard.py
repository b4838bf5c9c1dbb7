"""ilastik's standard features of objects, from sums over two passes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.eigensystem import eigensystems
from napari_batch_prediction.objects.features.names import N_BINS
from napari_batch_prediction.objects.features.quantiles import bins, quantiles
from napari_batch_prediction.objects.features.runs import ImageRuns
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.features.sums import (
    FirstSums,
    SecondSums,
    channel_range,
    first_sums,
    needs,
    no_second_sums,
)
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_add_first = Kernel("napari_batch_prediction.objects.features.loops.first_pass", "add_first")
_add_second = Kernel("napari_batch_prediction.objects.features.loops.second_pass", "add_second")

Values = NDArray[np.float64]


class StandardSums:
    """The sums over the pixels of objects, and the features that they give.

    Fill ``first`` with the first pass, call :meth:`begin_second`, fill ``second``, and ask for values.

    Parameters
    ----------
    n
        Number of objects.
    n_channels, n_dims
        Of the image.
    names
        The features that are wanted.
    """

    def __init__(self, n: int, n_channels: int, n_dims: int, names: Iterable[str]) -> None:
        self.needs = needs(names)
        self.n, self.n_channels, self.n_dims = n, n_channels, n_dims
        self.first = first_sums(n, n_channels, n_dims, self.needs)
        self.second = no_second_sums(n_channels, n_dims)

    def begin_second(self, range_of_each: bool = False) -> None:
        """Prepare the second pass when the first is done.

        Parameters
        ----------
        range_of_each
            True if a histogram has the range of its object, not that of all objects together.
        """
        n, n_channels, n_dims = self.n, self.n_channels, self.n_dims
        need, second = self.needs, self.second
        if need.moments or need.channel_moments:
            second = second._replace(mean=np.ascontiguousarray(self._mean))
        if need.moments:
            second = second._replace(moments=np.zeros((n, 2, n_channels)))
        if need.axis_moments:
            second = second._replace(center=self._center, axes=self._axes[1], axis_moments=np.zeros((n, 2, n_dims)))
        if need.weighted_moments:
            second = second._replace(
                weighted_center=np.where(self._weight == 0, np.nan, self._weighted_center),
                weighted_axes=self._weighted_axes[1],
                weighted_moments=np.zeros((n, 2, n_dims)),
            )
        if need.channel_moments:
            second = second._replace(
                channel_axes=self._channel_axes[1],
                channel_moments=np.zeros((n, 2, n_channels)),
                channel_range=channel_range(n, n_channels),
            )
        if need.histogram:
            own = self.first.values[:, 0]
            first_bin, bins_per_value = bins(own[:, 1], own[:, 2]) if range_of_each else bins(*self._range)
            second = second._replace(
                first_bin=np.full(n, first_bin),
                bins_per_value=np.full(n, bins_per_value),
                histogram=np.zeros((n, N_BINS), np.uint32),
            )
        self.second = second

    def values(self, name: str) -> Values:
        """Return a feature: float64 (objects, columns)."""
        with np.errstate(all="ignore"):
            values = _FORMULAS[name](self)
        return values.reshape(self.n, prod(values.shape[1:]))

    @property
    def _count(self) -> Values:
        return self.first.place[:, :1]

    @property
    def _center(self) -> Values:
        return self._divide(self.first.place[:, 1:], self._count)

    @property
    def _mean(self) -> Values:
        return self._divide(self.first.values[:, :, 0], self._count)

    @property
    def _weight(self) -> Values:
        return self.first.weights[:, :1]

    @property
    def _weighted_center(self) -> Values:
        return self._divide(self.first.weights[:, 1 : 1 + self.n_dims], self._weight)

    @cached_property
    def _axes(self) -> tuple[Values, Values]:
        return eigensystems(self.first.scatter, self.n_dims)

    @cached_property
    def _weighted_axes(self) -> tuple[Values, Values]:
        return eigensystems(np.ascontiguousarray(self.first.weights[:, 1 + self.n_dims :]), self.n_dims)

    @cached_property
    def _channel_axes(self) -> tuple[Values, Values]:
        return eigensystems(self.first.covariance, self.n_channels)

    @property
    def _range(self) -> tuple[Values, Values]:
        """The smallest and the largest value of all objects together."""
        present = self.first.place[:, 0] > 0
        values = self.first.values[:, 0]
        return values[:, 1].min(initial=np.inf, where=present), values[:, 2].max(initial=-np.inf, where=present)

    def _matrix(self, triangle: Values) -> Values:
        """Return symmetric matrices, row by row, from their lower triangles."""
        size = self.n_channels
        lower = np.tril_indices(size)
        matrix = np.empty((self.n, size, size))
        matrix[:, lower[0], lower[1]] = triangle
        matrix[:, lower[1], lower[0]] = triangle
        return matrix

    @property
    def _quantiles(self) -> Values:
        second, values = self.second, self.first.values[:, 0]
        least, most = (np.ascontiguousarray(values[:, i]) for i in (1, 2))
        count = np.ascontiguousarray(self.first.place[:, 0])
        return quantiles(second.histogram, count, least, most, second.first_bin, second.bins_per_value)

    @staticmethod
    def _divide(a: Values, b: Values) -> Values:
        with np.errstate(all="ignore"):
            return a / b


def _skewness(count: Values, second: Values, third: Values) -> Values:
    return np.sqrt(count) * third / second**1.5


def _kurtosis(count: Values, second: Values, fourth: Values) -> Values:
    return count * fourth / (second * second) - 3.0


_FORMULAS: dict[str, Callable[[StandardSums], Values]] = {
    "Count": lambda s: s._count,
    "Sum": lambda s: s.first.values[:, :, 0],
    "Mean": lambda s: s._mean,
    "Minimum": lambda s: s.first.values[:, :, 1],
    "Maximum": lambda s: s.first.values[:, :, 2],
    "Variance": lambda s: s.first.deviation / s._count,
    "Skewness": lambda s: _skewness(s._count, s.first.deviation, s.second.moments[:, 0]),
    "Kurtosis": lambda s: _kurtosis(s._count, s.first.deviation, s.second.moments[:, 1]),
    "Central<PowerSum<2>>": lambda s: s.first.deviation,
    "Central<PowerSum<3>>": lambda s: s.second.moments[:, 0],
    "Central<PowerSum<4>>": lambda s: s.second.moments[:, 1],
    "Covariance": lambda s: s._matrix(s.first.covariance / s._count),
    "Principal<PowerSum<2>>": lambda s: s._channel_axes[0],
    "Principal<Variance>": lambda s: s._channel_axes[0] / s._count,
    "PrincipalAxes": lambda s: s._channel_axes[1],
    "Principal<Minimum>": lambda s: s.second.channel_range[:, 0],
    "Principal<Maximum>": lambda s: s.second.channel_range[:, 1],
    "Principal<PowerSum<3>>": lambda s: s.second.channel_moments[:, 0],
    "Principal<PowerSum<4>>": lambda s: s.second.channel_moments[:, 1],
    "Principal<Skewness>": lambda s: _skewness(s._count, s._channel_axes[0], s.second.channel_moments[:, 0]),
    "Principal<Kurtosis>": lambda s: _kurtosis(s._count, s._channel_axes[0], s.second.channel_moments[:, 1]),
    "RegionCenter": lambda s: s._center,
    "Coord<Minimum>": lambda s: s.first.box[:, 0],
    # One beyond the last pixel, as ilastik has it.
    "Coord<Maximum>": lambda s: s.first.box[:, 1] + 1.0,
    "Coord<PowerSum<1>>": lambda s: s.first.place[:, 1:],
    "RegionRadii": lambda s: np.sqrt(s._axes[0] / s._count),
    "RegionAxes": lambda s: s._axes[1],
    "Coord<Principal<PowerSum<2>>>": lambda s: s._axes[0],
    "Coord<DivideByCount<Principal<PowerSum<2>>>>": lambda s: s._axes[0] / s._count,
    "Coord<Principal<PowerSum<3>>>": lambda s: s.second.axis_moments[:, 0],
    "Coord<Principal<PowerSum<4>>>": lambda s: s.second.axis_moments[:, 1],
    "Coord<Principal<Skewness>>": lambda s: _skewness(s._count, s._axes[0], s.second.axis_moments[:, 0]),
    "Coord<Principal<Kurtosis>>": lambda s: _kurtosis(s._count, s._axes[0], s.second.axis_moments[:, 1]),
    "Coord<ArgMinWeight>": lambda s: s.first.extremes[:, 0, 1:],
    "Coord<ArgMaxWeight>": lambda s: s.first.extremes[:, 1, 1:],
    "Weighted<PowerSum<0>>": lambda s: s._weight,
    "Weighted<Coord<PowerSum<1>>>": lambda s: s.first.weights[:, 1 : 1 + s.n_dims],
    "Weighted<RegionCenter>": lambda s: s._weighted_center,
    "Weighted<RegionRadii>": lambda s: np.sqrt(s._weighted_axes[0] / s._weight),
    "Weighted<RegionAxes>": lambda s: s._weighted_axes[1],
    "Weighted<Coord<Principal<PowerSum<2>>>>": lambda s: s._weighted_axes[0],
    "Weighted<Coord<DivideByCount<Principal<PowerSum<2>>>>>": lambda s: s._weighted_axes[0] / s._weight,
    "Weighted<Coord<Principal<PowerSum<3>>>>": lambda s: s.second.weighted_moments[:, 0],
    "Weighted<Coord<Principal<PowerSum<4>>>>": lambda s: s.second.weighted_moments[:, 1],
    "Weighted<Coord<Principal<Skewness>>>": lambda s: _skewness(
        s._weight, s._weighted_axes[0], s.second.weighted_moments[:, 0]
    ),
    "Weighted<Coord<Principal<Kurtosis>>>": lambda s: _kurtosis(
        s._weight, s._weighted_axes[0], s.second.weighted_moments[:, 1]
    ),
    "Histogram": lambda s: s.second.histogram.astype(np.float64),
    "Quantiles": lambda s: s._quantiles,
    "Global<Minimum>": lambda s: np.full(s.n, s._range[0]),
    "Global<Maximum>": lambda s: np.full(s.n, s._range[1]),
}


def standard_features(
    labels: Volume, raw: Volume, n_objects: int, names: Iterable[str], workers: int = 1, slab_bytes: int = SLAB_BYTES
) -> dict[str, Values]:
    """Return standard features of the objects of one time point, in double precision.

    The image is read once or twice, slab by slab. Values do not depend on slabs or threads: each sum takes the pixels
    of its object in scan order.

    Parameters
    ----------
    labels
        Numbers of objects, from 1 to ``n_objects``; 0 for none. Its first channel counts.
    raw
        The image, of any type, with the same extents along z, y and x.
    n_objects
        Number of objects.
    names
        ilastik's names of the features, such as ``"Mean"`` or ``"RegionRadii"``.
    workers
        Number of threads.
    slab_bytes
        What a slab should take in memory, where two are at once.

    Returns
    -------
    For each name float64 (objects, columns); row i is the object i + 1. Coordinates are in the order x, y and, if the
    image has more than one plane, z.
    """
    names = list(names)
    sums = StandardSums(n_objects, raw.shape[0], 3 if labels.shape[1] > 1 else 2, names)
    need = sums.needs
    if n_objects:
        with ThreadPoolExecutor(workers + 1) as pool:
            runs = ImageRuns(labels, raw if need.pixel_values else None, pool, slab_bytes)

            def go_through(add: Callable[..., None], into: FirstSums | SecondSums) -> None:
                for where, values in runs:
                    parts = [pool.submit(add, where, values, part, workers, into) for part in range(workers)]
                    for part in parts:
                        part.result()

            go_through(_add_first, sums.first)
            if need.second_pass:
                sums.begin_second()
                go_through(_add_second, sums.second)
    return {name: sums.values(name) for name in names}
