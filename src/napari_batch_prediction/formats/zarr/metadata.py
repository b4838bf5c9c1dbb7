"""The metadata of OME-Zarr, versions 0.1 to 0.6, as one model for reading and writing.

The specification is https://ngff.openmicroscopy.org/specifications. The model is our own: yaozarrs 0.3.4 refuses 12 of
17 kinds of metadata that are read here (no axes or plain names of axes, no transformations, channels without a window),
and ome-zarr-models 1.7 excludes pydantic from 2.13 and Python from 3.14.
"""

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from napari_batch_prediction.axes import KEYS
from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.zarr.transformations import (
    as_list,
    as_mapping,
    check_simple,
    floats,
    number,
    output_system,
    place,
)
from napari_batch_prediction.images.units import unit_name

# Also such as "0.5-dev" and "0.6.dev3".
_KNOWN = re.compile(r"0\.[1-6](\D.*)?", re.DOTALL)

_LONG_NAMES = {"time": "t", "channel": "c", "channels": "c"}


@dataclass(frozen=True)
class Axis:
    """An axis: its name, its type (``time``, ``channel`` or ``space``) and its unit, empty if unknown."""

    name: str
    kind: str = ""
    unit: str = ""

    @property
    def key(self) -> str:
        """The axis key, or the name in lower case for other axes."""
        key = self.name.lower()
        return key if key in KEYS else _LONG_NAMES.get(self.kind, key)


@dataclass(frozen=True)
class Level:
    """An array of one resolution: its path in the group, and size and position of its first pixel along each axis."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class Channel:
    """The display of a channel: name, color as six hexadecimal digits, and limits of contrast."""

    label: str
    color: str = ""
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class OmeImage:
    """An image of one or more resolutions.

    Attributes
    ----------
    axes
        Axes of the levels.
    levels
        The levels, full resolution first.
    version
        Version of OME-Zarr to write.
    name
        Name of the image.
    method
        Method of making coarser levels.
    channels
        The display of the channels, of which many programs write only parts.
    label_colors
        The color of each value, if the image is labels in another image; else None.
    label_properties
        What is known of values of labels: each with its ``label-value``, and whatever else by name.
    source
        The path from labels to their image.
    """

    axes: tuple[Axis, ...]
    levels: tuple[Level, ...]
    version: Literal["0.4", "0.5"] = "0.4"
    name: str = ""
    method: str = ""
    channels: tuple[Channel, ...] = ()
    label_colors: Mapping[int, Color] | None = field(default=None, hash=False)
    label_properties: tuple[Mapping[str, object], ...] = field(default=(), hash=False)
    source: str = ""

    @classmethod
    def parse(cls, attributes: Mapping[str, Any]) -> Self | None:
        """Return the first image in the attributes of a group; None if there is none.

        Invalid entries are ignored, as long as the levels have paths.

        Raises
        ------
        ImageReadError
            If it is of a version that is not known, or of 0.6 with transformations that are not.
        ValueError
            If it has no levels.
        """
        ome = ome_attributes(attributes)
        if "multiscales" not in ome:
            return None
        image = ome["multiscales"][0]
        version = stored_version(attributes)
        if not _KNOWN.fullmatch(version):
            raise ImageReadError(f"It is OME-Zarr {version}. Expected 0.1 to 0.6; convert it to one of these first.")
        axes, levels = _parse_06(image) if version.startswith("0.6") else _parse_levels(image)
        if not levels:
            raise ValueError("its metadata name no levels")
        return cls(
            axes=axes,
            levels=levels,
            version="0.5" if "ome" in attributes else "0.4",
            name=str(image.get("name") or ""),
            method=str(image.get("type") or ""),
            channels=tuple(map(_parse_channel, as_list(as_mapping(ome.get("omero")).get("channels")))),
            label_colors=_parse_colors(ome["image-label"]) if "image-label" in ome else None,
            label_properties=tuple(map(as_mapping, as_list(as_mapping(ome.get("image-label")).get("properties")))),
            source=str(as_mapping(as_mapping(ome.get("image-label")).get("source")).get("image") or ""),
        )

    def attributes(self) -> dict[str, object]:
        """Return the attributes of the group."""
        image: dict[str, object] = {
            "name": self.name,
            "axes": [
                {"name": axis.name, "type": axis.kind, **({"unit": axis.unit} if axis.unit else {})}
                for axis in self.axes
            ],
            "datasets": [
                {"path": level.path, "coordinateTransformations": _transformations(level)} for level in self.levels
            ],
        }
        if self.method:
            image["type"] = self.method
        ome: dict[str, object] = {"multiscales": [image]}
        if self.channels:
            ome["omero"] = {"channels": list(map(_channel, self.channels))}
        if self.label_colors is not None:
            colors = [{"label-value": value, "rgba": [*color, 255]} for value, color in self.label_colors.items()]
            facts = {"colors": colors, "properties": [*self.label_properties]}
            # The specification has no empty lists there.
            facts = {name: values for name, values in facts.items() if values}
            ome["image-label"] = {"version": self.version, "source": {"image": self.source}, **facts}
        if self.version == "0.4":
            image["version"] = self.version
            return ome
        return {"ome": {"version": self.version, **ome}}

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of the channels; empty if none are stored."""
        return tuple(channel.label for channel in self.channels)

    def paths(self, group: str) -> list[str]:
        """Return the paths of the levels in a store, given the group's path."""
        return [f"{group}/{level.path}" if group else level.path for level in self.levels]

    def axis_keys(self, shape: Sequence[int]) -> str:
        """Return the axis keys of the levels.

        Raises
        ------
        AxesError
            If the axes do not fit the shape, or are no axes of an image.
        """
        keys = [axis.key for axis in self.axes]
        if len(keys) != len(shape):
            raise AxesError(f"Its metadata name {len(keys)} axes, {keys}, but its shape is {tuple(shape)}.")
        axes = "".join(keys)
        if set(axes) - set(KEYS) or len(set(axes)) < len(axes):
            raise AxesError(f"Its metadata name the axes {keys}. Expected each of {', '.join(KEYS)} at most once.")
        return axes

    def pixel_size(self, level: int) -> tuple[dict[str, float], dict[str, str]]:
        """Return the size of a pixel of a level and its unit along ``t z y x``, where known.

        The unit may be missing. A size of 1 without a unit says nothing, since sizes have to be given.
        """
        sizes, units = {}, {}
        for axis, size in zip(self.axes, self.levels[level].scale, strict=True):
            unit = unit_name(axis.unit) if axis.unit else ""
            if axis.key != "c" and math.isfinite(size) and size > 0 and (unit or size != 1):
                sizes[axis.key] = size
                if unit:
                    units[axis.key] = unit
        return sizes, units

    def origin(self, level: int) -> dict[str, float]:
        """Return the position of the first pixel of a level along ``t z y x``, in its units."""
        places = zip(self.axes, self.levels[level].translation, strict=True)
        return {axis.key: place for axis, place in places if axis.key != "c" and math.isfinite(place)}


def ome_attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return OME's part of a group's attributes, which before version 0.5 is all of them."""
    return as_mapping(attributes.get("ome", attributes))


def stored_version(attributes: Mapping[str, Any]) -> str:
    """Return the version of OME-Zarr in the attributes of an image; "0.1" if they do not say."""
    ome = ome_attributes(attributes)
    image = as_mapping(next(iter(as_list(ome.get("multiscales"))), None))
    version = ome.get("version") if "ome" in attributes else image.get("version")
    return str(version or ("0.6" if "coordinateSystems" in image else "0.5" if "ome" in attributes else "0.1"))


def dimension_axes(names: Any) -> str | None:
    """Return the axis keys for the names of an array's dimensions; None if these are no names of axes."""
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        return None
    keys = [_LONG_NAMES.get(name.lower(), name.lower()) for name in names]
    are_keys = set("yx") <= set(keys) <= set(KEYS) and len(set(keys)) == len(keys)
    return "".join(keys) if are_keys else None


def _parse_axis(axis: Any) -> Axis:
    if not isinstance(axis, Mapping):  # version 0.3
        return Axis(str(axis))
    unit = axis.get("unit")
    return Axis(str(axis.get("name") or ""), str(axis.get("type") or ""), unit if isinstance(unit, str) else "")


def _parse_levels(image: Mapping[str, Any]) -> tuple[tuple[Axis, ...], tuple[Level, ...]]:
    """Return axes and levels of an image of version 0.1 to 0.5."""
    # Versions before 0.3 always have five axes.
    axes = tuple(map(_parse_axis, as_list(image.get("axes", list(KEYS)))))
    levels = (Level(_path(level["path"]), *place((level, image), len(axes))) for level in image["datasets"])
    return axes, tuple(levels)


def _parse_06(image: Mapping[str, Any]) -> tuple[tuple[Axis, ...], tuple[Level, ...]]:
    """Return axes and levels of an image of version 0.6, as its levels are placed in one coordinate system.

    Transformations of the image lead from there to other systems.
    """
    systems = {str(system["name"]): system["axes"] for system in image["coordinateSystems"]}
    levels = image["datasets"]
    name = output_system(levels[0]) if levels else ""
    axes = tuple(map(_parse_axis, as_list(systems.get(name, next(iter(systems.values()))))))
    for level in levels:
        check_simple(level)
    return axes, tuple(Level(_path(level["path"]), *place((level,), len(axes))) for level in levels)


def _path(path: object) -> str:
    """Return the path of a level in its group, without "./" and the like."""
    plain = posixpath.normpath(str(path)).lstrip("/")
    if plain.split("/")[0] in {"..", "."}:
        raise ValueError(f"its metadata name the level '{path}', which is not inside the image")
    return plain


def _transformations(level: Level) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = [{"type": "scale", "scale": list(level.scale)}]
    if any(level.translation):
        steps.append({"type": "translation", "translation": list(level.translation)})
    return steps


def _parse_channel(channel: Any) -> Channel:
    facts = as_mapping(channel)
    window = as_mapping(facts.get("window"))
    limits = number(window.get("min")), number(window.get("max"))
    return Channel(
        label=str(facts.get("label") or ""),
        color=str(facts.get("color") or ""),
        window=limits if all(map(math.isfinite, limits)) else None,
    )


def _channel(channel: Channel) -> dict[str, object]:
    low, high = channel.window or (0.0, 1.0)
    window = {"min": low, "max": high, "start": low, "end": high}
    return {"label": channel.label, "color": channel.color, "window": window, "active": True}


def _parse_colors(facts: Any) -> dict[int, Color]:
    colors: dict[int, Color] = {}
    for entry in map(as_mapping, as_list(as_mapping(facts).get("colors"))):
        value, rgba = entry.get("label-value"), floats(entry.get("rgba"), 4)
        if isinstance(value, int) and rgba is not None and all(map(math.isfinite, rgba)):
            colors[value] = int(rgba[0]), int(rgba[1]), int(rgba[2])
    return colors
