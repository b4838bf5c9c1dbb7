"""Reading datasets in HDF5 files, as ilastik writes them."""

import json
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, axistags_from_json
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.common.large_chunks import LARGE, LargeChunks, check_chunk
from napari_batch_prediction.formats.hdf5.looking import is_unchanged, look
from napari_batch_prediction.images.base import NOTHING_DECODED, Decoding, Image, choose_axes
from napari_batch_prediction.images.units import unit_name

if TYPE_CHECKING:
    import h5py

# Neighbouring tiles overlap by their context; the cache avoids decompressing a chunk for each.
_CHUNK_CACHE_BYTES = 64 * 2**20


class Hdf5Image(Image):
    """A dataset of 2 to 5 dimensions in an HDF5 file.

    Axes and pixel sizes are read from the attribute ``axistags``; else axes are the labels of the dimensions, or
    guessed. Images of BigDataViewer are known by their place.

    Its header is looked at in another process (:mod:`~napari_batch_prediction.formats.hdf5.looking`). The file is
    opened here when pixels are read, if it still is what was looked at.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The HDF5 file.
    dataset
        Path of the dataset; None if the file holds only one.
    axes
        Axes that win over the file's own.
    """

    def __init__(self, location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> None:
        self._path = file
        self._lock = threading.Lock()
        self._open: tuple[h5py.File, h5py.Dataset] | None = None
        header = self._header = look("header", file, dataset)
        shape: tuple[int, ...] = tuple(header["shape"])
        if header["dtype"] is None:
            raise ImageReadError(
                f"'{location}' holds pixels of type {header['type']}. Expected integers or floating-point numbers; "
                "convert the image first."
            )
        own_axes: str | None = None
        sizes: dict[str, float] = {}
        units: dict[str, str] = {}
        try:
            own_axes, sizes, units = _described(header, shape)
        except AxesError as error:
            if axes is None:
                raise AxesError(f"{error} Give its axes.") from error
        axes, axes_known = choose_axes(shape, axes, own_axes)
        self._stored = np.dtype(header["dtype"])
        # Java has no unsigned numbers: BigDataViewer stores them as if they were signed.
        is_unsigned = header["cells"] is not None and self._stored == np.int16
        self._view = np.dtype(np.uint16) if is_unsigned else None
        self._large = None
        if header["chunk"]:
            check_chunk(location, shape, header["chunk"])
        if header["chunk_bytes"] > LARGE and header["chunk"]:
            self._large = LargeChunks(self._read_stored, shape, header["chunk"], self._stored)
        super().__init__(
            location,
            axes,
            shape,
            self._view or self._stored,
            axes_known=axes_known,
            pixel_size=sizes,
            units=units,
            dataset=header["name"],
            warnings=header["warnings"],
            parts=[Path(path) for path, *_ in header["states"]] if len(header["states"]) > 1 else (),
        )
        if header["drange"] is not None:
            low, high = header["drange"]
            self.value_range = (low, high) if low < high else None

    @property
    def decoding(self) -> Decoding:
        """The memory of large chunks."""
        if self._large is not None:
            return self._large.decoding
        n_bytes = self._header["chunk_bytes"]  # of a dataset that it is put together from
        return Decoding(once=2 * n_bytes) if n_bytes > LARGE else NOTHING_DECODED

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        pixels = self._read_stored(region) if self._large is None else self._large.read(region)
        return pixels if self._view is None else pixels.astype("=i2", copy=False).view(self._view)

    def _read_stored(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            if self._open is None:
                self._open = self._opened()
        # h5py is safe to call from several threads.
        pixels: NDArray = self._open[1][region]
        return pixels

    def _opened(self) -> "tuple[h5py.File, h5py.Dataset]":
        """Open the file, which is what was looked at."""
        import h5py

        self._check_unchanged()
        if self._header["needs_filters"]:
            from napari_batch_prediction.formats.hdf5.filters import load_filters

            load_filters()
        # HDF5 locks files: readers share one, but a file being written cannot be opened.
        file = h5py.File(self._path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES if self._large is None else 0)
        try:
            # A name that is not UTF-8 is known by its bytes alone.
            dataset = file[self._header["name"].encode(errors="surrogateescape")]
            if dataset.dtype != self._stored or list(dataset.shape) != list(self._header["shape"]):
                raise _changed(self._path)
            self._check_unchanged()
        except BaseException:
            file.close()
            raise
        return file, dataset

    def _check_unchanged(self) -> None:
        for state in self._header["states"]:
            if not is_unchanged([state]):
                raise _changed(Path(state[0]))

    def _release(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open[0].close()
                self._open = None


def _changed(path: Path) -> ImageReadError:
    return ImageReadError(f"'{path}' has changed since it was looked at. Start again.", path=path)


def list_datasets(file: Path) -> list[str]:
    """Return the paths of all datasets that can be images."""
    names: list[str] = look("datasets", file)
    return names


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    metadata: dict[str, object] = look("attributes", path, dataset)
    return metadata


def ilastik_ranges(path: Path) -> dict[str, tuple[float, float] | None]:
    """Return the range of each image by ilastik or this program, which have axistags.

    The range is the attribute ``drange``, (0, 1) for values that are not rescaled; None if not stored.
    """
    ranges: dict[str, list[float] | None] = look("ranges", path)
    return {name: None if pair is None else (pair[0], pair[1]) for name, pair in ranges.items()}


def _described(
    header: Mapping[str, Any], shape: tuple[int, ...]
) -> tuple[str | None, dict[str, float], dict[str, str]]:
    """Return the stored axes, None if there are none, sizes of a pixel, and their units."""
    if (cells := header["cells"]) is not None:
        return "zyx", cells["pixel_size"], cells["units"]
    axes, sizes = _file_axes(header, shape)
    if sizes:
        return axes, sizes, _axis_units(header["axis_units"])
    micrometers = header["element_size_um"]
    if len(micrometers) != 3 or not all(0 < size < math.inf for size in micrometers):
        return axes, {}, {}
    sizes = dict(zip("zyx", micrometers, strict=True))
    return axes, sizes, dict.fromkeys(sizes, "micrometer")


def _file_axes(header: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[str | None, dict[str, float]]:
    tags = header["axistags"]
    # vigra writes "?" as the key of an unknown axis.
    if tags and '"?"' not in tags:
        axes, sizes = axistags_from_json(tags)
        if len(axes) != len(shape):
            raise AxesError(f"Its axistags are '{axes}', its shape is {shape}.")
        return axes, sizes
    labels = "".join(header["labels"])
    are_keys = len(set(labels)) == len(labels) == len(shape) and set("yx") <= set(labels) <= set(KEYS)
    return (labels if are_keys else None), {}


def _axis_units(text: str | None) -> dict[str, str]:
    try:
        units = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}  # written by hand; the image is fine without units
    if not isinstance(units, dict):
        return {}
    return {key: unit_name(unit) for key, unit in units.items() if isinstance(unit, str) and unit_name(unit)}
