"""Axis keys ``t c z y x``: checking, guessing, reordering, and vigra's axistags."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import AxesError

KEYS = "tczyx"
AxisKey = Literal["t", "c", "z", "y", "x"]

# Type flags of vigra's axistags: 1 channel, 2 space, 8 time.
_TYPE_FLAGS = {"c": 1, "t": 8, "z": 2, "y": 2, "x": 2}

# Characters of axistags; five axes with descriptions take about a thousand.
_MAX_AXISTAGS = 100_000

# ilastik's guess by number of dimensions, for files without axes.
_GUESS = {2: "yx", 3: "zyx", 4: "zyxc", 5: "tzyxc"}


def check_axes(axes: str, shape: Sequence[int] | None = None) -> str:
    """Return axes in lower case after checking them.

    Parameters
    ----------
    axes
        Axis keys in array order, for example ``"zyxc"``.
    shape
        Shape of the array, which must have one extent for each key.

    Raises
    ------
    AxesError
        If a key is unknown or repeated, ``y`` or ``x`` is missing, or there is not one key for each
        dimension.
    """
    if not isinstance(axes, str):
        raise AxesError(f"Axes are a text such as 'yx' or 'tyxc', got {axes!r}.", setting="axes")
    axes = axes.lower()
    if set(axes) - set(KEYS) or len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes):
        raise AxesError(
            f"Axes '{axes}' are not valid. Expected each of y and x, and at most one each of t, c and z, "
            "for example 'yx', 'zyx' or 'tyxc'.",
            setting="axes",
        )
    if shape is not None and len(shape) != len(axes):
        raise AxesError(
            f"Axes '{axes}' name {len(axes)} dimensions, but the image has {len(shape)}: shape {tuple(shape)}. "
            "Give one axis key for each dimension.",
            setting="axes",
        )
    return axes


def guess_axes(shape: Sequence[int]) -> str:
    """Return the axes that ilastik assumes for an array without axes.

    They are ``yx`` in 2D; ``zyx`` in 3D, or ``yxc`` if the last extent is at most 4; ``zyxc`` in 4D; ``tzyxc`` in 5D.

    Raises
    ------
    AxesError
        If the number of dimensions is not 2 to 5.
    """
    if len(shape) == 3 and shape[-1] <= 4:
        return "yxc"
    try:
        return _GUESS[len(shape)]
    except KeyError:
        raise AxesError(f"An image needs 2 to 5 dimensions, got {len(shape)}: shape {tuple(shape)}.") from None


def reorder(array: NDArray, source: str, target: str) -> NDArray:
    """Return a view of ``array`` with its axes in another order.

    Parameters
    ----------
    array
        Array with axes ``source``.
    source, target
        Axis keys. Axes of ``target`` that ``source`` lacks are added with extent 1; axes that ``target``
        lacks are dropped, and must have extent 1.

    Raises
    ------
    AxesError
        If an axis to be dropped has an extent other than 1.
    """
    for key, extent in zip(source, array.shape, strict=True):
        if key not in target and extent != 1:
            raise AxesError(
                f"Axis '{key}' of extent {extent} cannot be left out: axes '{source}', wanted '{target}'. "
                f"Keep '{key}' or choose one index along it."
            )
    kept = [key for key in source if key in target]
    array = array.reshape([n for key, n in zip(source, array.shape, strict=True) if key in target])
    array = array.transpose([kept.index(key) for key in target if key in kept])
    return array[tuple(slice(None) if key in kept else None for key in target)]


def output_axes(axes: str) -> str:
    """Return the axes of a prediction of an image: the image's, with ``c`` added at the end if missing."""
    return axes if "c" in axes else axes + "c"


def axistags_to_json(axes: str, resolution: Mapping[str, float] | None = None) -> str:
    """Return vigra's axistags for ``axes`` as the JSON text that ilastik stores in the attribute ``axistags``."""
    sizes = resolution or {}
    tags = [
        {"key": key, "typeFlags": _TYPE_FLAGS[key], "resolution": sizes.get(key, 0), "description": ""} for key in axes
    ]
    return json.dumps({"axes": tags}, indent=2)


def axistags_from_json(text: str | bytes) -> tuple[str, dict[str, float]]:
    """Return the axis keys of vigra's axistags, and the size of a pixel along each axis that has one.

    Raises
    ------
    AxesError
        If the text is not axistags, or has unknown keys.
    """
    try:
        if len(text) > _MAX_AXISTAGS:
            raise ValueError(f"{len(text)} characters")
        tags = json.loads(text)["axes"]
        axes = "".join(tag["key"] for tag in tags)
        sizes = {tag["key"]: float(tag["resolution"]) for tag in tags if tag.get("resolution")}
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise AxesError(f"Not vigra axistags: {str(text)[:80]!r} ({error}).") from error
    return check_axes(axes), sizes


def extents(axes: str, shape: Sequence[int]) -> dict[str, int]:
    """Return the extent along each of ``t c z y x``; 1 along missing axes."""
    by_key = dict(zip(axes, shape, strict=True))
    return {key: by_key.get(key, 1) for key in KEYS}


def as_float32(array: NDArray) -> NDArray[np.float32]:
    """Return an array as contiguous float32 without rescaling, as ilastik casts every input."""
    return np.ascontiguousarray(array, dtype=np.float32)
