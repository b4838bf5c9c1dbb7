"""The class :class:`Image`: every image that can be read, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.axes import check_axes, extents, guess_axes, reorder
from napari_batch_prediction.errors import BatchPredictionError, ImageReadError, SettingsError
from napari_batch_prediction.images.faults import plain_fault, remedy

AxesKnown = Literal["file", "user", "guess"]
"""Origin of an image's axes: the file, the user, or ilastik's guess."""

COLOURS = {2: ("grey", "alpha"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
"""Names of channels that are the colours of a picture, by their number."""

_MOST_LISTED = 20

# Systems count the bytes of a file in 63 bits.
_MOST_BYTES = 2**63 - 1


class Decoding(NamedTuple):
    """Bytes that reading an image takes, besides the pixels of the region.

    Attributes
    ----------
    kept
        From the first read until the image is closed: of a picture that is decoded as a whole, its pixels.
    once
        While one thread reads and others wait for it, as behind a lock: what is decoded at once, and the bytes it is
        decoded from.
    each
        The same for every thread, where several decode side by side.
    """

    kept: int = 0
    once: int = 0
    each: int = 0


NOTHING_DECODED = Decoding()
"""Of an image of which any region is read without much more memory than its pixels take."""


@contextmanager
def reading(subject: str) -> Iterator[None]:
    """Turn every error inside the block into an ImageReadError, except those of this package.

    Parameters
    ----------
    subject
        The thing being read, for the message, for example ``"'cells.tif' as TIFF"``.
    """
    try:
        yield
    except BatchPredictionError:
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise ImageReadError(f"Cannot read {subject}: {plain_fault(error)}. {remedy(error)}") from error


def choose_axes(shape: Sequence[int], user: str | None, file: str | None = None) -> tuple[str, AxesKnown]:
    """Return the axes to use and their origin: the user's, else the file's, else ilastik's guess."""
    if user is not None:
        return check_axes(user, shape), "user"
    if file is not None:
        return check_axes(file, shape), "file"
    return guess_axes(shape), "guess"


def can_be_image(shape: Sequence[int], dtype: np.dtype) -> bool:
    """Return True if an array in a file that can hold several may be an image: numbers in 2 to 5 dimensions."""
    return dtype.kind in "buif" and 2 <= len(shape) <= 5 and min(shape) > 0


def only_dataset(file: object, datasets: Mapping[str, str], name: str | None = None) -> str:
    """Return the path of the only image in a file.

    Parameters
    ----------
    file
        The file, for the message.
    datasets
        A description of each image in the file, by its path.
    name
        A path that the user gave and that is not among these; None if none was given.

    Raises
    ------
    ImageReadError
        If there is no image, there are several, or a name was given.
    """
    listing = "; ".join(f"{path} {description}".strip() for path, description in list(datasets.items())[:_MOST_LISTED])
    if len(datasets) > _MOST_LISTED:
        listing += f"; and {len(datasets) - _MOST_LISTED} more"
    if not datasets:
        raise ImageReadError(
            f"'{file}' holds no image: no dataset of numbers with 2 to 5 dimensions and at least one pixel."
        )
    first = next(iter(datasets))
    if name is not None:
        raise ImageReadError(f"'{file}' has no dataset '{name}'. It has: {listing}.", setting="dataset")
    if len(datasets) > 1:
        raise ImageReadError(
            f"'{file}' holds {len(datasets)} datasets, and it is not clear which to use: {listing}. "
            f"Choose one of them, or name it after the file, as in '{file}/{first}'.",
            setting="dataset",
        )
    return first


class Image(ABC):
    """One image on disk. Opening reads headers; :meth:`read` reads the region asked for.

    A format overrides :attr:`decoding` if reading a small region can take much memory: because a picture is decoded as
    a whole, or its chunks or strips can be large. It counts that from what the header says, so that a plan can refuse
    the image under a limit on memory, and a run makes room. It decodes nothing for it.

    Parameters
    ----------
    location
        The text of the image's location, for messages.
    axes
        Axis keys in the order of ``shape``.
    shape
        Extents in pixels.
    dtype
        Type of the pixels in the file; the image has it in native byte order, and uint8 (0 and 1) for bool.
    axes_known
        Origin of ``axes``.
    pixel_size
        Size of a pixel along ``t``, ``z``, ``y`` and ``x``, where stored.
    units
        Unit of each entry of ``pixel_size``, where stored.
    origin
        Position of the middle of the first pixel along ``t``, ``z``, ``y`` and ``x``, in these units, where stored.
    channel_names
        A name for each channel; empty if none are stored.
    dataset
        The opened dataset or level of a file that can hold several; else empty.
    warnings
        Facts about the file that may make its prediction wrong or partial, as sentences.
    parts
        All files that the image is spread over, if there are several.

    Attributes
    ----------
    value_range
        Smallest and largest value that its values are meant to be between, as ilastik stores it; None if not stored.

    Raises
    ------
    AxesError
        If the axes are not valid or do not fit the shape.
    ImageReadError
        If the image has no pixels, or pixels that are not real numbers.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> image = nbp.open_image("nuclei_01.png")
    >>> image
    <RasterImage 'nuclei_01.png': yx (512, 512) uint8>
    >>> image.read((slice(0, 20), slice(0, 30))).shape
    (20, 30)
    >>> image.close()
    """

    value_range: tuple[float, float] | None = None

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
        origin: Mapping[str, float] | None = None,
        channel_names: Sequence[str] = (),
        dataset: str = "",
        warnings: Sequence[str] = (),
        parts: Sequence[Path] = (),
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
        if min(self.shape) < 1:
            raise ImageReadError(f"'{location}' holds no pixels: its shape is {self.shape}.")
        if (n_pixels := prod(self.shape)) * dtype.itemsize > _MOST_BYTES:
            raise ImageReadError(
                f"'{location}' says that it has {n_pixels} pixels (shape {self.shape}), more than any file can hold. "
                "It is damaged; copy or save it again."
            )
        self.dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
        self.axes_known: AxesKnown = axes_known
        self.pixel_size = {key: size for key, size in (pixel_size or {}).items() if key in self.axes}
        self.units = {key: unit for key, unit in (units or {}).items() if key in self.pixel_size}
        self.origin = {key: place for key, place in (origin or {}).items() if key in self.axes and place}
        # Names are ignored if their number is not that of the channels, or if all are empty.
        has_names = len(channel_names) == self.extents["c"] and any(channel_names)
        self.channel_names = tuple(channel_names) if has_names else ()
        self.dataset = dataset
        self.warnings = tuple(warnings)
        self.parts = tuple(parts)
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location!r}: {self.axes} {self.shape} {self.dtype}>"

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 where the image has no such axis."""
        return extents(self.axes, self.shape)

    @property
    def decoding(self) -> Decoding:
        """The memory that reading takes besides the pixels of the region; none worth counting unless a format says."""
        return NOTHING_DECODED

    def read(self, region: tuple[slice, ...] | None = None) -> NDArray:
        """Return the pixels of a region, in the image's own axes, as a new C-contiguous array of ``dtype``.

        Several threads may read at once.

        Parameters
        ----------
        region
            One slice for each axis, with start and stop in the image; everything if None.

        Raises
        ------
        ImageReadError
            If the pixels cannot be read.
        SettingsError
            If the region is not inside the image, or the image is closed.
        """
        if self._closed:
            raise SettingsError(f"'{self.location}' is closed. Open it again to read from it.")
        if region is None:
            region = tuple(slice(0, n) for n in self.shape)
        if any(part.start is None or part.stop is None for part in region) and len(region) == len(self.shape):
            region = tuple(
                slice(part.start or 0, n if part.stop is None else part.stop, part.step)
                for part, n in zip(region, self.shape, strict=True)
            )
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

    def __array__(self, dtype: DTypeLike | None = None, *, copy: bool | None = None) -> NDArray:
        pixels = self.read()
        return pixels if dtype is None else pixels.astype(dtype)

    @abstractmethod
    def _read(self, region: tuple[slice, ...]) -> NDArray:
        """Return the pixels of a region inside the image; the array may be a view of a cache."""

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
        """Close the file and free kept pixels."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
