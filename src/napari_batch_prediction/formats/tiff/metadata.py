"""The metadata of TIFF files, in several dialects: axes, size of a pixel, channels, stamp."""

import json
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tifffile import COMPRESSION, PHOTOMETRIC, RESUNIT, OmeXml, TiffFile, TiffPage

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.formats.common.lengths import centimetres
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.tiff.choice import KEYS
from napari_batch_prediction.formats.tiff.labels import plane_labels
from napari_batch_prediction.formats.tiff.series import Series
from napari_batch_prediction.images.base import COLOURS, AxesKnown, choose_axes
from napari_batch_prediction.images.units import unit, unit_name

# Samples that are no red, green and blue ("PhotometricInterpretation" of TIFF 6).
_SAMPLES: Mapping[int, tuple[str, ...]] = {
    PHOTOMETRIC.SEPARATED: ("cyan", "magenta", "yellow", "black"),
    PHOTOMETRIC.CIELAB: ("L", "a", "b"),
    PHOTOMETRIC.ICCLAB: ("L", "a", "b"),
    PHOTOMETRIC.ITULAB: ("L", "a", "b"),
    PHOTOMETRIC.YCBCR: ("Y", "Cb", "Cr"),
}
_LOSSLESS = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.PACKBITS,
    COMPRESSION.DEFLATE,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.LZMA,
    COMPRESSION.ZSTD,
)

# A TIFF stores a number as a fraction of 32-bit integers.
_LARGEST = 2**32 - 1
_SMALLEST = 1 / _LARGEST


def stored_axes(letters: str, shape: tuple[int, ...], user: str | None) -> tuple[str, AxesKnown, list[int]]:
    """Return the axes, their origin, and the dimensions that they are of: not those of extent 1 without an axis key.

    Parameters
    ----------
    letters
        Axes of a series in tifffile's letters.
    shape
        Shape of the series.
    user
        Axes that win over the file's own, with or without meaningless dimensions of extent 1.

    Raises
    ------
    AxesError
        If the axes do not fit the shape, or two dimensions have the same key and the user gave no axes.
    """
    if user is not None and len(user) == len(shape):
        return *choose_axes(shape, user), [*range(len(shape))]
    keys = [KEYS.get(letter, "?") for letter in letters]
    kept = [i for i, n in enumerate(shape) if n != 1 or (letters[i] in "TCZYX" and keys.count(keys[i]) == 1)]
    extents = tuple(shape[i] for i in kept)
    axes = "".join(keys[i] for i in kept)
    if user is not None or "?" in axes:
        return *choose_axes(extents, user), kept
    if len(set(axes)) < len(axes):
        raise AxesError(
            f"The dimensions '{''.join(letters[i] for i in kept)}' of shape {extents} come to the axis keys "
            f"'{axes}', but each may occur only once: samples S count as channels C, pages I as time T. Give its axes."
        )
    own_axes, axes_known = choose_axes(extents, None, axes)
    return own_axes, "guess" if any(letters[i] == "I" for i in kept) else axes_known, kept


def pixel_sizes(tif: TiffFile, series: Series) -> tuple[dict[str, float], dict[str, str]]:
    """Return the size of a pixel and its unit along ``t z y x``, where both are stored."""
    stored: list[tuple[str, float, str]] = []
    if series.summary:
        stored += _summary_sizes(series.summary)
    if series.text is not None:
        stored += _ome_sizes(series.text.pixels)
    elif series.imagej:
        stored += _imagej_sizes(series.imagej, series.pages.keyframe)
    elif tif.is_lsm:
        stored += _lsm_sizes(tif.lsm_metadata or {})
    elif not series.summary:
        stored += _tag_sizes(series.pages.keyframe)
    sizes, units = {}, {}
    for key, size, spelling in stored:
        if math.isfinite(size) and size > 0 and unit_name(spelling):
            sizes[key], units[key] = float(size), unit_name(spelling)
    return sizes, units


def channel_names(tif: TiffFile, series: Series, letters: str) -> tuple[str, ...]:
    """Return the names of the channels of a series with axes in tifffile's letters; empty if there are none.

    Names are those of OME-XML, Micro-Manager and LSM, else what ImageJ's labels or the names of the pages of each
    channel share, or colours.
    """
    if "S" in letters and "C" not in letters:
        return _colour_names(series)
    stored: Sequence[object] = ()
    if series.text is not None:
        stored = series.text.channel_names
    elif tif.is_lsm:
        stored = (tif.lsm_metadata or {}).get("ChannelColors", {}).get("ColorNames", ())
    if not any(stored):
        stored = series.summary.get("ChNames") or ()
    if not any(stored):
        stored = plane_labels(series)
    return tuple(map(str, stored)) if isinstance(stored, list | tuple) else ()


def _colour_names(series: Series) -> tuple[str, ...]:
    """Return the names of the samples of a pixel; empty if the page does not say what they are."""
    page = series.pages.keyframe
    n = series.shape[series.letters.index("S")] if "S" in series.letters else 3
    # Others are decoded to red, green and blue.
    is_stored = page.photometric != PHOTOMETRIC.YCBCR or page.compression in _LOSSLESS
    if is_stored and page.photometric in _SAMPLES:
        names = _SAMPLES[page.photometric]
        return names if len(names) == n else ()
    is_grey = page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
    return COLOURS.get(n, ()) if n == 2 or not is_grey else ()


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    with TiffFile(path) as file:
        text = file.pages.first.description
    if not text.startswith("<?xml"):
        return dict(json.loads(text))
    entries = ElementTree.fromstring(text.encode()).findall(".//{*}M")  # noqa: S314 - tifffile has read it already
    return {entry.get("K", ""): entry.text or "" for entry in entries}


def _imagej_sizes(metadata: Mapping[str, Any], page: TiffPage) -> Iterator[tuple[str, float, str]]:
    units = {key: str(metadata.get(f"{key}unit") or metadata.get("unit", "")) for key in "yz"}
    units["x"] = str(metadata.get("unit", ""))
    for key, size in _per_resolution_unit(page):
        yield key, size, units[key]
    yield "z", abs(_number(metadata.get("spacing"))), units["z"]
    yield "t", _number(metadata.get("finterval")), str(metadata.get("tunit") or "second")


def _ome_sizes(pixels: Element) -> Iterator[tuple[str, float, str]]:
    for key in "xyz":
        name = f"PhysicalSize{key.upper()}"
        yield key, _number(pixels.get(name)), pixels.get(f"{name}Unit", "µm")
    yield "t", _number(pixels.get("TimeIncrement")), pixels.get("TimeIncrementUnit", "s")


def _summary_sizes(summary: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    size = _number(summary.get("PixelSize_um"))
    yield from (("x", size, "micrometer"), ("y", size, "micrometer"))
    yield "z", abs(_number(summary.get("z-step_um"))), "micrometer"
    yield "t", _number(summary.get("Interval_ms")) / 1000, "second"


def _number(text: Any) -> float:
    """Return a number that is stored as such or as text; 0 for anything else."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0


def _lsm_sizes(metadata: dict[str, Any]) -> Iterator[tuple[str, float, str]]:
    for key in "xyz":
        yield key, 1e6 * metadata.get(f"VoxelSize{key.upper()}", 0), "micrometer"
    yield "t", metadata.get("TimeIntervall", 0), "second"


def _tag_sizes(page: TiffPage) -> Iterator[tuple[str, float, str]]:
    # Only centimetres are believed: programs write dots per inch by default.
    if page.resolutionunit == RESUNIT.CENTIMETER:
        for key, size in _per_resolution_unit(page):
            yield key, 10_000 * size, "micrometer"


def _per_resolution_unit(page: TiffPage) -> Iterator[tuple[str, float]]:
    """Yield the size of a pixel along x and y in the page's unit; 0 for a resolution of 0."""
    for key, name in ("x", "XResolution"), ("y", "YResolution"):
        pixels, units = page.tags[name].value if name in page.tags else (0, 0)
        yield key, units / pixels if pixels else 0


def resolution(target: Target, rows: str, columns: str) -> tuple[tuple[tuple[int, int], ...], RESUNIT]:
    """Return pixels per centimetre along columns and rows as fractions, or 1 without a unit if unknown."""
    lengths = [centimetres(target, key) for key in (columns, rows)]
    if all(length > 0 and _SMALLEST <= 1 / length <= _LARGEST for length in lengths):
        return tuple(_of_32_bits(1 / length) for length in lengths), RESUNIT.CENTIMETER
    return ((1, 1), (1, 1)), RESUNIT.NONE


def _of_32_bits(value: float) -> tuple[int, int]:
    """Return the nearest fraction of two integers of 32 bits; tifffile before 2026 rounds both on their own."""
    most = 2**32 - 1
    return Fraction(value).limit_denominator(min(most, int(most / value))).as_integer_ratio()


def description(target: Target) -> bytes | None:
    """Return the stamp as JSON in ASCII; None if there is none."""
    return json.dumps(dict(target.metadata)).encode("ascii") if target.metadata else None


def ome_xml(target: Target, shape: tuple[int, ...]) -> bytes:
    """Return OME-XML for pages in the order ``TZC`` of an array of shape (t, z, c, y, x)."""
    facts: dict[str, object] = {"Name": target.path.stem, **dict(_ome_facts(target))}
    channels: dict[str, object] = {}
    if target.channel_names:
        channels["Name"] = list(target.channel_names)
    if target.channel_colors:
        channels["Color"] = [_ome_color(*color) for color in target.channel_colors]
    if channels:
        facts["Channel"] = channels
    if target.metadata:
        facts["MapAnnotation"] = {"Namespace": PROGRAM, "Value": dict(target.metadata)}
    # The identity depends on the content, so that equal images of equal names give equal files.
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([target.path.name, shape, str(facts)]))
    xml = OmeXml(Creator=PROGRAM, UUID=str(identity))
    stored = (math.prod(shape[:3]), 1, 1, shape[3], shape[4], 1)
    xml.addimage(target.dtype, shape, stored, axes="TZCYX", **facts)
    text: str = xml.tostring(declaration=True)
    return text.encode()


def _ome_facts(target: Target) -> Iterator[tuple[str, object]]:
    for key, size in target.pixel_size.items():
        known = unit(target.units.get(key, ""))
        if known is not None and known.kind == ("time" if key == "t" else "space"):
            name = "TimeIncrement" if key == "t" else f"PhysicalSize{key.upper()}"
            yield name, size
            yield f"{name}Unit", known.symbol


def _ome_color(red: int, green: int, blue: int) -> int:
    """Return a color in OME's form: red, green, blue, alpha as one signed 32-bit integer."""
    number = red << 24 | green << 16 | blue << 8 | 255
    return number - 2**32 if number >= 2**31 else number
