"""Arrays as pictures (rows, columns and channels) and as sequences of pictures along an axis."""

import re
from collections.abc import Mapping
from pathlib import Path

from napari_batch_prediction.axes import KEYS, extents

NUMBER_FORMAT = r"0?\d{0,2}d?"
"""How a number in a name may be formatted: its least digits, with zeros or blanks before it."""

_SLICE_INDEX = re.compile(rf"{{slice_index(?::({NUMBER_FORMAT}))?}}")


def extended(axes: str, shape: tuple[int, ...]) -> list[str]:
    """Return the axes other than channels with more than one value, in array order."""
    return [key for key, n in zip(axes, shape, strict=True) if key != "c" and n > 1]


def picture_axes(axes: str, shape: tuple[int, ...]) -> str:
    """Return the axes of rows and columns, and ``c``, for an array with at most two extended axes.

    The rows come first in ``t z y x``, whatever the order of the array. Axes of extent 1 are taken if needed.
    """
    keys = extended(axes, shape)
    keys += [key for key in "yx" if key not in keys]
    return "".join(sorted(keys[:2], key=KEYS.index)) + "c"


def slice_axis(axes: str, shape: tuple[int, ...]) -> str | None:
    """Return the axis along which a sequence has its files; None if there is none.

    It is the first of three extended axes; else ``c`` if it comes first; else an axis of extent 1.
    """
    long = extended(axes, shape)
    if len(long) > 2:
        return long[0]
    if axes[0] == "c" and shape[0] > 1:
        return "c"
    rows_columns = picture_axes(axes, shape)
    return next((key for key in axes if key not in rows_columns), None)


def n_channels(axes: str, shape: tuple[int, ...]) -> int:
    """Return the number of channels; 1 without an axis of channels."""
    return extents(axes, shape)["c"]


def slice_paths(path: Path, axes: str, shape: tuple[int, ...], offset: Mapping[str, int]) -> tuple[Path, ...]:
    """Return the files of a sequence.

    The index replaces ``{slice_index}``, or else follows the name after an underscore. It counts from the array's
    start in the image, with leading zeros unless the placeholder has a format, such as ``{slice_index:04}``.

    Parameters
    ----------
    path
        The pattern.
    axes, shape
        Axes and shape of the whole array, which must have an axis for the sequence.
    offset
        Start of the array in the image, in pixels.
    """
    axis = slice_axis(axes, shape) or ""
    n, first = shape[axes.index(axis)], int(offset.get(axis, 0))
    name = path.name if _SLICE_INDEX.search(path.name) else f"{path.stem}_{{slice_index}}{path.suffix}"
    zeros = f"0{len(str(first + n - 1))}"

    def numbered(i: int) -> Path:
        return path.with_name(_SLICE_INDEX.sub(lambda place: format(i, place[1] or zeros), name))

    return tuple(map(numbered, range(first, first + n)))
