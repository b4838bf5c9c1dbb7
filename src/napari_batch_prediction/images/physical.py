"""Areas and volumes of pixels in the unit of a file."""

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import NamedTuple

from napari_batch_prediction.images.units import unit


class PixelMeasure(NamedTuple):
    """The area or the volume of a pixel.

    Attributes
    ----------
    is_volume
        True if it is a volume, False if it is an area.
    value
        The area or volume; None if the file does not say how large a pixel is.
    unit
        Its unit, as ``micrometer^2``; empty if unknown.
    """

    is_volume: bool
    value: float | None
    unit: str


def spacing(extents: Mapping[str, int], pixel_size: Mapping[str, float], units: Mapping[str, str]) -> dict[str, float]:
    """Return the size of a pixel along ``z y x``, or ``y x`` of an image of one slice, all in the unit of x.

    Parameters
    ----------
    extents
        The extent along each axis.
    pixel_size, units
        See :class:`~napari_batch_prediction.images.base.Image`.

    Returns
    -------
    The sizes; empty if one of them, or its unit of length, is unknown.
    """
    axes = "zyx" if extents["z"] > 1 else "yx"
    sizes = in_unit_of_x({key: size for key in axes if (size := pixel_size.get(key, 0)) > 0}, units)
    return sizes if len(sizes) == len(axes) else {}


def in_unit_of_x(lengths: Mapping[str, float], units: Mapping[str, str]) -> dict[str, float]:
    """Return lengths along axes in the unit of x, without those whose unit of length is unknown.

    Parameters
    ----------
    lengths
        A length along each axis, in its unit.
    units
        The unit of each axis.
    """
    of_x = unit(units.get("x", ""))
    found = {}
    for key, length in lengths.items():
        own = unit(units.get(key, ""))
        if own is not None and of_x is not None and own.kind == of_x.kind == "space":
            # Of decimal numbers: of floats, a micrometer would not be 1000 nanometers.
            found[key] = length * float(Fraction(repr(own.size)) / Fraction(repr(of_x.size)))
    return found


def pixel_measure(
    extents: Mapping[str, int], pixel_size: Mapping[str, float], units: Mapping[str, str]
) -> PixelMeasure:
    """Return the area of a pixel of an image of one slice, or the volume of one of several; see :func:`spacing`."""
    is_volume = extents["z"] > 1
    sizes = spacing(extents, pixel_size, units)
    if not sizes:
        return PixelMeasure(is_volume, None, "")
    known = unit(units["x"])
    return PixelMeasure(is_volume, prod(sizes.values()), f"{known.name if known else ''}^{len(sizes)}")
