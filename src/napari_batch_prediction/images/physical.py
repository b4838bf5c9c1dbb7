"""Areas and volumes of pixels in the unit of a file."""

from collections.abc import Mapping
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
    known = {key: unit(units.get(key, "")) for key in axes}
    lengths = {key: each for key, each in known.items() if each is not None and each.kind == "space"}
    sizes = {key: size for key in axes if (size := pixel_size.get(key, 0)) > 0}
    if len(lengths) < len(axes) or len(sizes) < len(axes):
        return {}
    # Without a factor where units are the same: its product would be rounded.
    return {
        key: size if lengths[key] == lengths["x"] else size * lengths[key].size / lengths["x"].size
        for key, size in sizes.items()
    }


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
