"""Reading datasets in N5 containers, by tensorstore (the extra ``n5``)."""

import json
import re
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_batch_prediction.axes import KEYS, axistags_from_json
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.common.large_chunks import LARGE, LargeChunks, check_chunk
from napari_batch_prediction.formats.common.stores import no_chunks
from napari_batch_prediction.formats.n5.blocks import Blocks
from napari_batch_prediction.formats.n5.grid import read_grid
from napari_batch_prediction.formats.n5.store import NAMES, datasets_in, read_attributes
from napari_batch_prediction.images.base import NOTHING_DECODED, Decoding, Image, choose_axes, only_dataset

_HEADER = ("dimensions", "blockSize", "dataType")


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
        folder = file / name
        attributes = read_attributes(folder)
        header = _header(attributes)
        # Members of other programs, such as ilastik's ``axes``, are left out: tensorstore has its own idea of them.
        spec = {"driver": "n5", "open": True, "assume_metadata": True, "metadata": header}
        store = {"kvstore": {"driver": "file", "path": str(folder)}}
        try:
            self._array: Any = tensorstore.open(spec | store, read=True).result().T
        except ValueError as error:  # a long description of the store follows the reason
            raise ValueError(str(error).partition(" [tensorstore_spec")[0]) from error
        own_axes: str | None = None
        try:
            own_axes = _own_axes(attributes, self._array.ndim)
        except AxesError:
            if axes is None:
                raise
        axes, axes_known = choose_axes(self._array.shape, axes, own_axes)
        grid = read_grid(attributes, [read_attributes(group) for group in _groups(file, folder)], axes)
        super().__init__(
            location,
            axes,
            self._array.shape,
            self._array.dtype.numpy_dtype,
            axes_known=axes_known,
            pixel_size=grid.sizes,
            units=grid.units,
            origin=grid.origin,
            dataset=name,
            warnings=[] if NAMES.holds_chunks(folder) else [no_chunks(folder, 0)],
        )
        self._blocks = Blocks(folder, header, self.dtype.itemsize)
        chunk = self._blocks.shape
        check_chunk(location, self.shape, chunk)
        is_large = prod(chunk) * self.dtype.itemsize > LARGE
        self._large = LargeChunks(self._read_blocks, self.shape, chunk, self.dtype) if is_large else None

    @property
    def decoding(self) -> Decoding:
        """The memory for blocks, if they are large."""
        return NOTHING_DECODED if self._large is None else self._large.decoding

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self._read_blocks(region) if self._large is None else self._large.read(region)

    def _read_blocks(self, region: tuple[slice, ...]) -> NDArray:
        self._blocks.check(region)
        pixels: NDArray = self._array[region].read().result()
        return pixels

    def _release(self) -> None:
        self._array = None
        if self._large is not None:
            self._large.clear()


def list_datasets(file: Path) -> list[str]:
    """Return the paths of the datasets in a container."""
    return [name for name in datasets_in(file) if name]


def read_metadata(path: Path, dataset: str) -> Mapping[str, object]:
    """Return the metadata of an output."""
    return read_attributes(path / dataset)


def _find(file: Path, name: str | None) -> str:
    """Return the path of the dataset to read; empty if the container is a dataset itself."""
    datasets = datasets_in(file / name if name else file)
    if "" in datasets:
        return name or ""
    if name and not datasets:
        only_dataset(file, datasets_in(file), name)
    if len({path.rpartition("/")[0] for path in datasets}) == 1 and all(
        re.search(r"(^|/)s\d+$", path) for path in datasets
    ):
        first = min(datasets, key=lambda path: int(path.rpartition("/s")[2].lstrip("s")))
        datasets = {first: datasets[first]}
    inner = only_dataset(file / name if name else file, datasets)
    return f"{name}/{inner}" if name else inner


def _groups(file: Path, folder: Path) -> Iterator[Path]:
    """Yield the groups around a dataset, the innermost first."""
    while folder != file:
        folder = folder.parent
        yield folder


def _header(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what N5 says of a dataset; before version 2 of N5 compression was a name."""
    compression = attributes.get("compression", {"type": attributes.get("compressionType", "raw")})
    return {**{name: attributes.get(name) for name in _HEADER}, "compression": compression}


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
    if names is None and isinstance(transform := attributes.get("transform"), dict):
        names = transform.get("axes")
        names = names[::-1] if isinstance(names, list) else None
    # ilastik writes one text.
    if not isinstance(names, list | str) or not all(isinstance(name, str) for name in names):
        return None
    keys = [name.lower() for name in reversed(names)]
    are_keys = len(keys) == len(set(keys)) == n and set("yx") <= set(keys) <= set(KEYS)
    return "".join(keys) if are_keys else None
