"""Reading datasets in N5 containers, by tensorstore (the extra ``n5``)."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, axistags_from_json
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.common.stores import StoreNames
from napari_batch_prediction.images.base import Image, choose_axes, only_dataset
from napari_batch_prediction.images.units import unit_name

_ATTRIBUTES = "attributes.json"

NAMES = StoreNames((_ATTRIBUTES,), re.compile(r"\d+"))
"""Metadata, and chunks named by their place along the last axis."""


class N5Image(Image):
    """A dataset of 2 to 5 dimensions in an N5 container, with dimensions in the order of NumPy.

    N5 lists the contiguous dimension first; here it is the last, as in ilastik. Axes are those of ilastik's
    ``axistags``, else of N5's ``axes`` in reverse, else guessed. The first of the levels ``s0, s1, ...`` of a pyramid
    is opened.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The folder of the container.
    dataset
        Path of the dataset; None if the container holds one image.
    axes
        Axes that win over the container's own.
    """

    def __init__(self, location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> None:
        try:
            import tensorstore
        except ImportError:
            raise ImageReadError(
                f"'{location}' is N5, which needs tensorstore. Install it: pip install 'napari-batch-prediction[n5]'"
            ) from None
        name = _find(file, dataset)
        attributes = _attributes(file / name)
        store = {"driver": "n5", "kvstore": {"driver": "file", "path": str(file / name)}}
        try:
            self._array: Any = tensorstore.open(store, read=True, open=True).result().T
        except ValueError as error:  # a long description of the store follows the reason
            raise ValueError(str(error).partition(" [tensorstore_spec")[0]) from error
        own_axes: str | None = None
        try:
            own_axes = _own_axes(attributes, self._array.ndim)
        except AxesError:
            if axes is None:
                raise
        axes, axes_known = choose_axes(self._array.shape, axes, own_axes)
        sizes, units = _pixel_size(attributes, axes)
        super().__init__(
            location,
            axes,
            self._array.shape,
            self._array.dtype.numpy_dtype,
            axes_known=axes_known,
            pixel_size=sizes,
            units=units,
            dataset=name,
        )

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        pixels: NDArray = self._array[region].read().result()
        return pixels

    def _release(self) -> None:
        self._array = None


def list_datasets(file: Path) -> list[str]:
    """Return the paths of the datasets in a container."""
    return [name for name in _datasets(file) if name]


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    return dict(json.loads((path / dataset / _ATTRIBUTES).read_text()))


def _find(file: Path, name: str | None) -> str:
    """Return the path of the dataset to read; empty if the container is a dataset itself."""
    datasets = _datasets(file / name if name else file)
    if "" in datasets:
        return name or ""
    if name and not datasets:
        only_dataset(file, _datasets(file), name)
    if len({path.rpartition("/")[0] for path in datasets}) == 1 and all(
        re.search(r"(^|/)s\d+$", path) for path in datasets
    ):
        first = min(datasets, key=lambda path: int(path.rpartition("/s")[2].lstrip("s")))
        datasets = {first: datasets[first]}
    inner = only_dataset(file / name if name else file, datasets)
    return f"{name}/{inner}" if name else inner


def _datasets(file: Path) -> dict[str, str]:
    """Return shape and type of each dataset by its path."""
    datasets: dict[str, str] = {}
    pending = [file]
    while pending:
        folder = pending.pop()
        attributes = _attributes(folder)
        if "dimensions" in attributes and "dataType" in attributes:
            name = folder.relative_to(file).as_posix()
            shape = tuple(reversed(attributes["dimensions"]))
            datasets["" if name == "." else name] = f"{shape} {attributes['dataType']}"
        elif folder.is_dir():
            pending += sorted((path for path in folder.iterdir() if path.is_dir()), reverse=True)
    return datasets


def _attributes(folder: Path) -> Mapping[str, Any]:
    path = folder / _ATTRIBUTES
    attributes = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return attributes if isinstance(attributes, dict) else {}


def _own_axes(attributes: Mapping[str, Any], n: int) -> str | None:
    tags = attributes.get("axistags")
    # vigra writes "?" as the key of an unknown axis.
    if tags is not None:
        text = tags if isinstance(tags, str) else json.dumps(tags)
        if '"?"' not in text:
            axes, _ = axistags_from_json(text)
            if len(axes) != n:
                raise AxesError(f"Its axistags are '{axes}', but it has {n} dimensions. Give its axes.")
            return axes
    names = attributes.get("axes")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    keys = [name.lower() for name in reversed(names)]
    are_keys = len(keys) == len(set(keys)) == n and set("yx") <= set(keys) <= set(KEYS)
    return "".join(keys) if are_keys else None


def _pixel_size(attributes: Mapping[str, Any], axes: str) -> tuple[dict[str, float], dict[str, str]]:
    """Return sizes and units from ``resolution`` and ``units``, or from ``pixelResolution``, in N5's order."""
    stored_sizes, stored_units = attributes.get("resolution"), attributes.get("units")
    if isinstance(old := attributes.get("pixelResolution"), dict):
        stored_sizes, stored_units = old.get("dimensions"), old.get("unit")
    if not isinstance(stored_sizes, list):
        return {}, {}
    spatial = [key for key in reversed(axes) if key not in "tc"]
    keys = list(reversed(axes)) if len(stored_sizes) == len(axes) else spatial
    if not isinstance(stored_units, list):
        stored_units = [stored_units] * len(keys)
    if not len(stored_sizes) == len(stored_units) == len(keys):
        return {}, {}
    sizes, units = {}, {}
    for key, size, unit in zip(keys, stored_sizes, stored_units, strict=True):
        if key != "c" and isinstance(size, int | float) and size > 0 and isinstance(unit, str) and unit_name(unit):
            sizes[key], units[key] = float(size), unit_name(unit)
    return sizes, units
