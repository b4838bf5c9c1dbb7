"""Images that are given as objects: arrays of any library, xarray's, and layers of a viewer.

Neither napari nor xarray is imported: what is needed of a layer or a labelled array are its attributes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, check_axes, guess_axes
from napari_batch_prediction.errors import AxesError, ImageMismatchError, ImageReadError
from napari_batch_prediction.images.base import COLOURS, AxesKnown
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.units import unit_name

Kind = TypeVar("Kind", bound=MemoryImage)

_DIMS = {"time": "t", "channel": "c", "channels": "c", "depth": "z"}

# Steps of coordinates are alike if they differ by less than this part of a step.
_ALIKE = 1e-3


class XarrayImage(MemoryImage):
    """An xarray as an image.

    Attributes
    ----------
    given
        The xarray.
    """

    given: Any

    def part(self, region: Mapping[str, tuple[int, int]], axes: str) -> Any:
        """Return the xarray, which has these axes, in a region of all but its channels."""
        dims = zip(axes, self.given.dims, strict=False)
        return self.given.isel({dim: slice(*region[key]) for key, dim in dims if key != "c"})


def is_layer(value: object) -> bool:
    """Return True for a layer of napari, of any kind."""
    return all(hasattr(value, name) for name in ("axis_labels", "scale", "units", "name", "data"))


def is_xarray(value: object) -> bool:
    """Return True for an array of xarray."""
    return all(hasattr(value, name) for name in ("dims", "coords", "values", "dtype"))


def is_array(value: object) -> TypeGuard[Any]:
    """Return True for an array of pixels, of any library; not for a list, nor for an array of texts or objects."""
    is_like_one = all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))
    return is_like_one and getattr(getattr(value, "dtype", None), "kind", "f") not in "OUST"


def array_image(given: Any, axes: str | None = None, name: str = "array") -> MemoryImage:
    """Return an array or a layer as an image; pixels are not copied, and lazy ones are read region by region.

    Parameters
    ----------
    given
        An array of numpy or of a library that is indexed and converted like numpy's, or a list of lists; one of
        xarray, whose names of dimensions are its axes; a layer of napari with pixels.
    axes
        Axis keys of the user. If None, those that a layer or an xarray names, else ilastik's guess.
    name
        The text of its location, for messages.

    Raises
    ------
    AxesError
        If the axes are not valid or do not fit.
    ImageReadError
        If it is neither an array nor a layer, or has no pixels.
    ImageMismatchError
        If it does not hold real numbers.
    """
    if is_layer(given):
        image = layer_image(given, name, MemoryImage)
        return image if axes is None else image.with_axes(axes)
    if is_xarray(given):
        return _xarray_image(given, name, axes)
    if not (is_array(given) or hasattr(given, "__array__") or isinstance(given, list | tuple)):
        raise ImageReadError(
            f"{name} is a {type(given).__name__}, expected an array, a layer, or the path of an image."
        )
    return _array_image(given, name, axes)


def _array_image(value: Any, location: str, axes: str | None) -> MemoryImage:
    pixels = value if is_array(value) else np.asarray(value)
    _require_numbers(pixels, location)
    # The axes of a plane need no guess.
    known: AxesKnown = "user" if axes is not None else "file" if len(pixels.shape) == 2 else "guess"
    return MemoryImage(location, pixels, guess_axes(pixels.shape) if axes is None else axes, axes_known=known)


def _xarray_image(value: Any, location: str, axes: str | None) -> XarrayImage:
    _require_numbers(value, location)
    known: AxesKnown = "file" if axes is None else "user"
    own = xarray_axes(value) if axes is None else check_axes(axes, value.shape)
    sizes, units = {}, {}
    names: tuple[str, ...] = ()
    for key, dim in zip(own, value.dims, strict=True):
        along = value.coords.get(dim)
        if along is None:
            continue
        labels = np.asarray(along)
        if key == "c":
            names = tuple(map(str, labels))
        elif (size := _step(labels)) is not None:
            sizes[key] = size
            if unit := unit_name(str(along.attrs.get("units", ""))):
                units[key] = unit
    image = XarrayImage(location, value.data, own, axes_known=known, pixel_size=sizes, units=units, channel_names=names)
    image.given = value
    return image


def xarray_axes(value: Any) -> str:
    """Return the axes that the names of an xarray's dimensions are; those without meaning are guessed by the shape.

    Raises
    ------
    AxesError
        If some names are axes and others are not.
    """
    names = [str(dim).lower() for dim in value.dims]
    keys = [_DIMS.get(name, name) for name in names]
    if all(key in KEYS for key in keys):
        return check_axes("".join(keys), value.shape)
    if all(name == f"dim_{i}" for i, name in enumerate(names)):
        return guess_axes(value.shape)
    raise AxesError(
        f"The dimensions {', '.join(map(repr, value.dims))} are not axes. Expected names among t, c, z, y and x; "
        "give axes=, one of these letters for each dimension.",
        setting="axes",
    )


def _step(labels: np.ndarray) -> float | None:
    """Return the step of coordinates that rise evenly; None if they do not, or are only indices."""
    if labels.ndim != 1 or len(labels) < 2 or labels.dtype.kind not in "iuf":
        return None
    steps = np.diff(labels.astype(float))
    step = float(steps[0])
    is_even = step > 0 and bool((abs(steps - step) < _ALIKE * step).all())
    return step if is_even and (labels.dtype.kind == "f" or step != 1) else None


def layer_image(layer: Any, location: str, kind: type[Kind]) -> Kind:
    """Return a layer of pixels as an image, without copying its pixels.

    Parameters
    ----------
    layer
        The layer; of several levels the first is used. Axis labels among t, c, z, y, x are the axes, and the colours
        of an RGB layer the channels; otherwise axes are guessed. Scale and units, if set, give the size of a pixel.
    location
        The text of its location.
    kind
        The class of the image.

    Raises
    ------
    AxesError
        If the layer has more dimensions than an image.
    ImageReadError
        If its pixels are not real numbers, or it has none, as layers of points.
    """
    if not (hasattr(layer, "rgb") or hasattr(layer, "selected_label")):
        raise ImageReadError(f"The layer '{layer.name}' is one of {type(layer).__name__}, expected one with pixels.")
    rgb = bool(getattr(layer, "rgb", False))
    pixels = layer.data[0] if layer.multiscale else layer.data
    axes, axes_known = _layer_axes(layer, pixels.shape, rgb=rgb)
    spatial = axes.removesuffix("c") if rgb else axes
    sizes = {}
    units = {}
    for key, size, unit in zip(spatial, layer.scale, layer.units, strict=True):
        name = unit_name(str(unit))
        if key != "c" and size > 0 and (size != 1 or name):
            sizes[key] = float(size)
            if name:
                units[key] = name
    names = COLOURS.get(pixels.shape[-1], ()) if rgb else ()
    return kind(location, pixels, axes, axes_known=axes_known, pixel_size=sizes, units=units, channel_names=names)


def _layer_axes(layer: Any, shape: tuple[int, ...], *, rgb: bool) -> tuple[str, AxesKnown]:
    labels = [label.lower() for label in layer.axis_labels]
    n = len(labels)
    ours = set(KEYS) - {"c"} if rgb else set(KEYS)
    if len(set(labels)) == n and {"y", "x"} <= set(labels) <= ours:
        return "".join(labels) + "c" * rgb, "file"
    # The axes of a plane need no guess.
    axes_known: AxesKnown = "file" if n == 2 else "guess"
    if rgb:
        # The axes before the colours are those of a plane, or of planes over depth or time.
        return {2: "yx", 3: "zyx", 4: "tzyx"}.get(n, guess_axes(shape).removesuffix("c")) + "c", axes_known
    return guess_axes(shape), axes_known


def _require_numbers(pixels: Any, location: str) -> None:
    """Raise :class:`ImageMismatchError` for pixels that are no real numbers."""
    dtype = np.dtype(pixels.dtype)
    if dtype.kind == "c":
        raise ImageMismatchError(
            f"'{location}' holds complex numbers ({dtype}), expected integers or floating-point numbers. Predict "
            "their size (abs), or another real number made of them."
        )
    if dtype.kind not in "buif":
        raise ImageMismatchError(
            f"'{location}' holds values of type {dtype}, expected integers or floating-point numbers. Give one image; "
            "a BatchJob takes many."
        )


def as_xarray(values: NDArray, axes: str, image: Any, own: str, name: str, channels: Sequence[str]) -> Any:
    """Return values that were predicted of an xarray as one, with its dimensions and coordinates.

    Parameters
    ----------
    values, axes
        The values, and their axes.
    image, own
        The xarray, and its axes; a channel axis that it does not have may follow.
    name
        The name of the new one.
    channels
        The names of the channels of the values, for the coordinate of a new dimension ``c``.
    """
    dims = dict(zip(own, image.dims, strict=False))
    wanted = [dims.get(key, key) for key in axes]
    kept = {dims[key] for key in axes if key in dims and key != "c"}
    coords = {label: along for label, along in image.coords.items() if set(along.dims) <= kept}
    if "c" in axes:
        coords[dims.get("c", "c")] = [*channels]
    return type(image)(values, dims=wanted, coords=coords, name=name)
