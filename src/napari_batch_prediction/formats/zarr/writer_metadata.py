"""The metadata of an output in OME-Zarr."""

import os
from math import isfinite
from typing import Any

import numpy as np

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.axes import KEYS, extents
from napari_batch_prediction.formats.common.rows import Columns
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.labels import label_axes
from napari_batch_prediction.formats.zarr.metadata import Axis, Channel, Level, OmeImage
from napari_batch_prediction.images.units import UNITS, unit

AXES = KEYS

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


MOST_PROPERTIES = 10_000
"""The most objects whose properties are in the metadata of labels: about 5 MB, read whenever the labels are opened."""


def stored_axes(target: Target) -> str:
    """Return the axes of the arrays of an output: all five, or for labels in an image those of the image."""
    if target.image is None:
        return AXES
    axes = label_axes(target.image)
    # Whatever the metadata of the image say, no values are left out.
    return axes if all(n == 1 or key in axes for key, n in extents(target.axes, target.shape).items()) else AXES


def attributes(
    target: Target, shapes: list[tuple[int, ...]], axes: str = AXES, properties: Columns | None = None
) -> dict[str, object]:
    """Return the attributes of the group.

    Parameters
    ----------
    target
        The output.
    shapes
        The shapes (t, c, z, y, x) of its levels ``s0``, ``s1``, ...
    axes
        The axes of its arrays, in the order of ``AXES``.
    properties
        What is known of the values of labels in an image: the column ``label`` has the values.
    """
    facts = describe(target, shapes, axes, properties).attributes()
    return {**facts, PROGRAM: dict(target.metadata)} if target.metadata else facts


def describe(
    target: Target, shapes: list[tuple[int, ...]], axes: str = AXES, properties: Columns | None = None
) -> OmeImage:
    """Return the metadata of an output, see :func:`attributes`."""
    coarser = "nearest" if target.is_labels else "mean"
    image = target.image
    has_channels = (target.channel_names or target.channel_colors) and not target.is_labels
    return OmeImage(
        axes=tuple(_axis(key, target) for key in axes),
        levels=tuple(_level(i, target, shapes, axes) for i in range(len(shapes))),
        version=target.ome_zarr_version,
        name=target.path.stem,
        method=coarser if len(shapes) > 1 else "",
        channels=_channels(target, shapes[0][1]) if has_channels else (),
        label_colors=dict(enumerate(target.channel_colors, start=1)) if image is not None else None,
        label_properties=_properties(properties) if image is not None and properties is not None else (),
        source=f"{os.path.relpath(image, target.path)}/".replace(os.sep, "/") if image is not None else "",
    )


def _axis(key: str, target: Target) -> Axis:
    return Axis(key, _TYPES[key], _unit(key, target)[0])


def _unit(key: str, target: Target) -> tuple[str, float]:
    """Return the unit of an axis among those of OME-Zarr, empty if there is none, and the factor of sizes to it."""
    found = unit(target.units.get(key, ""))
    if found is None or found.kind != _TYPES[key]:
        return "", 1.0
    if found.in_ome_zarr:
        return found.name, 1.0
    other = UNITS["second" if found.kind == "time" else "meter" if found.size >= 1 else "micrometer"]
    return other.name, found.size / other.size


def _properties(columns: Columns) -> tuple[dict[str, object], ...]:
    """Return the properties of each label; none if there are too many."""
    values = columns["label"].tolist()
    if len(values) > MOST_PROPERTIES:
        return ()
    others = {name: column.tolist() for name, column in columns.items() if name != "label"}
    rows = zip(*others.values(), strict=True) if others else ((),) * len(values)
    # JSON has no numbers that are not finite.
    return tuple(
        {
            "label-value": value,
            **{name: cell for name, cell in zip(others, row, strict=True) if isinstance(cell, str) or isfinite(cell)},
        }
        for value, row in zip(values, rows, strict=True)
    )


def _level(level: int, target: Target, shapes: list[tuple[int, ...]], axes: str) -> Level:
    """Return a level with the size of its pixels and the position of the first pixel's middle."""
    scale, translation = [], []
    for key in axes:
        axis = AXES.index(key)
        # Axes of one pixel are not halved further.
        halvings = sum(shape[axis] > 1 for shape in shapes[:level]) if key in "zyx" else 0
        factor = _unit(key, target)[1]
        size = float(target.pixel_size.get(key, 1.0)) * factor
        scale.append(size * 2**halvings)
        middle = 0 if target.is_labels or _by_nearest(target.dtype) else (2**halvings - 1) / 2
        offset = target.offset.get(key, 0) if key != "c" else 0
        translation.append(float(target.origin.get(key, 0.0)) * factor + size * (offset + middle))
    return Level(path=f"s{level}", scale=tuple(scale), translation=tuple(translation))


def _by_nearest(dtype: np.dtype[Any]) -> bool:
    return dtype.name in ("int64", "uint64")


def _channels(target: Target, count: int) -> tuple[Channel, ...]:
    if target.value_range is not None:
        window = target.value_range
    elif target.dtype.kind == "f":
        window = 0.0, 1.0
    else:
        limits = np.iinfo(target.dtype)
        window = limits.min, limits.max
    names, colors = target.channel_names, target.channel_colors
    return tuple(
        Channel(
            label=names[i] if i < len(names) else f"Channel {i + 1}",
            color="{:02X}{:02X}{:02X}".format(*(colors[i] if i < len(colors) else (255, 255, 255))),
            window=window,
        )
        for i in range(count)
    )
