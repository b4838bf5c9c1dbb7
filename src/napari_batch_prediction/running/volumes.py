"""Volumes that are read and written while objects are made: each part is told, and can be the last one."""

import threading
from collections.abc import Callable
from math import prod

from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.objects.volume import Volume, close_volume
from napari_batch_prediction.wording import size

STEPS = 8
"""The steps of progress that the objects of a time point are."""


# What the box of an object takes while it is split, or its skeleton is made, for each pixel at most; and pixels that a
# plan has counted, as a slab or for small images.
_BYTES_OF_A_PIXEL, _COUNTED = 100, 2**23


class StoppedError(Exception):
    """The run was cancelled, or the image has failed elsewhere."""


class ImageVolume:
    """One time point of an image as a volume."""

    def __init__(self, image: Image, t: int) -> None:
        extents = image.extents
        self.shape = (extents["c"], extents["z"], extents["y"], extents["x"])
        self.dtype = image.dtype
        self._image, self._t = image, t

    def read(self, box: Box, channels: slice = slice(None)) -> NDArray:
        """Return the values of a box."""
        return self._image.read_czyx(self._t, *box)[channels]

    def write(self, box: Box, values: NDArray) -> None:
        """Do not: an image is only read."""
        raise TypeError("an image is only read")


class Watch:
    """Lets work on volumes be stopped, and tells how far it is.

    Parameters
    ----------
    is_stopped
        Asked at every part of a volume.
    tell
        Called once for each of :data:`STEPS` steps but the last.
    n_pixels
        Pixels that are going to be read or written, about.
    room
        Bytes of memory that there are; those that the computer has free now if None.
    """

    def __init__(
        self, is_stopped: Callable[[], bool], tell: Callable[[], None], n_pixels: int, room: int | None = None
    ) -> None:
        self._is_stopped, self._tell, self._n_pixels, self._room = is_stopped, tell, n_pixels, room
        self._seen = self.n_told = 0
        self._lock = threading.Lock()

    def look(self, n_pixels: int) -> None:
        """Note that so many pixels are read or written; called from several threads.

        Raises
        ------
        StoppedError
            If the work is to be stopped.
        ImageMismatchError
            If so many at once need more memory than there is, as those of an object that nearly fills the image.
        """
        if self._is_stopped():
            raise StoppedError
        if n_pixels > _COUNTED:
            self._check_room(n_pixels)
        with self._lock:
            self._seen += n_pixels
            while self.n_told < min(STEPS - 1, STEPS * self._seen // self._n_pixels):
                self.n_told += 1
                self._tell()

    def _check_room(self, n_pixels: int) -> None:
        # No plan knows how large the largest object is.
        import psutil

        room = psutil.virtual_memory().available if self._room is None else self._room
        if _BYTES_OF_A_PIXEL * n_pixels > room:
            raise ImageMismatchError(
                f"There is an object in a box of {n_pixels:,} pixels, which takes {size(_BYTES_OF_A_PIXEL * n_pixels)} "
                f"of memory as a whole, and {size(room)} are left. Choose another class or a higher threshold, do not "
                "split, or allow more memory.",
                setting="memory",
            )


class WatchedVolume:
    """A volume of which each part that is read or written is told to a watch."""

    def __init__(self, volume: Volume, watch: Watch) -> None:
        self.shape, self.dtype = volume.shape, volume.dtype
        self._volume, self._watch = volume, watch

    def read(self, box: Box, channels: slice = slice(None)) -> NDArray:
        """Return the values of a box."""
        self._watch.look(prod(side.stop - side.start for side in box))
        return self._volume.read(box, channels)

    def write(self, box: Box, values: NDArray) -> None:
        """Store the values of a box."""
        self._watch.look(prod(side.stop - side.start for side in box))
        self._volume.write(box, values)

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        close_volume(self._volume)
