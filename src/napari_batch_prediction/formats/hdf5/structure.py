"""What is in an HDF5 file: read in a process that may die of it, given as what JSON can hold."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_batch_prediction.disk import refuse_special, state_of
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.hdf5.layouts import bdv_cells, images_only
from napari_batch_prediction.formats.hdf5.links import check_links
from napari_batch_prediction.formats.hdf5.sources import check_sources, virtual_dimensions
from napari_batch_prediction.formats.hdf5.walk import find_datasets
from napari_batch_prediction.images.base import can_be_image, only_dataset

# More than this is no text that an image needs.
_MOST_TEXT = 2**20


def header(file: Path, name: str | None) -> dict[str, object]:
    """Return the header of a dataset, or of the only image in the file if none is named.

    Every file it is put together from is looked at, and every filter of its chunks.
    """
    before = state_of(file.stat())
    with _opened(file) as h5:
        path, dataset = _find(file, h5, name)
        own = Path(dataset.file.filename)
        sources = check_sources(own, dataset)
        if dataset.shape is None:
            path, dataset = _only(file, h5, name)
            sources = check_sources(own, dataset)
        files = dict(sources.files) if own == file else {own: state_of(own.stat()), **sources.files}
        cells = bdv_cells(file, h5, dataset, path)
        names = set(dataset.attrs)
        return {
            "name": path,
            "shape": dataset.shape,
            "type": str(dataset.dtype),
            "dtype": dataset.dtype.str if dataset.dtype.kind in "buif" else None,
            "axistags": _text(dataset, "axistags") if "axistags" in names else None,
            "labels": [dimension.label or "?" for dimension in dataset.dims] if "DIMENSION_LABELS" in names else [],
            "axis_units": _text(dataset, "axis_units") if "axis_units" in names else None,
            "drange": _drange(dataset.attrs) if "drange" in names else None,
            "element_size_um": _numbers(dataset, "element_size_um") if "element_size_um" in names else [],
            "cells": None if cells is None else cells._asdict(),
            "chunk": dataset.chunks,
            "chunk_bytes": sources.chunk_bytes,
            "needs_filters": sources.needs_package,
            "warnings": sources.warnings,
            "states": [[str(part), *found] for part, found in {file: before, **files}.items()],
        }


def datasets(file: Path, _: str | None) -> list[str]:
    """Return the paths of all datasets that can be images."""
    with _opened(file) as h5:
        return list(_image_datasets(file, h5))


def attributes(file: Path, name: str | None) -> dict[str, str]:
    """Return the attributes of a dataset as texts."""
    with _opened(file) as h5:
        return {str(key): str(value) for key, value in h5[name or "/"].attrs.items()}


def ranges(file: Path, _: str | None) -> dict[str, tuple[float, float] | None]:
    """Return the attribute ``drange`` of each dataset with axistags; None if it is not stored."""
    with _opened(file) as h5:
        found = {name: item for name, (item, _) in _image_datasets(file, h5).items() if item is not None}
        return {name: _drange(item.attrs) for name, item in found.items() if "axistags" in item.attrs}


QUESTIONS: Mapping[str, Callable[[Path, str | None], Any]] = {
    "header": header,
    "datasets": datasets,
    "attributes": attributes,
    "ranges": ranges,
}
"""What can be asked about a file, and a dataset in it."""


def _opened(file: Path) -> h5py.File:
    refuse_special(file, ImageReadError)
    return h5py.File(file, "r")


def _find(file: Path, h5: h5py.File, name: str | None) -> tuple[str, h5py.Dataset]:
    if name is not None:
        check_links(h5, name)
        dataset = h5.get(name)
        if isinstance(dataset, h5py.Dataset):
            return name.strip("/"), dataset
    return _only(file, h5, name)


def _only(file: Path, h5: h5py.File, name: str | None) -> tuple[str, h5py.Dataset]:
    images = _image_datasets(file, h5)
    described = {
        path: "a link to what is missing" if item is None else _described(item) for path, (item, _) in images.items()
    }
    path = only_dataset(file, described, name)
    dataset, missing = images[path]
    if dataset is None:
        raise ImageReadError(missing, path=file)
    return path, dataset


def _image_datasets(file: Path, h5: h5py.File) -> dict[str, tuple[h5py.Dataset | None, str]]:
    """Return all datasets that can be images, by path; for a link that leads nowhere, the reason."""
    found = {
        found.path: (found.dataset, found.missing)
        for found in find_datasets(file, h5)
        if found.dataset is None or _can_be_image(found.dataset)
    }
    return {name: found[name] for name in images_only(found)}


def _can_be_image(dataset: h5py.Dataset) -> bool:
    # To tell the shape of a virtual dataset, HDF5 may open the files it is put together from.
    dimensions = virtual_dimensions(dataset)
    shape = (1,) * dimensions if dimensions else dataset.shape or ()
    return can_be_image(shape, dataset.dtype)


def _described(dataset: h5py.Dataset) -> str:
    return f"of other datasets, {dataset.dtype}" if virtual_dimensions(dataset) else f"{dataset.shape} {dataset.dtype}"


def _drange(attrs: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        low, high = (float(end) for end in attrs["drange"])
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    except (KeyError, TypeError, ValueError):
        return None  # missing, or of another program


def _text(dataset: h5py.Dataset, attribute: str) -> str | None:
    """Return an attribute as text; stored as str, bytes, or an array with one of them."""
    value = _attribute(dataset, attribute)
    if hasattr(value, "item"):
        value = value.item() if value.size == 1 else None
    value = value.decode() if isinstance(value, bytes) else value
    return value if isinstance(value, str) else None


def _numbers(dataset: h5py.Dataset, attribute: str) -> list[float]:
    """Return an attribute as numbers; none if it holds something else."""
    try:
        return [float(value) for value in np.ravel(_attribute(dataset, attribute))]
    except (TypeError, ValueError, OSError):
        return []


def _attribute(dataset: h5py.Dataset, name: str) -> Any:
    attribute = dataset.attrs.get_id(name)
    return dataset.attrs[name] if attribute.get_storage_size() <= _MOST_TEXT else None
