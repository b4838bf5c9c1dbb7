"""napari's writers: a layer as HDF5 with ilastik's axes, or as OME-Zarr."""

import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_batch_prediction.errors import ExportError, OutputExistsError, SettingsError
from napari_batch_prediction.formats.common.chunks import Region, chunk_shape
from napari_batch_prediction.formats.common.files import writing
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.hdf5.format import HDF5
from napari_batch_prediction.formats.registry import find_format, format_problem
from napari_batch_prediction.formats.zarr.labels import FOLDER, image_version, why_no_labels
from napari_batch_prediction.formats.zarr.store import find_image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.widgets.viewer_layers import memory_image

# Options of a layer that matter for its pixels and their place.
_OPTIONS = {"name", "scale", "translate", "units", "axis_labels", "rgb", "multiscale"}

# Options that only images have. napari does not tell a writer the type of a single layer.
_OF_IMAGES = {"rgb", "contrast_limits", "gamma"}

# Regions are read in the order of these axes, so that few chunks wait in memory.
_ORDER = "tyzxc"


def write_hdf5(path: str | None = None, data: Any = None, meta: Mapping[str, Any] | None = None) -> list[str]:
    """Write an image or labels to HDF5, in the dataset ``exported_data`` with axistags, as ilastik reads it.

    Parameters
    ----------
    path
        The file. One that is there is replaced if it holds nothing but such a dataset: napari has asked the user.
    data, meta
        Pixels and options of a layer, as napari gives them to a writer. Labels are stored in the smallest unsigned
        type that holds them. Rotation and shear are not stored.

    Returns
    -------
    The path.

    Raises
    ------
    SettingsError
        If no layer is given, as from napari's command palette.
    ExportError
        If the layer cannot be written.
    """
    file, layer = _given(path, data, meta)
    if file.exists():
        with writing(file):
            others = [name for name in HDF5.datasets(file) if name != "exported_data"]
        if others:
            raise OutputExistsError(f"{file} holds {', '.join(others)}, and is left as it is. Choose another name.")
    return _write("compressed hdf5", file, layer)


def write_ome_zarr(path: str | None = None, data: Any = None, meta: Mapping[str, Any] | None = None) -> list[str]:
    """Write an image or labels to OME-Zarr, in levels of half, a quarter, ... of the resolution.

    Parameters
    ----------
    path
        The store. Labels go into an OME-Zarr image that is there, under ``labels`` and the name of the layer. Nothing
        that is there is replaced.
    data, meta
        As for :func:`write_hdf5`.

    Returns
    -------
    The path of what was written.

    Raises
    ------
    SettingsError
        If no layer is given, as from napari's command palette.
    ExportError
        If the layer cannot be written.
    """
    store, layer = _given(path, data, meta)
    around = None
    if isinstance(layer, Labels) and find_image(store) == store:
        around, store = store, store / FOLDER / layer.name.replace("/", "-").strip(" .")
        if (reason := why_no_labels(around)) is not None:
            raise ExportError(reason)
    if os.path.lexists(store):
        remedy = "Choose another name." if around is None else "Rename the layer, or remove these labels."
        raise OutputExistsError(f"{store} is there already, and is left as it is. {remedy}")
    return _write("multi-scale OME-Zarr", store, layer, around)


def _given(path: str | None, data: Any, meta: Mapping[str, Any] | None) -> tuple[Path, Image | Labels]:
    if path is None or data is None:
        raise SettingsError(
            "No layer was given to save. Select one image or labels layer, and choose File > Save Selected Layers."
        )
    options = dict(meta or {})
    kind = Image if _OF_IMAGES & options.keys() else Labels
    return Path(path), kind(data, **{name: value for name, value in options.items() if name in _OPTIONS})


def _write(format_name: str, path: Path, layer: Image | Labels, around: Path | None = None) -> list[str]:
    image = memory_image(layer)
    regions = list(_regions(image))
    is_labels = isinstance(layer, Labels)
    dtype = _type_of_labels(image, regions) if is_labels else image.dtype
    places = zip(image.axes, layer.translate, strict=False)  # the colours of an image have no place
    target = Target(
        path,
        image.axes,
        image.shape,
        dtype,
        pixel_size=image.pixel_size,
        units=image.units,
        origin={key: float(place) for key, place in places if key != "c" and place},
        replace=around is None,
        channel_names=image.channel_names,
        is_labels=is_labels,
        ome_zarr_version="0.4" if around is None else image_version(around),
        image=around,
    )
    export_format = find_format(format_name)
    if (problem := format_problem(export_format, image.axes, image.shape, dtype)) is not None:
        raise ExportError(f"{path} was not written. {problem}")
    writer = export_format.writer(target)
    try:
        for region in regions:
            writer.write(region, image.read(region).astype(dtype, copy=False))
        writer.finish()
    finally:
        writer.abort()
    return [str(path)]


def _type_of_labels(image: MemoryImage, regions: list[Region]) -> np.dtype:
    """Return the smallest unsigned type that holds the labels: ilastik takes labels of training only as bytes."""
    largest = 0
    for region in regions:
        values = image.read(region)
        if (smallest := values.min()) < 0:
            raise ExportError(f"The layer has the label {smallest}, and labels begin with 0. Change it first.")
        largest = max(largest, int(values.max()))
    return np.min_scalar_type(largest)


def _regions(image: MemoryImage) -> Iterator[Region]:
    """Yield the regions of an image to read one after the other: rows of chunks, with all channels."""
    chunk = chunk_shape(image.axes, image.shape, image.dtype.itemsize)
    sizes = zip(image.axes, image.shape, chunk, strict=True)
    steps = {key: extent if key in "xc" else n for key, extent, n in sizes}
    order = [key for key in _ORDER if key in image.axes]
    extents = image.extents
    for starts in product(*(range(0, extents[key], steps[key]) for key in order)):
        first = dict(zip(order, starts, strict=True))
        yield tuple(slice(first[key], min(first[key] + steps[key], extents[key])) for key in image.axes)
