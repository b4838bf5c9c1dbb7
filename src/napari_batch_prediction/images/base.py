"""The one shape in which every readable file appears: an :class:`Image`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.axes import check_axes, extents, reorder

AxesKnown = Literal["file", "user", "guess"]
"""How the axes of an image are known: from the file, from the user, or guessed by ilastik's rules."""


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
        Type of the pixels.
    axes_known
        How ``axes`` are known.
    pixel_size
        Size of a pixel along ``t``, ``z``, ``y`` and ``x`` where the file says so.
    units
        The unit of each entry of ``pixel_size`` where the file says so.
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
    ) -> None:
        self.location = location
        self.axes = check_axes(axes, shape)
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.axes_known: AxesKnown = axes_known
        self.pixel_size = dict(pixel_size or {})
        self.units = dict(units or {})

    @property
    def extents(self) -> dict[str, int]:
        """The extent along each of ``t c z y x``; 1 where the image has no such axis."""
        return extents(self.axes, self.shape)

    @abstractmethod
    def read(self, region: tuple[slice, ...] | None = None) -> NDArray:
        """Return the pixels of a region, in the image's own axes.

        Parameters
        ----------
        region
            One slice with start and stop for each axis; everything if None.

        Raises
        ------
        ImageReadError
            If the file cannot deliver the pixels. Safe to call from several threads.
        """

    def read_czyx(self, t: int, z: slice, y: slice, x: slice) -> NDArray:
        """Return a region of one time point as ``(c, z, y, x)``, all channels, dtype unchanged."""
        wanted = {"t": slice(t, t + 1), "c": slice(0, self.extents["c"]), "z": z, "y": y, "x": x}
        return reorder(self.read(tuple(wanted[key] for key in self.axes)), self.axes, "tczyx")[0]

    def close(self) -> None:
        """Release the file. The default has nothing to release."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
