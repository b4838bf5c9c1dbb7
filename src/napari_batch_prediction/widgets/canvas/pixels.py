"""Pixels for layers: in memory if they are few, else read lazily."""

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

# Up to this many bytes an array is read at once and its file closed; larger ones are read lazily.
IN_MEMORY = 2**27

# The same for each level of an image with coarse levels, of which a small one is shown first.
LEVEL_IN_MEMORY = 2**24

# Side of the square that is read at a time: large for few reads, small for short waits.
CHUNK = 1024


class Pixels(NamedTuple):
    """The pixels of an image.

    Attributes
    ----------
    levels
        An array for each level, the full resolution first; the first axis of each is that of the channels.
    files
        The open files behind lazy levels.
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
        """Return the smallest and the largest value; of lazy pixels, of the middle."""
        return limits(self.levels[-1])


def read_pixels(image: Image, order: str, channels: Channels | None = None) -> Pixels:
    """Read an image, or prepare lazy reading.

    Parameters
    ----------
    image
        The image; it is closed unless it is among the ``files`` of the result.
    order
        The axes of the result, after ``c``. Axes that the image lacks are added; its axes of extent 1 that are not
        named are left out.
    channels
        The channels that the image was opened with, for its coarser levels.

    Raises
    ------
    ImageReadError
        If it cannot be read; no file stays open.
    """
    with ExitStack() as unless_kept:
        unless_kept.callback(image.close)
        images = [image]
        if _bytes(image) > LEVEL_IN_MEMORY:
            for coarser in _coarser(image, channels):
                unless_kept.callback(coarser.close)
                images.append(coarser)
        most = LEVEL_IN_MEMORY if len(images) > 1 else IN_MEMORY
        lazy = [level for level in images if _bytes(level) > most]
        levels = []
        for level in images:
            if level in lazy:
                levels.append(_lazy(level, order))
                continue
            # Copied here, so that the main thread need not when it draws.
            levels.append(np.ascontiguousarray(reorder(level.read(), level.axes, f"c{order}")))
        unless_kept.pop_all()
    for level in images:
        if level not in lazy:
            level.close()
    return Pixels(tuple(levels), tuple(lazy))


def limits(pixels: Any) -> tuple[float, float]:
    """Return the smallest and the largest value; of lazy pixels, of the middle."""
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
    """An image that dask can index as an array."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.shape, self.dtype, self.ndim = image.shape, image.dtype, len(image.shape)

    def __getitem__(self, region: tuple[slice, ...]) -> Any:
        return self.image.read(region)


def _lazy(image: Image, order: str) -> Any:
    # The import takes a second, and loads xarray and pandas where they are installed; most images never need it.
    import dask.array as da

    # One plane at a time. napari's cache knows dask arrays by their names: a new file must have a new name.
    chunks = tuple(min(n, CHUNK) if key in "yx" else 1 for key, n in zip(image.axes, image.shape, strict=True))
    meta = np.empty((0,) * len(image.shape), image.dtype)
    pixels: Any = da.from_array(_Reader(image), chunks=chunks, name=False, meta=meta)  # type: ignore[no-untyped-call]
    return reorder(pixels, image.axes, f"c{order}")
