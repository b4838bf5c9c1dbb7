"""Units of length and time: the lists of OME-Zarr 0.4 and 0.5 and of OME-XML 2016-06, and their spellings in files."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")

# Name, symbol and power of ten of the prefixes; OME-XML knows them all, OME-Zarr all but "deka".
_PREFIXES = (
    *(("yotta", "Y", 24), ("zetta", "Z", 21), ("exa", "E", 18), ("peta", "P", 15), ("tera", "T", 12), ("giga", "G", 9)),
    *(("mega", "M", 6), ("kilo", "k", 3), ("hecto", "h", 2), ("deka", "da", 1), ("", "", 0), ("deci", "d", -1)),
    *(("centi", "c", -2), ("milli", "m", -3), ("micro", "µ", -6), ("nano", "n", -9), ("pico", "p", -12)),
    *(("femto", "f", -15), ("atto", "a", -18), ("zepto", "z", -21), ("yocto", "y", -24)),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit.

    Attributes
    ----------
    name
        The name, in OME-Zarr's way.
    symbol
        The symbol in OME-XML.
    kind
        The type of an axis in OME-Zarr.
    size
        The unit in metres or in seconds.
    in_ome_zarr
        True if OME-Zarr lists it.
    """

    name: str
    symbol: str
    kind: Literal["space", "time"]
    size: float
    in_ome_zarr: bool = True


UNITS = {
    unit.name: unit
    for unit in (
        *(Unit(f"{p}meter", f"{s}m", "space", float(f"1e{n}"), p != "deka") for p, s, n in _PREFIXES),
        *(Unit(f"{p}second", f"{s}s", "time", float(f"1e{n}"), p != "deka") for p, s, n in _PREFIXES),
        Unit("angstrom", "Å", "space", 1e-10),
        Unit("thou", "thou", "space", 2.54e-5, in_ome_zarr=False),
        Unit("line", "li", "space", 0.0254 / 12, in_ome_zarr=False),
        Unit("inch", "in", "space", 0.0254),
        Unit("foot", "ft", "space", 0.3048),
        Unit("yard", "yd", "space", 0.9144),
        Unit("mile", "mi", "space", 1609.344),
        Unit("point", "pt", "space", 0.0254 / 72, in_ome_zarr=False),
        Unit("astronomical_unit", "ua", "space", 149597870700.0, in_ome_zarr=False),
        Unit("light_year", "ly", "space", 9460730472580800.0, in_ome_zarr=False),
        Unit("parsec", "pc", "space", 3.0856775814913673e16),
        Unit("minute", "min", "time", 60.0),
        Unit("hour", "h", "time", 3600.0),
        Unit("day", "d", "time", 86400.0),
    )
}
"""The units by name."""

_NONE = ("", "pixel", "pixels", "px", "none", "null", "unknown", "unit", "reference frame")

_MORE = {
    "micron": "micrometer",
    "microns": "micrometer",
    "inches": "inch",
    "feet": "foot",
    "msec": "millisecond",
    "sec": "second",
    "ångström": "angstrom",
    "ångstrom": "angstrom",
    "decameter": "dekameter",
    "decasecond": "dekasecond",
}


def _spellings() -> dict[str, str]:
    """Return the names of units by spelling; symbols tell ``Mm`` and ``mm``, so case counts for them."""
    names = {_plain(unit.symbol): unit.name for unit in UNITS.values()}
    names |= {symbol.replace("μ", "u"): name for symbol, name in names.items()}
    for name in UNITS:
        other = f"{name.removesuffix('er')}re" if name.endswith("meter") else name
        names |= dict.fromkeys((name, f"{name}s", other, f"{other}s"), name)
    return names | {_plain(spelling): name for spelling, name in _MORE.items()}


def _plain(text: str) -> str:
    """Return a text with one character for the micro sign and Greek mu, and one for the two of the angstrom."""
    return unicodedata.normalize("NFKC", text)


_BY_SPELLING = _spellings()
# For spellings in another case, such as "UM" and "Micron".
_BY_LOWER_CASE = {spelling.lower(): name for spelling, name in _BY_SPELLING.items()} | _BY_SPELLING


def unit_name(spelling: str) -> str:
    r"""Return the name of a unit, for example ``micrometer`` for ``µm``; unknown units unchanged.

    Names are those of OME-Zarr. The name is empty for what is no unit, such as "pixels". The micro sign may be written
    as such, as Greek mu, as "u", or escaped, as in ImageJ's ``\u00B5m``.
    """
    spelling = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), spelling).strip()
    plain = _plain(spelling)
    if plain.lower() in _NONE:
        return ""
    return _BY_SPELLING.get(plain) or _BY_LOWER_CASE.get(plain.lower(), spelling)


def unit(spelling: str) -> Unit | None:
    """Return the unit of a spelling; None if it is unknown."""
    return UNITS.get(unit_name(spelling))
