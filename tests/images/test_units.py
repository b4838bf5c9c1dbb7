"""Units of length and time, and their spellings."""

import numpy as np
import pytest

from napari_batch_prediction.formats.common.lengths import centimetres
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.images.units import UNITS, unit, unit_name

# The lists of OME-Zarr 0.4 and 0.5.
LENGTHS = (
    "angstrom attometer centimeter decimeter exameter femtometer foot gigameter hectometer inch kilometer megameter "
    "meter micrometer mile millimeter nanometer parsec petameter picometer terameter yard yoctometer yottameter "
    "zeptometer zettameter"
)
TIMES = (
    "attosecond centisecond day decisecond exasecond femtosecond gigasecond hectosecond hour kilosecond megasecond "
    "microsecond millisecond minute nanosecond petasecond picosecond second terasecond yoctosecond yottasecond "
    "zeptosecond zettasecond"
)

# Those of OME-XML 2016-06, without "pixel" and "reference frame", which are no lengths.
SYMBOLS = (
    "Ym Zm Em Pm Tm Gm Mm km hm dam m dm cm mm µm nm pm fm am zm ym Å thou li in ft yd mi ua ly pc pt "
    "Ys Zs Es Ps Ts Gs Ms ks hs das s ds cs ms µs ns ps fs as zs ys min h d"
)

SPELLINGS = {
    "micro sign": ("\u00b5m", "micrometer"),
    "Greek mu": ("\u03bcm", "micrometer"),
    "escaped micro sign": (r"\u00B5m", "micrometer"),
    "escaped Greek mu": (r"\u03bcm", "micrometer"),
    "u": ("um", "micrometer"),
    "upper case": ("UM", "micrometer"),
    "British, plural": ("micrometres", "micrometer"),
    "micron": ("Micron", "micrometer"),
    "time with mu": ("µs", "microsecond"),
    "sign of the angstrom": ("\u212b", "angstrom"),
    "A with a ring": ("\u00c5", "angstrom"),
    "capital M": ("Mm", "megameter"),
    "small m": ("mm", "millimeter"),
    "capital P": ("Pm", "petameter"),
    "small p": ("pm", "picometer"),
    "blanks": (" nm ", "nanometer"),
    "no unit": ("pixel", ""),
    "unknown": ("furlong", "furlong"),
}


def test_units_of_ome_zarr_are_known():
    """All units that OME-Zarr lists have their kind; no other is said to be in the list."""
    assert sorted(u.name for u in UNITS.values() if u.in_ome_zarr and u.kind == "space") == LENGTHS.split()
    assert sorted(u.name for u in UNITS.values() if u.in_ome_zarr and u.kind == "time") == TIMES.split()


def test_units_of_ome_xml_are_known():
    """Each symbol of OME-XML is a unit of its own, and leads to it."""
    assert sorted(u.symbol for u in UNITS.values()) == sorted(SYMBOLS.split())
    for symbol in SYMBOLS.split():
        found = unit(symbol)
        assert found is not None
        assert found.symbol == symbol


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling_of_a_unit(spelling, name):
    """Units have one name for their many spellings; case tells mega from milli."""
    assert unit_name(spelling) == name


@pytest.mark.parametrize(("name", "size"), [("micrometer", 1e-4), ("angstrom", 1e-8), ("inch", 2.54), ("second", 0)])
def test_size_in_centimetres(tmp_path, name, size):
    """Lengths are centimetres, exact for powers of ten; times are not."""
    target = Target(tmp_path / "a.tif", "yx", (2, 2), np.dtype("u1"), pixel_size={"x": 1.0}, units={"x": name})
    assert centimetres(target, "x") == size
