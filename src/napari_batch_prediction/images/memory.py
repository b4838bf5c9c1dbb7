"""Images in memory, such as layers of a viewer."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.images.base import AxesKnown, Image


class Channels:
    """Arrays of equal shape and type as the channels of one, along a last axis; only what is read is copied.

    Parameters
    ----------
    arrays
        The arrays, lazy or not; at least one.
    """

    def __init__(self, arrays: "Sequence[NDArray | Channels]") -> None:
        self._arrays = tuple(arrays)
        self.shape: tuple[int, ...] = (*arrays[0].shape, len(arrays))
        self.dtype: np.dtype = arrays[0].dtype

    def __getitem__(self, region: tuple[slice, ...]) -> NDArray:
        return np.stack([np.asarray(array[region[:-1]]) for array in self._arrays[region[-1]]], axis=-1)


class MemoryImage(Image):
    """An array as an image.

    Parameters
    ----------
    location
        The text of its location.
    pixels
        A numpy array, a lazy array that is indexed and converted like one, or several as channels.
    axes, axes_known, pixel_size, units, origin, channel_names
        See :class:`~napari_batch_prediction.images.base.Image`.
    """

    def __init__(
        self,
        location: str,
        pixels: NDArray | Channels,
        axes: str,
        *,
        axes_known: AxesKnown,
        pixel_size: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        origin: Mapping[str, float] | None = None,
        channel_names: Sequence[str] = (),
    ) -> None:
        super().__init__(
            location,
            axes,
            pixels.shape,
            pixels.dtype,
            axes_known=axes_known,
            pixel_size=pixel_size,
            units=units,
            origin=origin,
            channel_names=channel_names,
        )
        self.pixels = pixels

    def with_axes(self, axes: str) -> "MemoryImage":
        """Return the same pixels with the user's axes; pixel sizes stay with their keys.

        Raises
        ------
        AxesError
            If the axes are not valid or do not fit the array.
        """
        return MemoryImage(
            self.location,
            self.pixels,
            axes,
            axes_known="user",
            pixel_size=self.pixel_size,
            units=self.units,
            origin=self.origin,
            channel_names=self.channel_names,
        )

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self.pixels[region]

    def close(self) -> None:
        """Do nothing: there is no file, and the owner of the array keeps it."""

    def _release(self) -> None:
        """Do nothing."""
