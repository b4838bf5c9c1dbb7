"""Training images whose files are open only while they are read."""

from collections.abc import Callable
from threading import Lock

from numpy.typing import NDArray

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.images.base import Decoding, Image


class ReopeningImage(Image):
    """An image that opens its file when it is read, also after it was closed.

    Parameters
    ----------
    open_it
        Opens the image.

    Raises
    ------
    AxesError, ImageReadError
        If the image cannot be opened; it is opened once for its header.
    """

    def __init__(self, open_it: Callable[[], Image]) -> None:
        self._open_it = open_it
        self._lock = Lock()
        image = open_it()
        self._opened: Image | None = image
        super().__init__(
            image.location,
            image.axes,
            image.shape,
            image.dtype,
            axes_known=image.axes_known,
            pixel_size=image.pixel_size,
            units=image.units,
            origin=image.origin,
            channel_names=image.channel_names,
            dataset=image.dataset,
            warnings=image.warnings,
            parts=image.parts,
        )

    @property
    def decoding(self) -> Decoding:
        """The memory that reading the image takes."""
        return self._image().decoding

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self._image().read(region)

    def _image(self) -> Image:
        with self._lock:
            if self._opened is None:
                image = self._open_it()
                if (image.axes, image.shape, image.dtype) != (self.axes, self.shape, self.dtype):
                    image.close()
                    raise ImageReadError(
                        f"'{self.location}' has changed: expected {self.dtype} of shape {self.shape}, found "
                        f"{image.dtype} of shape {image.shape}. Open it anew."
                    )
                self._opened = image
            return self._opened

    def close(self) -> None:
        """Close the file until the image is read again."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
