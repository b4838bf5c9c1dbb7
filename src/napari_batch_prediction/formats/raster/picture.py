"""Facts and pixels of a picture, as its format hands them to the reader."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.images.base import Decoding

Region = tuple[slice, ...]


class Pixels(ABC):
    """The pixels of a picture."""

    @abstractmethod
    def read(self, region: Region) -> NDArray:
        """Return a region, one slice with start and stop for each axis; safe to call from several threads."""

    def close(self) -> None:
        """Close the file; nothing to do for pixels in memory."""
        return


class Decoded(Pixels):
    """Pixels in an array."""

    def __init__(self, array: NDArray) -> None:
        self._array = array

    def read(self, region: Region) -> NDArray:
        """Return a region."""
        return self._array[region]


class Picture(NamedTuple):
    """The facts in a header, and a function that decodes the pixels.

    Attributes
    ----------
    axes, shape, dtype
        Axes, shape and type of the pixels.
    decode
        Returns the pixels; called once.
    decoding
        The memory that this takes.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: DTypeLike
    decode: Callable[[], Pixels]
    decoding: Decoding


def yx_or_yxc(height: int, width: int, channels: int) -> tuple[str, tuple[int, ...]]:
    """Return axes and shape of a picture: without ``c`` if it has one channel."""
    return ("yx", (height, width)) if channels == 1 else ("yxc", (height, width, channels))


def file_bytes(file: Path) -> int:
    """Return the size of a file in whole MiB, so that most pictures of a batch have the same facts."""
    return -(-file.stat().st_size // 2**20) * 2**20
