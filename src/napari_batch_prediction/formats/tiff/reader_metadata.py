"""What a TIFF file says about its image: axes, size of a pixel and names of channels, in its many dialects."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPage, TiffPageSeries, xml2dict

from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.images.base import COLOURS, AxesKnown, choose_axes
from napari_batch_prediction.images.units import unit_name

# tifffile's letters; S are samples of a pixel, I pages without a meaning.
_KEYS = {"T": "t", "I": "t", "C": "c", "S": "c", "Z": "z", "Y": "y", "X": "x"}

_CENTIMETRE = 3


def stored_axes(letters: str, shape: tuple[int, ...], user: str | None) -> tuple[str, AxesKnown, tuple[int, ...]]:
    """Return axes, how they are known, and the shape without dimensions of extent 1 that have no axis key.

    Parameters
    ----------
    letters
        Axes of a series in tifffile's letters.
    shape
        Shape of the series.
    user
        Axes that win over the file's; for all dimensions, or for those without meaningless ones of extent 1.

    Raises
    ------
    AxesError
        If the axes do not fit the shape, or two dimensions mean the same and the user gives no axes.
    """
    if user is not None and len(user) == len(shape):
        return *choose_axes(shape, user), shape
    keys = [_KEYS.get(letter, "?") for letter in letters]
    kept = [i for i, n in enumerate(shape) if n != 1 or (letters[i] in "TCZYX" and keys.count(keys[i]) == 1)]
    shape = tuple(shape[i] for i in kept)
    axes = "".join(keys[i] for i in kept)
    if user is not None or "?" in axes:
        return *choose_axes(shape, user), shape
    if len(set(axes)) < len(axes):
        raise AxesError(
            f"The dimensions '{''.join(letters[i] for i in kept)}' of shape {shape} come to the axis keys "
            f"'{axes}', but each may occur only once: samples S count as channels C, pages I as time T. Give its axes."
        )
    own_axes, known = choose_axes(shape, None, axes)
    return own_axes, "guess" if "I" in letters else known, shape


def pixel_sizes(tif: TiffFile, series: TiffPageSeries) -> tuple[dict[str, float], dict[str, str]]:
    """Return the size of a pixel along ``t z y x`` and the unit of each, where the file says both."""
    if series.kind == "ome":
        found = _ome_sizes(tif.ome_metadata or "")
    elif tif.is_imagej:
        found = _imagej_sizes(tif.imagej_metadata or {}, series.keyframe)
    elif tif.is_lsm:
        found = _lsm_sizes(tif.lsm_metadata or {})
    else:
        found = _tag_sizes(series.keyframe)
    sizes, units = {}, {}
    for key, size, unit in found:
        if math.isfinite(size) and size > 0 and unit_name(unit):
            sizes[key], units[key] = float(size), unit_name(unit)
    return sizes, units


def channel_names(tif: TiffFile, series: TiffPageSeries, letters: str) -> tuple[str, ...]:
    """Return the names of the channels of a series with these axes, in tifffile's letters; empty if it has none.

    They are those of OME and LSM metadata, ImageJ's labels if there is one for each channel, and colours.
    """
    if "S" in letters and "C" not in letters:
        return COLOURS.get(series.shape[series.axes.index("S")] if "S" in series.axes else 3, ())
    if series.kind == "ome":
        channels = _ome_pixels(tif.ome_metadata or "").get("Channel", ())
        return tuple(str(one.get("Name", "")) for one in (channels if isinstance(channels, list) else [channels]))
    if tif.is_imagej:
        labels = (tif.imagej_metadata or {}).get("Labels", ())
        return tuple(map(str, labels if isinstance(labels, list | tuple) else [labels]))
    if tif.is_lsm:
        return tuple(map(str, (tif.lsm_metadata or {}).get("ChannelColors", {}).get("ColorNames", ())))
    return ()


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return what an output says of how it was made."""
    with TiffFile(path) as file:
        text = file.pages.first.description
    if not text.startswith("<?xml"):
        return dict(json.loads(text))
    entries = ElementTree.fromstring(text.encode()).findall(".//{*}M")  # noqa: S314 - tifffile has read it already
    return {entry.get("K", ""): entry.text or "" for entry in entries}


def _imagej_sizes(metadata: dict[str, Any], page: TiffPage) -> Iterator[tuple[str, float, str]]:
    unit = str(metadata.get("unit", ""))
    for key, size in _per_resolution_unit(page):
        yield key, size, unit
    yield "z", abs(metadata.get("spacing", 0)), unit
    yield "t", metadata.get("finterval", 0), "second"


def _ome_pixels(xml: str) -> dict[str, Any]:
    image = xml2dict(xml)["OME"]["Image"]
    pixels: dict[str, Any] = (image[0] if isinstance(image, list) else image)["Pixels"]
    return pixels


def _ome_sizes(xml: str) -> Iterator[tuple[str, float, str]]:
    pixels = _ome_pixels(xml)
    for key in "xyz":
        name = f"PhysicalSize{key.upper()}"
        yield key, pixels.get(name, 0), pixels.get(f"{name}Unit", "µm")
    yield "t", pixels.get("TimeIncrement", 0), pixels.get("TimeIncrementUnit", "s")


def _lsm_sizes(metadata: dict[str, Any]) -> Iterator[tuple[str, float, str]]:
    for key in "xyz":
        yield key, 1e6 * metadata.get(f"VoxelSize{key.upper()}", 0), "micrometer"
    yield "t", metadata.get("TimeIntervall", 0), "second"


def _tag_sizes(page: TiffPage) -> Iterator[tuple[str, float, str]]:
    # Dots per inch are what programs write when they know nothing: only centimetres are believed.
    if page.resolutionunit == _CENTIMETRE:
        for key, size in _per_resolution_unit(page):
            yield key, 10_000 * size, "micrometer"


def _per_resolution_unit(page: TiffPage) -> Iterator[tuple[str, float]]:
    """Yield the size of a pixel in the page's own unit of resolution; some programs write a resolution of 0."""
    for key, name in ("x", "XResolution"), ("y", "YResolution"):
        pixels, units = page.tags[name].value if name in page.tags else (0, 0)
        yield key, units / pixels if pixels else 0
