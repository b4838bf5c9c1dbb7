"""Transforming predicted values for an export: crop, rescale, cast, reorder, in that order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import check_axes, output_axes, reorder
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.engine.tiles import Tile
from napari_batch_prediction.errors import AxesError, SettingsError
from napari_batch_prediction.job.export import Export

# The order of predicted values, time first.
_ORDER = "tczyx"

MAX_PIXELS = 2**50
"""The most pixels that are predicted of an image: years of work for any computer."""


class ImageAxes(NamedTuple):
    """Axes of an image, and its extent along each of ``t c z y x``."""

    axes: str
    extents: Mapping[str, int]


@dataclass(frozen=True)
class Transform:
    """The transform from the values of a source to the values of an output, for one image.

    Attributes
    ----------
    axes, shape, dtype
        Axes, shape and type of the whole output.
    value_range
        Smallest and largest value of the output; None if unknown.
    region
        Start and stop of the written part of the prediction along each of ``t c z y x``.
    scaling
        Lowest value, factor and lowest output; None for no rescaling.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    value_range: tuple[float, float] | None
    region: Mapping[str, tuple[int, int]]
    scaling: tuple[float, float, float] | None

    @property
    def offset(self) -> dict[str, int]:
        """The start of the output in the image along each of its axes."""
        return {key: self.region[key][0] for key in self.axes}

    def apply(self, tile: Tile, values: NDArray) -> tuple[tuple[slice, ...], NDArray] | None:
        """Return the region of a tile in the output, and the values to write there.

        Parameters
        ----------
        tile
            The tile of the values in the image.
        values
            Values ``(channels, z, y, x)`` of the tile.

        Returns
        -------
        A slice for each axis of the output, and an array in these axes; None if the tile is outside the region.
        """
        extents = {"t": slice(tile.t, tile.t + 1), "c": slice(0, len(values)), "z": tile.z, "y": tile.y, "x": tile.x}
        inside, outside = [], {}
        for key in _ORDER:
            first, last = self.region[key]
            start, stop = max(extents[key].start, first), min(extents[key].stop, last)
            if start >= stop:
                return None
            inside.append(slice(start - extents[key].start, stop - extents[key].start))
            outside[key] = slice(start - first, stop - first)
        cropped = self._cast(values[None][tuple(inside)])
        return tuple(outside[key] for key in self.axes), reorder(cropped, _ORDER, self.axes)

    def _cast(self, values: NDArray) -> NDArray:
        """Rescale values and change their type, clipping them to its range."""
        is_whole = values.dtype.kind in "iu"
        if self.scaling is not None:
            lowest, factor, output = self.scaling
            # As in ilastik, float32 and a factor rounded to float32; but large integers need float64.
            kind = np.dtype(np.float64 if values.dtype.itemsize > 4 or values.dtype.kind in "iu" else np.float32)
            lowest_, factor_, output_ = np.array([lowest, np.float32(factor), output], kind)
            values = (values.astype(kind) - lowest_) * factor_ + output_
        if values.dtype == self.dtype:
            return values
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            if values.dtype.kind == "f":
                # As in ilastik: fractions are rounded if they are rescaled; else, like whole numbers, cut off.
                whole = np.trunc if is_whole or self.scaling is None else np.rint
                values = whole(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf))
            values = np.clip(values, limits.min, limits.max)
        return values.astype(self.dtype)


def make_transform(export: Export, source: Source, image_axes: str, extents: Mapping[str, int]) -> Transform:
    """Return the transform of an export for one image.

    Parameters
    ----------
    export
        The settings.
    source
        The source of the export.
    image_axes, extents
        Axes of the image, and its extent along each of ``t c z y x``.

    Raises
    ------
    SettingsError
        If the settings do not fit the image or the source.
    """
    everything = {**extents, "c": source.channels}
    region = export_region(export, everything)
    sizes = {key: stop - start for key, (start, stop) in region.items()}
    axes = output_axes(image_axes)
    if export.output_axes is not None:
        try:
            axes = check_axes(export.output_axes)
        except AxesError as error:
            raise SettingsError(str(error), setting="output_axes") from None
        lost = [key for key, size in sizes.items() if key not in axes and size > 1]
        if lost:
            listing = ", ".join(f"'{key}' of {sizes[key]}" for key in lost)
            raise SettingsError(
                f"The output axes '{axes}' leave out {listing}. Add them, or export a region of one along them.",
                setting="output_axes",
            )
    dtype = np.dtype(export.dtype) if export.dtype else source.dtype
    scaling, value_range = _scaling(export, source, dtype)
    return Transform(axes, tuple(sizes[key] for key in axes), dtype, value_range, region, scaling)


def export_region(export: Export, everything: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return start and stop of the region of an export along each axis.

    Parameters
    ----------
    export
        The settings.
    everything
        The extent along each axis; along ``c``, the number of channels of the source.

    Raises
    ------
    SettingsError
        If the region is not inside these extents.
    """
    region = {}
    intervals = {str(key): interval for key, interval in export.region.items()}
    for key, extent in everything.items():
        start, stop = intervals.get(key, (None, None))
        first, last = start or 0, extent if stop is None else stop
        if export.rules == "ilastik":
            last = min(last or extent, extent)
        if not 0 <= first < last <= extent:
            raise SettingsError(
                f"The region {key}={'' if start is None else start}:{'' if stop is None else stop} does not lie "
                f"inside the image, which has {extent} along {key}. Choose 0 <= start < stop <= {extent}.",
                setting="region",
            )
        region[key] = first, last
    return region


def predicted_box(regions: Iterable[Mapping[str, tuple[int, int]]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return start and size along each of ``t z y x`` of the box around all regions.

    Parameters
    ----------
    regions
        Start and stop along these axes of each part that is predicted.
    """
    regions = list(regions)
    starts, sizes = {}, {}
    for key in "tzyx":
        ends = [region[key] for region in regions]
        starts[key] = min(start for start, _ in ends)
        sizes[key] = max(stop for _, stop in ends) - starts[key]
    return starts, sizes


def _scaling(
    export: Export, source: Source, dtype: np.dtype
) -> tuple[tuple[float, float, float] | None, tuple[float, float] | None]:
    """Return the scaling of values, and their range afterwards."""
    if export.output_range is None:
        if export.input_range is not None:
            raise SettingsError(
                "An input range needs an output range: the values it becomes, for example 0 to 255.",
                setting="output_range",
            )
        if dtype.kind in "iu" and source.dtype.kind == "f" and export.rules != "ilastik":
            top = np.iinfo(dtype).max
            raise SettingsError(
                f"{source.name} are fractions, which as {dtype} would nearly all be 0. Give an output range, for "
                f"example 0 to {top}, or export them as float32.",
                setting="output_range",
            )
        if dtype.kind in "iu" and source.value_range and source.value_range[1] > np.iinfo(dtype).max:
            raise SettingsError(
                f"{source.name} go up to {source.value_range[1]:g}, which {dtype} cannot hold. Choose a larger type.",
                setting="dtype",
            )
        return None, source.value_range
    before = export.input_range or source.value_range
    if before is None:
        raise SettingsError(
            f"The range of {source.name} is not known. Give an input range beside the output range.",
            setting="input_range",
        )
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if min(export.output_range) < limits.min or max(export.output_range) > limits.max:
            raise SettingsError(
                f"The output range {export.output_range[0]:g} to {export.output_range[1]:g} does not fit into {dtype}, "
                f"which holds {limits.min} to {limits.max}. Choose another type or range.",
                setting="output_range",
            )
    spread = before[1] - before[0]
    factor = (export.output_range[1] - export.output_range[0]) / spread if spread else 0.0
    return (before[0], factor, export.output_range[0]), export.output_range
