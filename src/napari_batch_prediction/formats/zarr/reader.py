"""Reading OME-Zarr and plain arrays in Zarr 2 and 3, by zarr-python."""

import json
from collections.abc import Iterator
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import zarr
from numpy.typing import NDArray

from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.common.large_chunks import LARGE, LargeChunks, check_chunk
from napari_batch_prediction.formats.common.stores import no_chunks
from napari_batch_prediction.formats.zarr.bounded import bounded, open_store
from napari_batch_prediction.formats.zarr.metadata import OmeImage, dimension_axes, ome_attributes
from napari_batch_prediction.formats.zarr.store import NAMES, is_zarr
from napari_batch_prediction.images.base import (
    NOTHING_DECODED,
    Decoding,
    Image,
    can_be_image,
    choose_axes,
    only_dataset,
)


class ZarrImage(Image):
    """An array in a Zarr store: a level of an OME-Zarr image, or a plain array.

    An OME-Zarr image is opened at full resolution unless a level is named, with axes, size of a pixel and names of
    channels from its metadata. The axes of a plain array are its ``dimension_names`` or xarray's
    ``_ARRAY_DIMENSIONS``, else guessed.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The folder of the store.
    dataset
        Path of a group or an array; None if the store holds one image.
    axes
        Axes that win over the store's own.
    """

    def __init__(self, location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> None:
        root = open_store(file)
        node: zarr.Array | zarr.Group = root
        if dataset is not None:
            if not isinstance(root, zarr.Group) or dataset not in root:
                only_dataset(file, _levels_above(file, root, dataset) | _images(file, root), dataset)
            node = root[dataset]  # type: ignore[index, assignment]
        array = node if isinstance(node, zarr.Array) else _only_array(file, node)
        _refuse_pickle(location, array)
        check_chunk(location, array.shape, array.shards or array.chunks)
        own_axes: str | None = None
        image, level = _image_of(file, root, array)
        try:
            own_axes = image.axis_keys(array.shape) if image else dimension_axes(_dimension_names(array))
        except AxesError:
            if axes is None:
                raise
        axes, axes_known = choose_axes(array.shape, axes, own_axes)
        sizes, units = image.pixel_size(level) if image else ({}, {})
        folder = file / array.path
        super().__init__(
            location,
            axes,
            array.shape,
            array.dtype,
            axes_known=axes_known,
            pixel_size=sizes,
            units=units,
            origin=image.origin(level) if image else None,
            channel_names=image.channel_names if image else (),
            dataset=array.path,
            warnings=[*_warnings(folder, array)],
        )
        self._array: zarr.Array = bounded(array)
        self._folder = folder
        is_large = prod(array.chunks) * array.dtype.itemsize > LARGE
        self._large = LargeChunks(self._read_chunks, array.shape, array.chunks, array.dtype) if is_large else None

    @property
    def decoding(self) -> Decoding:
        """The memory for chunks, if they are large."""
        return NOTHING_DECODED if self._large is None else self._large.decoding

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        return self._read_chunks(region) if self._large is None else self._large.read(region)

    def _read_chunks(self, region: tuple[slice, ...]) -> NDArray:
        pixels: NDArray = self._array[region]  # type: ignore[assignment]
        # Missing chunks count as empty, but not if the whole store is missing.
        if not is_zarr(self._folder):
            raise FileNotFoundError("the store is gone")
        return pixels

    def _release(self) -> None:
        del self._array
        if self._large is not None:
            self._large.clear()


def _warnings(folder: Path, array: zarr.Array) -> Iterator[str]:
    if not NAMES.holds_chunks(folder):
        yield no_chunks(folder, array.fill_value)
    if array.metadata.zarr_format == 3 and (folder / ".zarray").is_file():
        yield (
            f"'{folder}' is an array of Zarr 2 and of Zarr 3, by '.zarray' and by 'zarr.json': it is read as Zarr 3. "
            "Remove what it should not be."
        )


def list_images(file: Path) -> list[str]:
    """Return the paths of OME-Zarr images and of plain arrays in a store."""
    return [path for path in _images(file, open_store(file)) if path]


def _only_array(file: Path, group: zarr.Group) -> zarr.Array:
    """Return the array at full resolution of the only image in a group."""
    image = _parse(file, group)
    if image is not None:
        return _full_resolution(file, group, image)
    attributes = ome_attributes(group.attrs.asdict())
    for kind, members in (("plate", "wells"), ("well", "images")):
        if kind in attributes:
            paths = [f"{file / group.path / member['path']}" for member in attributes[kind][members]]
            example = paths[0] + ("/0" if kind == "plate" else "") if paths else f"{file}/A/1/0"
            raise ImageReadError(
                f"'{file / group.path}' is a {kind} with {len(paths)} {members}, not one image. Name an image in it, "
                f"as in '{example}', or a pattern such as '{file / group.path}/{'*/*/*' if kind == 'plate' else '*'}'."
            )
    # Labels are not taken for images, unless there is nothing else.
    images = _images(file / group.path, group)
    proper = {path: text for path, text in images.items() if "labels" not in PurePosixPath(path).parts}
    node = group[only_dataset(file / group.path, proper or images)]
    return node if isinstance(node, zarr.Array) else _only_array(file, node)


def _full_resolution(file: Path, group: zarr.Group, image: OmeImage) -> zarr.Array:
    path = image.levels[0].path
    if path not in group:
        raise ImageReadError(
            f"'{file / group.path}' is an OME-Zarr image whose first level '{path}' is missing. Copy it again."
        )
    level = group[path]
    if not isinstance(level, zarr.Array):
        raise ImageReadError(f"'{file / group.path}' is an OME-Zarr image whose first level '{path}' is no array.")
    return level


def _levels_above(file: Path, root: zarr.Array | zarr.Group, dataset: str) -> dict[str, str]:
    """Return a description of each level, by path, of the innermost image that should hold a dataset."""
    for above in PurePosixPath(dataset).parents:
        path = str(above) if above.parts else ""
        group = root[path] if path and path in root else root if not path else None  # type: ignore[index, operator]
        image = _parse(file, group) if isinstance(group, zarr.Group) else None
        if image is not None:
            return dict.fromkeys(image.paths(path), "level")
    return {}


def _images(folder: Path, node: zarr.Array | zarr.Group) -> dict[str, str]:
    """Return a description of each image in a store, by path: OME-Zarr images, and arrays that are no levels of one."""
    return dict(_walk(folder, node, "")) if isinstance(node, zarr.Group) else {"": f"{node.shape} {node.dtype}"}


def _walk(
    folder: Path, group: zarr.Group, above: str, levels: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    if group.attrs.get("encoding-type") == "anndata":
        # A table, whose arrays are no images.
        return
    try:
        image = _parse(folder, group)
    except ImageReadError:
        # Named, so that choosing it says why it cannot be read; its arrays are no images of their own.
        yield above, "OME-Zarr image that cannot be read"
        return
    if image is not None:
        levels |= set(image.paths(above))
        if above:
            yield above, "OME-Zarr image"
    # Not by the group's list of members, which warns of every other file.
    for name in sorted(child.name for child in folder.iterdir() if child.is_dir() and is_zarr(child)):
        child = group[name]
        path = f"{above}/{name}" if above else name
        if isinstance(child, zarr.Group):
            yield from _walk(folder / name, child, path, levels)
        elif path not in levels and can_be_image(child.shape, child.dtype):
            yield path, f"{child.shape} {child.dtype}"


def _parse(file: Path, group: zarr.Group) -> OmeImage | None:
    """Return the image of a group; None if it is none."""
    try:
        return OmeImage.parse(group.attrs.asdict())
    except ImageReadError as error:
        raise ImageReadError(f"'{file / group.path}' cannot be read. {error}", path=file) from error


def _image_of(file: Path, root: zarr.Array | zarr.Group, array: zarr.Array) -> tuple[OmeImage | None, int]:
    """Return the OME-Zarr image of which an array is a level, and the level's index; None and 0 if there is none."""
    above = PurePosixPath(array.path)
    while isinstance(root, zarr.Group) and above.parts:
        above = above.parent
        path = str(above) if above.parts else ""
        group = root[path] if path else root
        image = _parse(file, group) if isinstance(group, zarr.Group) else None
        if image is not None:
            paths = image.paths(path)
            return (image, paths.index(array.path)) if array.path in paths else (None, 0)
    return None, 0


def _dimension_names(array: zarr.Array) -> Any:
    return getattr(array.metadata, "dimension_names", None) or array.attrs.asdict().get("_ARRAY_DIMENSIONS")


def _refuse_pickle(location: str, array: zarr.Array) -> None:
    """Raise ImageReadError if a codec of the array would unpickle its data."""
    metadata = array.metadata.to_dict()
    codecs = {key: metadata.get(key) for key in ("codecs", "compressor", "filters")}
    if "pickle" in json.dumps(codecs, default=str).lower():
        raise ImageReadError(
            f"'{location}' is stored as pickled Python objects, which can run programs when they are read. "
            "Save it with another codec."
        )
