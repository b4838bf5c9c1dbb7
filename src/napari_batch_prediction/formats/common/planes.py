"""What of an array is a picture: rows, columns and channels; and what runs along a sequence of pictures."""

from napari_batch_prediction.axes import KEYS, extents


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
