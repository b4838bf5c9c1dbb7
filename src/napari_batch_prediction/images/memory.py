"""Images in memory, such as layers of a viewer."""

from collections.abc import Mapping, Sequence

from numpy.typing import NDArray

from napari_batch_prediction.images.base import AxesKnown, Image


class MemoryImage(Image):
    """An array as an image.

    Parameters
    ----------
    location
        The text of its location.
    pixels
        A numpy array, or a lazy array that is indexed and converted like one.
    axes, axes_known, pixel_size, units, channel_names
        See :class:`~napari_batch_prediction.images.base.Image`.
    """

    def __init__(
        self,
        location: str,
        pixels: NDArray,
        axes: str,
        *,
        axes_known: AxesKnown,
        pixel_size: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
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
            channel_names=self.channel_names,
        )

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self.pixels[region]

    def close(self) -> None:
        """Do nothing: there is no file, and the owner of the array keeps it."""

    def _release(self) -> None:
        """Do nothing."""
