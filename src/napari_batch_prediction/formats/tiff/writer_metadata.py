"""What a TIFF file says about its image: description, OME-XML, size of a pixel."""

import json
import uuid
from collections.abc import Iterator
from math import prod

from tifffile import RESUNIT, OmeXml

from napari_batch_prediction.formats.common.lengths import centimetres
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.format import PROGRAM
from napari_batch_prediction.images.units import unit_name

_OME_UNITS = {
    "nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm", "meter": "m", "inch": "in",
    "millisecond": "ms", "second": "s", "minute": "min", "hour": "h",
}  # fmt: skip

# A TIFF holds a number as two integers of 32 bits.
_LARGEST = 2**32 - 1
_SMALLEST = 1 / _LARGEST


def resolution(target: Target, rows: str, columns: str) -> tuple[tuple[float, float], RESUNIT]:
    """Return pixels to the centimetre along columns and rows; 1 without a unit where they are not known."""
    lengths = [centimetres(target, key) for key in (columns, rows)]
    if all(length > 0 and _SMALLEST <= 1 / length <= _LARGEST for length in lengths):
        return (1 / lengths[0], 1 / lengths[1]), RESUNIT.CENTIMETER
    return (1.0, 1.0), RESUNIT.NONE


def description(target: Target) -> bytes | None:
    """Return what made the image as JSON, in plain ASCII; None if there is nothing to say."""
    return json.dumps(dict(target.metadata)).encode("ascii") if target.metadata else None


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
