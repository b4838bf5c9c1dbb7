"""What the metadata of OME-Zarr (0.1 to 0.5) says about an image: levels, axes, size of a pixel, channels.

The metadata are described in https://ngff.openmicroscopy.org/specifications.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from napari_batch_prediction.axes import KEYS
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.images.units import unit_name

_LONG_NAMES = {"time": "t", "channel": "c", "channels": "c"}


def ome_attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a group's attributes that is OME's: all of them before version 0.5."""
    ome = attributes.get("ome", attributes)
    return ome if isinstance(ome, Mapping) else {}


def dimension_axes(names: Any) -> str | None:
    """Return axis keys for the names of an array's dimensions; None if they are no names of axes."""
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        return None
    keys = [_LONG_NAMES.get(name.lower(), name.lower()) for name in names]
    known = set("yx") <= set(keys) <= set(KEYS) and len(set(keys)) == len(keys)
    return "".join(keys) if known else None


class Multiscale:
    """The first multiscale image of a group.

    Parameters
    ----------
    attributes
        Attributes of the group.
    path
        Path of the group in the store.

    Attributes
    ----------
    paths
        Paths of the levels in the group, the full resolution first.
    channel_names
        A name for each channel; empty if there are none.
    """

    def __init__(self, attributes: Mapping[str, Any], path: str) -> None:
        ome = ome_attributes(attributes)
        self._path = path
        self._image = ome["multiscales"][0]
        self.paths = [str(level["path"]) for level in self._image["datasets"]]
        if not self.paths:
            raise ValueError("its metadata name no levels")
        # How an image is to be shown; many programs write only parts of it.
        omero = ome.get("omero")
        channels = omero.get("channels") if isinstance(omero, Mapping) else None
        self.channel_names = tuple(
            str(channel.get("label") or "") if isinstance(channel, Mapping) else "" for channel in channels or ()
        )

    def paths_in_store(self) -> frozenset[str]:
        """Return the paths of the levels, seen from the root of the store."""
        return frozenset(map(self._in_store, self.paths))

    def axes(self, shape: Sequence[int]) -> str:
        """Return the axis keys of the levels.

        Raises
        ------
        AxesError
            If they do not fit the shape, or are no axes of an image.
        """
        keys = self._keys()
        if len(keys) != len(shape):
            raise AxesError(f"Its metadata name {len(keys)} axes, {keys}, but its shape is {tuple(shape)}.")
        axes = "".join(keys)
        if set(axes) - set(KEYS) or len(set(axes)) < len(axes):
            raise AxesError(f"Its metadata name the axes {keys}. Expected each of {', '.join(KEYS)} at most once.")
        return axes

    def pixel_size(self, array_path: str) -> tuple[dict[str, float], dict[str, str]]:
        """Return the size of a pixel of a level along ``t z y x``, and the unit of each, where both are known."""
        level = self._image["datasets"][list(map(self._in_store, self.paths)).index(array_path)]
        keys = self._keys()
        factors = [1.0] * len(keys)
        for owner in (level, self._image):
            for step in owner.get("coordinateTransformations", ()):
                if step.get("type") == "scale" and len(step.get("scale", ())) == len(keys):
                    factors = [a * float(b) for a, b in zip(factors, step["scale"], strict=True)]
        sizes, units = {}, {}
        for axis, key, size in zip(self._image.get("axes", ()), keys, factors, strict=False):
            unit = unit_name(axis["unit"]) if isinstance(axis, Mapping) and axis.get("unit") else ""
            if unit and key != "c" and math.isfinite(size) and size > 0:
                sizes[key], units[key] = size, unit
        return sizes, units

    def _in_store(self, level: str) -> str:
        return f"{self._path}/{level}" if self._path else level

    def _keys(self) -> list[str]:
        # Before version 0.3 there were always five; in 0.3 axes were plain names.
        axes = self._image.get("axes", list(KEYS))
        keys = []
        for axis in axes:
            name, kind = (axis["name"], axis.get("type")) if isinstance(axis, Mapping) else (axis, None)
            key = str(name).lower()
            keys.append(key if key in KEYS else _LONG_NAMES.get(str(kind), key))
        return keys
