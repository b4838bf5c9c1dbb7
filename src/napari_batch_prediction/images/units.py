"""Names of units of length and time for their many spellings in files."""

_METRES = ("micrometre", "micrometers", "micrometres")
_NAMES = {
    "nanometer": ("nm", "nanometre", "nanometers", "nanometres"),
    # Micro sign, Greek mu, and ImageJ's escape for the micro sign.
    "micrometer": ("um", "\u00b5m", "\u03bcm", "\\u00b5m", "micron", "microns", *_METRES),
    "millimeter": ("mm", "millimetre", "millimeters", "millimetres"),
    "centimeter": ("cm", "centimetre", "centimeters", "centimetres"),
    "meter": ("m", "metre", "meters", "metres"),
    "inch": ("in", "inches"),
    "millisecond": ("ms", "msec", "milliseconds"),
    "second": ("s", "sec", "seconds"),
    "minute": ("min", "minutes"),
    "hour": ("h", "hours"),
}
_BY_SPELLING = {spelling: name for name, spellings in _NAMES.items() for spelling in (name, *spellings)}


def unit_name(spelling: str) -> str:
    """Return the name of a unit, for example ``micrometer`` for ``µm``; unknown units unchanged.

    Names are those of OME-Zarr. The name is empty for "pixels", which is no unit.
    """
    spelling = spelling.strip()
    if spelling.lower() in ("pixel", "pixels"):
        return ""
    return _BY_SPELLING.get(spelling.lower(), spelling)
