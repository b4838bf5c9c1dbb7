"""Pixels for layers: in memory if they are few, else read as they are looked at."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from math import prod
from typing import Any, NamedTuple

import numpy as np

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.formats.zarr.store import coarser_levels
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import Channels
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt

# Up to this many bytes an array is read at once and its file closed. Above, it is read as it is looked at.
IN_MEMORY = 2**27

# Of an image with coarse levels this much. What is seen at first is read at once, in whatever level it is.
LEVEL_IN_MEMORY = 2**24

# Side of the square that is read at a time: wide enough for few reads, small enough not to wait for.
CHUNK = 1024


class Pixels(NamedTuple):
    """The pixels of an image.

    Attributes
    ----------
    levels
        An array for each level, the full resolution first; of all, the first axis is that of the channels.
    files
        The open files behind those that are lazy.
    """

    levels: tuple[Any, ...]
    files: tuple[Image, ...]

    def channel(self, index: int) -> Any:
        """Return one channel as the data of a layer: an array, or a list of levels."""
        return self.data([level[index] for level in self.levels])

    @staticmethod
    def data(levels: Sequence[Any]) -> Any:
        """Return levels as the data of a layer."""
        return levels[0] if len(levels) == 1 else list(levels)

    def limits(self) -> tuple[float, float]:
        """Return the smallest and the largest value; if the pixels are lazy, of a part of them."""
        return limits(self.levels[-1])


def read_pixels(image: Image, order: str, channels: Channels | None = None) -> Pixels:
    """Read an image, or prepare to.

    Parameters
    ----------
    image
        The image; it is closed unless it is among the ``files`` of the result.
    order
        The axes of the result, after ``c``. Axes that the image lacks are added, axes of extent 1 that are not
        here left out.
    channels
        The channels that were chosen of it, for its coarser levels.

    Raises
    ------
    ImageReadError
        If it cannot be read; no file stays open then.
    """
    with ExitStack() as unless_kept:
        unless_kept.callback(image.close)
        images = [image]
        if _bytes(image) > LEVEL_IN_MEMORY:
            for coarser in _coarser(image, channels):
                unless_kept.callback(coarser.close)
                images.append(coarser)
        most = LEVEL_IN_MEMORY if len(images) > 1 else IN_MEMORY
        lazy = [one for one in images if _bytes(one) > most]
        levels = []
        for one in images:
            if one in lazy:
                levels.append(_lazy(one, order))
                continue
            # Copied here, so that the main thread need not when it draws.
            levels.append(np.ascontiguousarray(reorder(one.read(), one.axes, f"c{order}")))
        unless_kept.pop_all()
    for one in images:
        if one not in lazy:
            one.close()
    return Pixels(tuple(levels), tuple(lazy))


def limits(pixels: Any) -> tuple[float, float]:
    """Return the smallest and the largest value; of the middle if the pixels are lazy."""
    if not isinstance(pixels, np.ndarray):
        middle = [slice(max(n - CHUNK, 0) // 2, max(n - CHUNK, 0) // 2 + CHUNK) for n in pixels.shape[-2:]]
        pixels = np.asarray(pixels[(*(n // 2 for n in pixels.shape[:-2]), *middle)])
    finite = pixels[np.isfinite(pixels)] if np.issubdtype(pixels.dtype, np.inexact) else pixels
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low, low + 1.0)


def _bytes(image: Image) -> int:
    return prod(image.shape) * image.dtype.itemsize


def _coarser(image: Image, channels: Channels | None) -> Iterable[Image]:
    """Yield the coarser levels of an OME-Zarr image, open."""
    if not image.dataset:
        return
    for level in coarser_levels(FileAt.of(image.location).path / image.dataset):
        yield open_image(level, image.axes, channels=channels)


class _Reader:
    """What dask reads lazily: an image behind the indexing of an array."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, len(image.shape)

    def __getitem__(self, region: tuple[slice, ...]) -> Any:
        return self.image.read(region)


def _lazy(image: Image, order: str) -> Any:
    # It takes a second to import, and brings xarray and pandas where they are installed; most images never need it.
    import dask.array as da

    # One plane at a time. Names of dask arrays are keys of napari's cache: a file that was written anew must not
    # be taken for the old one.
    chunks = tuple(min(n, CHUNK) if key in "yx" else 1 for key, n in zip(image.axes, image.shape, strict=True))
    meta = np.empty((0,) * len(image.shape), image.dtype)
    pixels: Any = da.from_array(_Reader(image), chunks=chunks, name=False, meta=meta)  # type: ignore[no-untyped-call]
    return reorder(pixels, image.axes, f"c{order}")
