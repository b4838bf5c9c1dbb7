"""An image beside another one: what it is for, whether it fits, and a mask of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import extents
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.images.base import COLOURS, AxesKnown, Image

# Pictures with so many channels have opacity as the last, which is nowhere 0 in most.
_WITH_OPACITY = tuple(n for n, names in COLOURS.items() if names[-1] == "alpha")

# Axes along which one plane of a mask can be that of all.
_SPREAD = "tz"


@dataclass(frozen=True, slots=True)
class Role:
    """What a second image is for.

    Attributes
    ----------
    field
        The field of a job, and of the settings of an input, that names it.
    noun
        Its name in messages.
    example
        A template that may name it, by the name of the image that it is beside.
    spreads
        True if one time point of it may be that of all, and one slice that of all.
    """

    field: str
    noun: str
    example: str
    spreads: bool = False


MASK = Role("mask", "mask", "{stem}_mask.tif", spreads=True)

PREDICTION_MAPS = Role("prediction_maps", "image of probabilities", "{stem}_Probabilities.h5")

SEGMENTATION_IMAGE = Role("segmentation_image", "binary image", "{stem}_binary.tif")

LABEL_IMAGE = Role("label_image", "label image", "{stem}_labels.tif")

ROLES = {role.field: role for role in (MASK, PREDICTION_MAPS, SEGMENTATION_IMAGE, LABEL_IMAGE)}


def fitting_axes(
    role: Role, axes: str, axes_known: AxesKnown, shape: Sequence[int], beside: str, sizes: Mapping[str, int]
) -> str:
    """Return the axes of an image beside another one: its own, or if these are a guess that does not fit, others.

    Parameters
    ----------
    role
        What it is for.
    axes, axes_known, shape
        The axes as it was opened, their origin, and the extent along each.
    beside, sizes
        The axes of the other image, and its extent along each of ``t c z y x``.
    """
    if axes_known != "guess" or _misfits(role, extents(axes, shape), sizes) == "":
        return axes
    fitting = (
        others
        for others in _others(beside)
        if len(others) == len(shape) and not _misfits(role, extents(others, shape), sizes)
    )
    return next(fitting, axes)


def check_beside(role: Role, location: object, own: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Raise an error if an image does not fit the one that it is beside.

    Parameters
    ----------
    role, location
        What it is for, and where it is.
    own, sizes
        The extent along each of ``t c z y x`` of it and of the other image. That along c may differ.

    Raises
    ------
    ImageMismatchError
        If an extent differs.
    """
    if keys := _misfits(role, own, sizes):
        theirs = ", ".join(f"{key} {own[key]}" for key in keys)
        may = [
            f"{key} {sizes[key]}{' or 1' if role.spreads and key in _SPREAD and sizes[key] > 1 else ''}" for key in keys
        ]
        expected = ", ".join(may)
        # An array has no name but its role.
        name = "" if str(location) == role.noun else f" '{location}'"
        raise ImageMismatchError(
            f"The {role.noun}{name} is not of the size of the image: expected {expected}, got {theirs}. "
            f"Choose the {role.noun} of this image.",
            setting=role.field,
        )


def _misfits(role: Role, own: Mapping[str, int], sizes: Mapping[str, int]) -> str:
    """Return the axes along which extents do not fit."""
    return "".join(
        key for key in "tzyx" if own[key] != sizes[key] and not (role.spreads and key in _SPREAD and own[key] == 1)
    )


def _others(beside: str) -> Iterator[str]:
    """Yield axes for an image beside one with these axes: the same, with c at the end, and without t or z."""
    planes = beside.replace("c", "")
    for n in range(len(_SPREAD) + 1):
        for left_out in combinations(_SPREAD, n):
            kept = "".join(key for key in planes if key not in left_out)
            yield from dict.fromkeys([kept, "".join(key for key in beside if key not in left_out), f"{kept}c"])


def check_opacity(location: object, n_channels: int) -> None:
    """Raise an error if a mask may have a channel of opacity, which would count as set everywhere.

    Raises
    ------
    ImageMismatchError
        If it has 2 or 4 channels.
    """
    if n_channels in _WITH_OPACITY:
        raise ImageMismatchError(
            f"The mask '{location}' has {n_channels} channels, of which the last may be opacity: expected one channel, "
            "or the three of colours. Save it with one channel.",
            setting=MASK.field,
        )


class Mask:
    """The pixels of an image that are predicted: those where another image is not 0.

    Of several channels one that is not 0 is enough, as in ilastik. Where values are no numbers (NaN) nothing is
    predicted.

    Parameters
    ----------
    image
        The other image. A single time point counts for all, a single slice too.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._sizes = image.extents

    def read(self, t: int, z: slice, y: slice, x: slice) -> NDArray[np.bool_]:
        """Return where pixels are predicted in a region of one time point, as ``(z, y, x)``."""
        depth = slice(0, 1) if self._sizes["z"] == 1 else z
        values = self.image.read_czyx(0 if self._sizes["t"] == 1 else t, depth, y, x)
        inside = values != 0
        if values.dtype.kind == "f":
            inside &= ~np.isnan(values)
        plane: NDArray[np.bool_] = inside.any(axis=0)
        return np.broadcast_to(plane, (z.stop - z.start, *plane.shape[1:]))
