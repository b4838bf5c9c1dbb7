"""The one shape in which every readable file appears: an :class:`Image`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, reorder
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError, SettingsError

AxesKnown = Literal["file", "user", "guess"]
"""How the axes of an image are known: from the file, from the user, or guessed by ilastik's rules."""

COLOURS = {2: ("grey", "alpha"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
"""Names of channels that are the colours of a picture, by their number."""

_MOST_LISTED = 20


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what a library raises inside the block into an ImageReadError that says what could not be read.

    Parameters
    ----------
    what
        What is being read, for example ``"'cells.tif' as TIFF"``.
    """
    try:
        yield
    except BatchPredictionError:
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise ImageReadError(
            f"Cannot read {what}: {str(error).rstrip('. ') or type(error).__name__}. "
            "Check that the file is whole and opens in other programs; if it was copied, copy it again."
        ) from error


def choose_axes(shape: Sequence[int], user: str | None, file: str | None = None) -> tuple[str, AxesKnown]:
    """Return the axes to use and how they are known: the user's, else the file's, else ilastik's guess."""
    if user is not None:
        return check_axes(user, shape), "user"
    if file is not None:
        return check_axes(file, shape), "file"
    return guess_axes(shape), "guess"


def only_dataset(file: object, found: Mapping[str, str], name: str | None = None) -> str:
    """Return the only one of the images in a file.

    Parameters
    ----------
    file
        The file, for the message.
    found
        What each image in it is, in words, by its path.
    name
        The path that the user gave, which is none of these; None if none was given.

    Raises
    ------
    ImageReadError
        If there is none, or several, or a name was given.
    """
    listing = "; ".join(f"{path} {what}".rstrip() for path, what in list(found.items())[:_MOST_LISTED])
    if len(found) > _MOST_LISTED:
        listing += f"; and {len(found) - _MOST_LISTED} more"
    if not found:
        raise ImageReadError(f"'{file}' holds no image: no dataset of numbers with 2 to 5 dimensions.")
    first = next(iter(found))
    if name is not None:
        raise ImageReadError(f"'{file}' has no dataset '{name}'. It has: {listing}.", setting="dataset")
    if len(found) > 1:
        raise ImageReadError(
            f"'{file}' holds {len(found)} datasets, and it is not clear which to use: {listing}. "
            f"Choose one of them, or name it after the file, as in '{file}/{first}'.",
            setting="dataset",
        )
    return first


class Image(ABC):
    """One image on disk. Opening reads headers; :meth:`read` reads the region asked for.

    Parameters
    ----------
    location
        The input as the user names it: a path, or a path with a dataset after it.
    axes
        Axis keys in the order of ``shape``.
    shape
        Extents in pixels.
    dtype
        Type of the pixels; made native in byte order, and bool made uint8 (0 and 1).
    axes_known
        How ``axes`` are known.
    pixel_size
        Size of a pixel along ``t``, ``z``, ``y`` and ``x`` where the file says so.
    units
        The unit of each entry of ``pixel_size`` where the file says so.
    channel_names
        A name for each channel where the file says so, else empty.
    dataset
        The dataset or level that was opened in a file that can hold several; else empty.

    Raises
    ------
    AxesError
        If the axes are not valid or do not fit the shape.
    ImageReadError
        If the image has no pixels, or pixels that are not real numbers.
    """

    def __init__(
        self,
        location: str,
        axes: str,
        shape: Sequence[int],
        dtype: DTypeLike,
        *,
        axes_known: AxesKnown,
        pixel_size: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        channel_names: Sequence[str] = (),
        dataset: str = "",
    ) -> None:
        self.location = location
        self.axes = check_axes(axes, shape)
        self.shape = tuple(int(n) for n in shape)
        dtype = np.dtype(dtype)
        if dtype.kind not in "buif":
            raise ImageReadError(
                f"'{location}' holds pixels of type {dtype}. Expected integers or floating-point numbers; "
                "convert the image first."
            )
        if 0 in self.shape:
            raise ImageReadError(f"'{location}' holds no pixels: its shape is {self.shape}.")
        self.dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
        self.axes_known: AxesKnown = axes_known
        self.pixel_size = {key: size for key, size in (pixel_size or {}).items() if key in self.axes}
        self.units = {key: unit for key, unit in (units or {}).items() if key in self.pixel_size}
        # Names that are not one for each channel, or say nothing, are no names.
        named = len(channel_names) == self.extents["c"] and any(channel_names)
        self.channel_names = tuple(channel_names) if named else ()
        self.dataset = dataset
        self._closed = False

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 where the image has no such axis."""
        return extents(self.axes, self.shape)

    def read(self, region: tuple[slice, ...] | None = None) -> NDArray:
        """Return the pixels of a region, in the image's own axes, as a new C-contiguous array of ``dtype``.

        Parameters
        ----------
        region
            One slice with start and stop for each axis; everything if None.

        Raises
        ------
        ImageReadError
            If the file cannot deliver the pixels. Safe to call from several threads.
        SettingsError
            If the region is not inside the image, or the image is closed.
        """
        if self._closed:
            raise SettingsError(f"'{self.location}' is closed. Open it again to read from it.")
        if region is None:
            region = tuple(slice(0, n) for n in self.shape)
        if len(region) != len(self.shape) or not all(
            s.step in (None, 1) and 0 <= s.start < s.stop <= n for s, n in zip(region, self.shape, strict=True)
        ):
            raise SettingsError(
                f"Region {region} is not inside '{self.location}', which has axes '{self.axes}' and shape "
                f"{self.shape}. Give a slice with start and stop for each axis."
            )
        with reading(f"pixels of '{self.location}'"):
            pixels: NDArray = np.array(self._read(region), self.dtype, order="C")
        return pixels

    @abstractmethod
    def _read(self, region: tuple[slice, ...]) -> NDArray:
        """Return the pixels of a region that is known to be inside the image; may be a view of a cache."""

    def read_czyx(self, t: int, z: slice, y: slice, x: slice) -> NDArray:
        """Return a region of one time point as ``(c, z, y, x)``, all channels, dtype unchanged."""
        wanted = {"t": slice(t, t + 1), "c": slice(0, self.extents["c"]), "z": z, "y": y, "x": x}
        pixels = reorder(self.read(tuple(wanted[key] for key in self.axes)), self.axes, "tczyx")
        return np.squeeze(pixels, axis=0)

    def close(self) -> None:
        """Release the file; the image cannot be read any more."""
        self._closed = True
        self._release()

    @abstractmethod
    def _release(self) -> None:
        """Let go of the file and of pixels that are kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
