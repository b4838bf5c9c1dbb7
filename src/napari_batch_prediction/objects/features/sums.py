"""What the passes over an image sum up for each object: the arrays, and which of them a feature needs.

An array that is not needed has no rows; the compiled passes leave out what it would hold.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.names import N_BINS


class FirstSums(NamedTuple):
    """Sums of the first pass: float64, a row for each object; of matrices the lower triangle, row by row.

    Attributes
    ----------
    place
        (objects, 1 + dims): number of pixels, sum of their coordinates x, y and, in 3D, z.
    box
        (objects, 2, dims): smallest and largest coordinates.
    scatter
        (objects, dims * (dims + 1) / 2): scatter of the coordinates.
    values
        (objects, channels, 3): sum, smallest and largest of the pixels' values.
    deviation
        (objects, channels): squared differences to the mean.
    covariance
        (objects, channels * (channels + 1) / 2): scatter of the channels.
    weights
        (objects, 1 + dims + dims * (dims + 1) / 2): sum of the values, of the coordinates times the value, and the
        scatter of the coordinates weighted with the values.
    extremes
        (objects, 2, 1 + dims): smallest value and its coordinates, largest value and its coordinates.
    """

    place: NDArray[np.float64]
    box: NDArray[np.float64]
    scatter: NDArray[np.float64]
    values: NDArray[np.float64]
    deviation: NDArray[np.float64]
    covariance: NDArray[np.float64]
    weights: NDArray[np.float64]
    extremes: NDArray[np.float64]


class SecondSums(NamedTuple):
    """What the second pass reads of the first, and its sums: float64, a row for each object.

    Attributes
    ----------
    mean
        (objects, channels): mean values.
    moments
        (objects, 2, channels): sums of third and fourth powers of the differences to the mean.
    center, axes, axis_moments
        (objects, dims), (objects, dims, dims), (objects, 2, dims): mean coordinates, axes as columns, and the sums of
        third and fourth powers of what the centred coordinates are along the axes.
    weighted_center, weighted_axes, weighted_moments
        The same, weighted with the values.
    channel_axes, channel_moments, channel_range
        (objects, channels, channels), (objects, 2, channels), (objects, 2, channels): axes of the scatter of the
        channels; sums of third and fourth powers of what the centred values are along them, and the extremes of that.
    first_bin, bins_per_value
        (objects,): the start of the histogram, and the bins for each unit of the value.
    histogram
        uint32 (objects, 64).
    """

    mean: NDArray[np.float64]
    moments: NDArray[np.float64]
    center: NDArray[np.float64]
    axes: NDArray[np.float64]
    axis_moments: NDArray[np.float64]
    weighted_center: NDArray[np.float64]
    weighted_axes: NDArray[np.float64]
    weighted_moments: NDArray[np.float64]
    channel_axes: NDArray[np.float64]
    channel_moments: NDArray[np.float64]
    channel_range: NDArray[np.float64]
    first_bin: NDArray[np.float64]
    bins_per_value: NDArray[np.float64]
    histogram: NDArray[np.uint32]


_PLACE = {"Count", "RegionCenter", "Coord<PowerSum<1>>"}
_BOX = {"Coord<Minimum>", "Coord<Maximum>"}
_VALUES = {"Sum", "Mean", "Minimum", "Maximum", "Global<Minimum>", "Global<Maximum>"}
_DEVIATION = {"Variance", "Central<PowerSum<2>>"}
_MOMENTS = {"Skewness", "Kurtosis", "Central<PowerSum<3>>", "Central<PowerSum<4>>"}
_SCATTER = {
    "RegionRadii",
    "RegionAxes",
    "Coord<Principal<PowerSum<2>>>",
    "Coord<DivideByCount<Principal<PowerSum<2>>>>",
}
_AXIS_MOMENTS = {
    "Coord<Principal<PowerSum<3>>>",
    "Coord<Principal<PowerSum<4>>>",
    "Coord<Principal<Skewness>>",
    "Coord<Principal<Kurtosis>>",
}
_EXTREMES = {"Coord<ArgMinWeight>", "Coord<ArgMaxWeight>"}
_WEIGHTED = {
    "Weighted<PowerSum<0>>",
    "Weighted<Coord<PowerSum<1>>>",
    "Weighted<RegionCenter>",
    "Weighted<RegionRadii>",
    "Weighted<RegionAxes>",
    "Weighted<Coord<Principal<PowerSum<2>>>>",
    "Weighted<Coord<DivideByCount<Principal<PowerSum<2>>>>>",
}
_WEIGHTED_MOMENTS = {
    "Weighted<Coord<Principal<PowerSum<3>>>>",
    "Weighted<Coord<Principal<PowerSum<4>>>>",
    "Weighted<Coord<Principal<Skewness>>>",
    "Weighted<Coord<Principal<Kurtosis>>>",
}
_COVARIANCE = {"Covariance", "Principal<PowerSum<2>>", "Principal<Variance>", "PrincipalAxes"}
_CHANNEL_MOMENTS = {
    "Principal<Minimum>",
    "Principal<Maximum>",
    "Principal<PowerSum<3>>",
    "Principal<PowerSum<4>>",
    "Principal<Skewness>",
    "Principal<Kurtosis>",
}
_HISTOGRAM = {"Histogram", "Quantiles"}


class Needs(NamedTuple):
    """Which sums are needed; see :class:`FirstSums` and :class:`SecondSums`."""

    box: bool
    scatter: bool
    values: bool
    deviation: bool
    covariance: bool
    weights: bool
    extremes: bool
    moments: bool
    axis_moments: bool
    weighted_moments: bool
    channel_moments: bool
    histogram: bool

    @property
    def pixel_values(self) -> bool:
        """True if the values of pixels are needed."""
        return self.values or self.weights or self.extremes

    @property
    def second_pass(self) -> bool:
        """True if a second pass is needed."""
        return self.moments or self.axis_moments or self.weighted_moments or self.channel_moments or self.histogram


def needs(names: Iterable[str]) -> Needs:
    """Return which sums these standard features need, beside number and place of the pixels."""
    wanted = set(names)

    def any_of(*groups: set[str]) -> bool:
        return any(wanted & group for group in groups)

    return Needs(
        box=any_of(_BOX),
        scatter=any_of(_SCATTER, _AXIS_MOMENTS),
        values=any_of(_VALUES, _DEVIATION, _MOMENTS, _COVARIANCE, _CHANNEL_MOMENTS, _HISTOGRAM),
        deviation=any_of(_DEVIATION, _MOMENTS),
        covariance=any_of(_COVARIANCE, _CHANNEL_MOMENTS),
        weights=any_of(_WEIGHTED, _WEIGHTED_MOMENTS),
        extremes=any_of(_EXTREMES),
        moments=any_of(_MOMENTS),
        axis_moments=any_of(_AXIS_MOMENTS),
        weighted_moments=any_of(_WEIGHTED_MOMENTS),
        channel_moments=any_of(_CHANNEL_MOMENTS),
        histogram=any_of(_HISTOGRAM),
    )


_FLOAT32_MAX = float(np.finfo(np.float32).max)
_FLOAT64_MAX = float(np.finfo(np.float64).max)


def first_sums(n: int, n_channels: int, n_dims: int, need: Needs) -> FirstSums:
    """Return the sums of the first pass for so many objects, before any pixel."""
    triangle = n_dims * (n_dims + 1) // 2
    sums = FirstSums(
        place=np.zeros((n, 1 + n_dims)),
        box=np.zeros((n * need.box, 2, n_dims)),
        scatter=np.zeros((n * need.scatter, triangle)),
        values=np.zeros((n * need.values, n_channels, 3)),
        deviation=np.zeros((n * need.deviation, n_channels)),
        covariance=np.zeros((n * need.covariance, n_channels * (n_channels + 1) // 2)),
        weights=np.zeros((n * need.weights, 1 + n_dims + triangle)),
        extremes=np.zeros((n * need.extremes, 2, 1 + n_dims)),
    )
    sums.box[:, 0] = np.inf
    sums.box[:, 1] = -np.inf
    # The extremes of no value, or of NaN alone, are these, as in ilastik.
    sums.values[:, :, 1] = _FLOAT32_MAX
    sums.values[:, :, 2] = -_FLOAT32_MAX
    sums.extremes[:, 0, 0] = _FLOAT64_MAX
    sums.extremes[:, 1, 0] = -_FLOAT64_MAX
    return sums


def no_second_sums(n_channels: int, n_dims: int) -> SecondSums:
    """Return sums of the second pass that need nothing, to be replaced by those that are needed."""
    return SecondSums(
        mean=np.zeros((0, n_channels)),
        moments=np.zeros((0, 2, n_channels)),
        center=np.zeros((0, n_dims)),
        axes=np.zeros((0, n_dims, n_dims)),
        axis_moments=np.zeros((0, 2, n_dims)),
        weighted_center=np.zeros((0, n_dims)),
        weighted_axes=np.zeros((0, n_dims, n_dims)),
        weighted_moments=np.zeros((0, 2, n_dims)),
        channel_axes=np.zeros((0, n_channels, n_channels)),
        channel_moments=np.zeros((0, 2, n_channels)),
        channel_range=np.zeros((0, 2, n_channels)),
        first_bin=np.zeros(0),
        bins_per_value=np.zeros(0),
        histogram=np.zeros((0, N_BINS), np.uint32),
    )


def channel_range(n: int, n_channels: int) -> NDArray[np.float64]:
    """Return the extremes along the axes of the channels before any pixel."""
    extremes = np.empty((n, 2, n_channels))
    extremes[:, 0] = _FLOAT64_MAX
    extremes[:, 1] = -_FLOAT64_MAX
    return extremes
