"""Reading datasets in HDF5 files, as ilastik writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, axistags_from_json
from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.formats.hdf5.sources import check_links, check_sources, virtual_dimensions
from napari_batch_prediction.images.base import Image, choose_axes, only_dataset
from napari_batch_prediction.images.units import unit_name

# Neighbouring tiles overlap by their context; the cache avoids decompressing a chunk for each.
_CHUNK_CACHE_BYTES = 64 * 2**20


class Hdf5Image(Image):
    """A dataset of 2 to 5 dimensions in an HDF5 file.

    Axes and pixel sizes are read from the attribute ``axistags``; else axes are the labels of the dimensions, or
    guessed.

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
        # HDF5 locks files: readers share one, but a file being written cannot be opened.
        self._file = h5py.File(file, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
        try:
            self._dataset = _find_dataset(self._file, file, dataset)
            own_axes: str | None = None
            sizes: dict[str, float] = {}
            units: dict[str, str] = {}
            try:
                own_axes, sizes = _file_axes(self._dataset)
                units = _axis_units(self._dataset)
            except AxesError as error:
                if axes is None:
                    raise AxesError(f"{error} Give its axes.") from error
            axes, axes_known = choose_axes(self._dataset.shape, axes, own_axes)
            super().__init__(
                location,
                axes,
                self._dataset.shape,
                self._dataset.dtype,
                axes_known=axes_known,
                pixel_size=sizes,
                units=units,
                dataset=self._dataset.name.strip("/"),
            )
        except Exception:
            self._file.close()
            raise

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        # h5py is safe to call from several threads.
        pixels: NDArray = self._dataset[region]
        return pixels

    def _release(self) -> None:
        self._file.close()


def _find_dataset(h5: h5py.File, file: Path, name: str | None) -> h5py.Dataset:
    if name is not None:
        check_links(file, h5, name)
        dataset = h5.get(name)
        if isinstance(dataset, h5py.Dataset):
            check_sources(file, dataset)
            if dataset.shape is not None:
                return dataset
    images = _image_datasets(h5)
    dataset = images[only_dataset(file, {path: _described(image) for path, image in images.items()}, name)]
    check_sources(file, dataset)
    return dataset


def list_datasets(file: Path) -> list[str]:
    """Return the paths of all datasets that can be images."""
    with h5py.File(file, "r") as h5:
        return list(_image_datasets(h5))


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    with h5py.File(path, "r") as h5:
        return dict(h5[dataset].attrs)


def ilastik_ranges(path: Path) -> dict[str, tuple[float, float] | None]:
    """Return the range of each image by ilastik or this program, which have axistags.

    The range is the attribute ``drange``, (0, 1) for values that are not rescaled; None if not stored.
    """
    with h5py.File(path, "r") as h5:
        attributes = {name: dataset.attrs for name, dataset in _image_datasets(h5).items()}
        return {name: _drange(attrs) for name, attrs in attributes.items() if "axistags" in attrs}


def _drange(attributes: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        low, high = attributes["drange"]
        return float(low), float(high)
    except (KeyError, TypeError, ValueError):
        return None  # missing, or of another program


def _image_datasets(h5: h5py.File) -> dict[str, h5py.Dataset]:
    """Return all datasets that can be images, by path."""
    datasets = {}

    def visit(path: str, item: Any) -> None:
        # To tell the shape of a virtual dataset, HDF5 may open the files it is put together from.
        if (
            isinstance(item, h5py.Dataset)
            and item.dtype.kind in "buif"
            and 2 <= (virtual_dimensions(item) or item.ndim) <= 5
        ):
            datasets[path] = item

    h5.visititems(visit)
    return datasets


def _described(dataset: h5py.Dataset) -> str:
    return f"of other datasets, {dataset.dtype}" if virtual_dimensions(dataset) else f"{dataset.shape} {dataset.dtype}"


def _file_axes(dataset: h5py.Dataset) -> tuple[str | None, dict[str, float]]:
    """Return the stored axes, None if there are none, and sizes of a pixel."""
    tags = _text(dataset, "axistags")
    # vigra writes "?" as the key of an unknown axis.
    if tags and '"?"' not in tags:
        axes, sizes = axistags_from_json(tags)
        if len(axes) != dataset.ndim:
            raise AxesError(f"Its axistags are '{axes}', its shape is {dataset.shape}.")
        return axes, sizes
    labels = "".join(dimension.label or "?" for dimension in dataset.dims)
    are_keys = len(set(labels)) == len(labels) == dataset.ndim and set("yx") <= set(labels) <= set(KEYS)
    return (labels if are_keys else None), {}


def _axis_units(dataset: h5py.Dataset) -> dict[str, str]:
    try:
        units = json.loads(_text(dataset, "axis_units") or "null")
    except ValueError:
        return {}  # written by hand; the image is fine without units
    if not isinstance(units, dict):
        return {}
    return {key: unit_name(unit) for key, unit in units.items() if isinstance(unit, str) and unit_name(unit)}


def _text(dataset: h5py.Dataset, attribute: str) -> str | None:
    """Return an attribute as text; stored as str, bytes, or an array with one of them."""
    value = dataset.attrs.get(attribute)
    if hasattr(value, "item"):
        value = value.item()
    return value.decode() if isinstance(value, bytes) else value
