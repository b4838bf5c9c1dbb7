"""What a TIFF file says about its image: description, OME-XML, size of a pixel."""

import json
import uuid
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import prod

from tifffile import OmeXml

from napari_batch_prediction.export import tiff_file
from napari_batch_prediction.export.lengths import centimetres
from napari_batch_prediction.export.target import Target
from napari_batch_prediction.images.units import unit_name

PROGRAM = "napari-batch-prediction"

_OME_UNITS = {
    "nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm", "meter": "m", "inch": "in",
    "millisecond": "ms", "second": "s", "minute": "min", "hour": "h",
}  # fmt: skip
_NO_UNIT, _CENTIMETRE = 1, 3


def resolution_tags(target: Target, rows: str, columns: str) -> Mapping[tiff_file.Tag, tiff_file.Value]:
    """Return the tags with the size of a pixel; 1 without a unit where it is not known as a length."""
    found = {}
    for tag, key in (tiff_file.X_RESOLUTION, columns), (tiff_file.Y_RESOLUTION, rows):
        length = centimetres(target, key)
        found[tag] = tiff_file.rational(1 / length) if length > 0 else None
    known = {tag: value for tag, value in found.items() if value is not None}
    if len(known) == len(found):
        return {**known, tiff_file.RESOLUTION_UNIT: _CENTIMETRE}
    return {**dict.fromkeys(found, Fraction(1)), tiff_file.RESOLUTION_UNIT: _NO_UNIT}


def description(target: Target) -> bytes:
    """Return what made the image as JSON, in plain ASCII; nothing if there is nothing to say."""
    return json.dumps(dict(target.metadata)).encode("ascii") if target.metadata else b""


def ome_xml(target: Target, shape: tuple[int, ...]) -> bytes:
    """Return OME-XML for pages in the order ``TZC``, of an array with ``shape`` (t, z, c, y, x)."""
    facts: dict[str, object] = {"Name": target.path.stem, **dict(_ome_sizes(target))}
    channels: dict[str, object] = {}
    if target.channel_names:
        channels["Name"] = list(target.channel_names)
    if target.channel_colors:
        channels["Color"] = [_ome_color(*color) for color in target.channel_colors]
    if channels:
        facts["Channel"] = channels
    if target.metadata:
        facts["MapAnnotation"] = {"Namespace": PROGRAM, "Value": dict(target.metadata)}
    # Equal images under equal names get equal files.
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([target.path.name, shape, str(facts)]))
    xml = OmeXml(Creator=PROGRAM, UUID=str(identity))
    stored = (prod(shape[:3]), 1, 1, shape[3], shape[4], 1)
    xml.addimage(target.dtype, shape, stored, axes="TZCYX", **facts)
    text: str = xml.tostring(declaration=True)
    return text.encode()


def _ome_sizes(target: Target) -> Iterator[tuple[str, object]]:
    for key, size in target.pixel_size.items():
        unit = _OME_UNITS.get(unit_name(target.units.get(key, "")))
        if unit and key in "tzyx":
            name = "TimeIncrement" if key == "t" else f"PhysicalSize{key.upper()}"
            yield name, size
            yield f"{name}Unit", unit


def _ome_color(red: int, green: int, blue: int) -> int:
    """Return a color as OME writes it: red, green, blue, alpha in one signed number of 32 bits."""
    number = red << 24 | green << 16 | blue << 8 | 255
    return number - 2**32 if number >= 2**31 else number
