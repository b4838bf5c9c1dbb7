"""Size and position of the pixels of a dataset in N5, in the dialects of several programs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_batch_prediction.images.units import unit_name


@dataclass(frozen=True)
class Grid:
    """Size of a pixel, its unit, and position of the first pixel, by axis key, where known."""

    sizes: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    origin: dict[str, float] = field(default_factory=dict)


def read_grid(attributes: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], axes: str) -> Grid:
    """Return the grid of a dataset.

    It is that of COSEM's ``transform``, with axes by name; else of ``pixelResolution``, which n5-viewer may also store
    in a group around the dataset, times ``downsamplingFactors``; else of ``resolution`` and ``units``, with axes in the
    order of N5.

    Parameters
    ----------
    attributes
        The attributes of the dataset.
    groups
        Those of the groups around it, the innermost first.
    axes
        The axis keys, in the order of NumPy.
    """
    if isinstance(transform := attributes.get("transform"), Mapping):
        names = [str(name).lower() for name in _list(transform.get("axes"))]
        return _grid(names, transform.get("scale"), transform.get("units"), transform.get("translate"))
    stored, units = _resolution(attributes)
    if stored is None:
        for group in groups:
            if "pixelResolution" in group:
                stored, units = _resolution(group)
                break
    spatial = [key for key in reversed(axes) if key not in "tc"]
    keys = [*reversed(axes)] if len(_list(stored)) == len(axes) else spatial
    factors = [_number(factor) for factor in _list(attributes.get("downsamplingFactors"))]
    if "pixelResolution" in attributes or "resolution" not in attributes:
        sizes = [_number(size) for size in _list(stored)]
        if len(factors) == len(sizes):
            stored = [size * factor for size, factor in zip(sizes, factors, strict=True)]
    return _grid(keys, stored, units)


def _resolution(attributes: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return sizes and units as they are stored."""
    old = attributes.get("pixelResolution")
    if isinstance(old, Mapping):
        return old.get("dimensions"), old.get("unit")
    units = attributes.get("units", attributes.get("unit"))
    return (old, units) if isinstance(old, list) else (attributes.get("resolution"), units)


def _grid(keys: Sequence[str], sizes: Any, units: Any, origin: Any = None) -> Grid:
    if not isinstance(units, list):
        units = [units] * len(keys)
    if not len(keys) == len(_list(sizes)) == len(units):
        return Grid()
    grid = Grid()
    for key, size, unit in _known(keys, sizes, units):
        grid.sizes[key] = size
        if unit:
            grid.units[key] = unit
    if len(_list(origin)) == len(keys):
        positions = zip(keys, map(_number, origin), strict=True)
        grid.origin.update((key, place) for key, place in positions if math.isfinite(place))
    return grid


def _known(keys: Sequence[str], sizes: Sequence[Any], units: Sequence[Any]) -> Iterator[tuple[str, float, str]]:
    """Yield the sizes that say something: one without a unit is often only the 1 of what is not known."""
    for key, stored, text in zip(keys, sizes, units, strict=True):
        size, unit = _number(stored), unit_name(text) if isinstance(text, str) else ""
        if key != "c" and math.isfinite(size) and size > 0 and (unit or size != 1):
            yield key, size, unit


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
