"""Sizes of pixels in centimetres."""

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.images.units import unit_name

_CENTIMETRES = {
    "nanometer": 1e-7,
    "micrometer": 1e-4,
    "millimeter": 0.1,
    "centimeter": 1.0,
    "meter": 100.0,
    "inch": 2.54,
}


def centimetres(target: Target, key: str) -> float:
    """Return the size of a pixel along an axis in centimetres; 0 if unknown or no length."""
    return _CENTIMETRES.get(unit_name(target.units.get(key, "")), 0.0) * target.pixel_size.get(key, 0.0)
