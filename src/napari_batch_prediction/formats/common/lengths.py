"""Sizes of pixels in centimetres."""

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.images.units import unit


def centimetres(target: Target, key: str) -> float:
    """Return the size of a pixel along an axis in centimetres; 0 if unknown or no length."""
    length = unit(target.units.get(key, ""))
    if length is None or length.kind != "space":
        return 0.0
    # Rounded, so that a micrometre is 1e-4 of them, not the number below.
    return float(f"{length.size * 100:.15g}") * target.pixel_size.get(key, 0.0)
