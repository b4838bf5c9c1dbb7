"""The metadata of an output in OME-Zarr."""

import os
from typing import Any

import numpy as np

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.axes import KEYS
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.metadata import Axis, Channel, Level, OmeImage
from napari_batch_prediction.images.units import UNITS, unit

AXES = KEYS

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def attributes(target: Target, shapes: list[tuple[int, ...]]) -> dict[str, object]:
    """Return the attributes of the group, given the shapes (t, c, z, y, x) of its levels ``s0``, ``s1``, ..."""
    facts = describe(target, shapes).attributes()
    return {**facts, PROGRAM: dict(target.metadata)} if target.metadata else facts


def describe(target: Target, shapes: list[tuple[int, ...]]) -> OmeImage:
    """Return the metadata of an output, given the shapes of its levels."""
    coarser = "nearest" if target.is_labels else "mean"
    image = target.image
    has_channels = (target.channel_names or target.channel_colors) and not target.is_labels
    return OmeImage(
        axes=tuple(_axis(key, target) for key in AXES),
        levels=tuple(_level(i, target, shapes) for i in range(len(shapes))),
        version=target.ome_zarr_version,
        name=target.path.stem,
        method=coarser if len(shapes) > 1 else "",
        channels=_channels(target, shapes[0][1]) if has_channels else (),
        label_colors=dict(enumerate(target.channel_colors, start=1)) if image is not None else None,
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


def _level(level: int, target: Target, shapes: list[tuple[int, ...]]) -> Level:
    """Return a level with the size of its pixels and the position of the first pixel's middle."""
    scale, translation = [], []
    for axis, key in enumerate(AXES):
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
