"""What of an array is a picture: rows, columns and channels; and what runs along a sequence of pictures."""

from collections.abc import Mapping
from pathlib import Path

from napari_batch_prediction.axes import KEYS, extents

SLICE_INDEX = "{slice_index}"


def extended(axes: str, shape: tuple[int, ...]) -> list[str]:
    """Return the axes besides channels along which there is more than one value, in array order."""
    return [key for key, n in zip(axes, shape, strict=True) if key != "c" and n > 1]


def picture_axes(axes: str, shape: tuple[int, ...]) -> str:
    """Return which axes are rows and columns of an array with at most two extended axes; then ``c``.

    The rows are what comes first of ``t z y x``, whatever the order of the array; axes of extent 1 fill up.
    """
    chosen = extended(axes, shape)
    chosen += [key for key in "yx" if key not in chosen]
    return "".join(sorted(chosen[:2], key=KEYS.index)) + "c"


def slice_axis(axes: str, shape: tuple[int, ...]) -> str | None:
    """Return the axis along which a sequence is cut into files; None if there is none.

    That is the first of three extended axes; or ``c`` if it comes first; or else an axis of extent 1.
    """
    long = extended(axes, shape)
    if len(long) > 2:
        return long[0]
    if axes[0] == "c" and shape[0] > 1:
        return "c"
    rows_columns = picture_axes(axes, shape)
    return next((key for key in axes if key not in rows_columns), None)


def n_channels(axes: str, shape: tuple[int, ...]) -> int:
    """Return the number of channels, 1 if there is no such axis."""
    return extents(axes, shape)["c"]


def slice_paths(path: Path, axes: str, shape: tuple[int, ...], offset: Mapping[str, int]) -> tuple[Path, ...]:
    """Return the files of a sequence.

    The index, with as many digits as the largest has, stands for ``{slice_index}``, or else at the end of the
    name after an underscore. It counts from where the array begins in the image.

    Parameters
    ----------
    path
        The pattern.
    axes, shape
        The whole array; there must be an axis to cut along.
    offset
        Where it begins in the image, in pixels.
    """
    axis = slice_axis(axes, shape) or ""
    n, first = shape[axes.index(axis)], int(offset.get(axis, 0))
    name = path.name if SLICE_INDEX in path.name else f"{path.stem}_{SLICE_INDEX}{path.suffix}"
    digits = len(str(first + n - 1))
    return tuple(path.with_name(name.replace(SLICE_INDEX, f"{i:0{digits}}")) for i in range(first, first + n))
