"""What OME-Zarr, versions 0.4 and 0.5, says about an image."""

import numpy as np

from napari_batch_prediction.axes import KEYS
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.labels import label_facts
from napari_batch_prediction.images.units import unit_name

AXES = KEYS
PROGRAM = "napari-batch-prediction"

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_UNITS = {
    "space": ("nanometer", "micrometer", "millimeter", "centimeter", "meter", "inch"),
    "time": ("millisecond", "second", "minute", "hour"),
}


def attributes(target: Target, shapes: list[tuple[int, ...]]) -> dict[str, object]:
    """Return the attributes of the group, given the shapes (t, c, z, y, x) of its levels ``s0``, ``s1``, ..."""
    image: dict[str, object] = {
        "name": target.path.stem,
        "axes": [_axis(key, target) for key in AXES],
        "datasets": [
            {"path": f"s{i}", "coordinateTransformations": _place(i, target, shapes)} for i in range(len(shapes))
        ],
    }
    if len(shapes) > 1:
        image["type"] = "nearest" if target.is_labels else "mean"
    parts: dict[str, object] = {"multiscales": [image]}
    if (target.channel_names or target.channel_colors) and not target.is_labels:
        parts["omero"] = {"channels": _channels(target, shapes[0][1])}
    if target.in_image:
        parts["image-label"] = label_facts(target.ome_zarr_version, target.channel_colors)
    if target.ome_zarr_version == "0.4":
        image["version"] = "0.4"
    else:
        parts = {"ome": {"version": "0.5", **parts}}
    return {**parts, PROGRAM: dict(target.metadata)} if target.metadata else parts


def _axis(key: str, target: Target) -> dict[str, str]:
    kind = _TYPES[key]
    unit = unit_name(target.units.get(key, ""))
    return {"name": key, "type": kind, **({"unit": unit} if unit in _UNITS.get(kind, ()) else {})}


def _place(level: int, target: Target, shapes: list[tuple[int, ...]]) -> list[dict[str, object]]:
    """Return size and place of the pixels of a level; the place is that of the middle of the first pixel."""
    scale, translation = [], []
    for axis, key in enumerate(AXES):
        # Axes that have come down to one pixel are not halved any more.
        halvings = sum(shape[axis] > 1 for shape in shapes[:level]) if key in "zyx" else 0
        size = float(target.pixel_size.get(key, 1.0))
        scale.append(size * 2**halvings)
        middle = 0 if target.is_labels or _by_nearest(target) else (2**halvings - 1) / 2
        offset = target.offset.get(key, 0) if key != "c" else 0
        translation.append(size * (offset + middle))
    place: list[dict[str, object]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        place.append({"type": "translation", "translation": translation})
    return place


def _by_nearest(target: Target) -> bool:
    return target.dtype.name in ("int64", "uint64")


def _channels(target: Target, count: int) -> list[dict[str, object]]:
    if target.value_range is not None:
        low, high = target.value_range
    elif target.dtype.kind == "f":
        low, high = 0.0, 1.0
    else:
        limits = np.iinfo(target.dtype)
        low, high = limits.min, limits.max
    window = {"min": low, "max": high, "start": low, "end": high}
    return [
        {
            "label": target.channel_names[i] if i < len(target.channel_names) else f"Channel {i + 1}",
            "color": "{:02X}{:02X}{:02X}".format(*_color(target, i)),
            "window": window,
            "active": True,
        }
        for i in range(count)
    ]


def _color(target: Target, channel: int) -> tuple[int, int, int]:
    return target.channel_colors[channel] if channel < len(target.channel_colors) else (255, 255, 255)
