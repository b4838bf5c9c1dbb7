"""Arrays, and layers of a viewer, as images: numpy, dask, zarr, xarray, and whatever is indexed like them.

Neither napari nor xarray is imported: what is needed of a layer or a labelled array are its attributes.
"""

from typing import Any, TypeGuard

import numpy as np

from napari_batch_prediction.axes import KEYS, check_axes, guess_axes
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import AxesKnown, Image
from napari_batch_prediction.images.memory import MemoryImage


def is_layer(given: object) -> bool:
    """Return True for a layer of a viewer: a thing with a name, data, and maybe several levels."""
    return all(hasattr(given, name) for name in ("data", "multiscale", "name", "axis_labels"))


def is_array(given: object) -> TypeGuard[Any]:
    """Return True for an array: a thing with a shape, a type, and regions."""
    return all(hasattr(given, name) for name in ("shape", "dtype", "__getitem__"))


def array_image(given: Any, axes: str | None = None, name: str = "array") -> Image:
    """Return an array or a layer as an image; pixels are not copied, and lazy ones are read region by region.

    Parameters
    ----------
    given
        An array, a layer (of several levels the first is used), or an image, which is returned as it is.
    axes
        Its axis keys. If None, those that a layer or an xarray names, else ilastik's guess.
    name
        The name of an array in messages.

    Raises
    ------
    AxesError
        If the axes do not fit.
    ImageReadError
        If it is neither, or holds no real numbers.
    """
    if isinstance(given, Image):
        return given
    if is_layer(given):
        pixels = given.data[0] if given.multiscale else given.data
        has_colours = bool(getattr(given, "rgb", False))
        labels = [*given.axis_labels, *"c"[: int(has_colours)]]
        name = f"layer:{given.name}"
    elif is_array(given):
        pixels, labels = given, [*getattr(given, "dims", ())]
        # An xarray is indexed faster by its data.
        pixels = getattr(given, "data", given) if labels else given
    else:
        raise ImageReadError(
            f"{name} is a {type(given).__name__}, expected an array, a layer, or the path of an image."
        )
    if axes is not None:
        return MemoryImage(name, pixels, check_axes(axes, pixels.shape), axes_known="user")
    own = _axes(labels)
    known: AxesKnown = "guess" if own is None else "file"
    return MemoryImage(name, pixels, own or guess_axes(np.shape(pixels)), axes_known=known)


def _axes(labels: list[Any]) -> str | None:
    """Return the axes that labels of dimensions name; None if they are no axis keys."""
    keys = "".join(str(label).lower() for label in labels)
    is_known = len(keys) == len(labels) == len(set(keys)) and {"y", "x"} <= set(keys) <= set(KEYS)
    return keys if is_known else None
