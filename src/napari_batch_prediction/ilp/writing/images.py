"""The training images in a project: where they are, and those that are copied into it."""

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import has_magic
from math import prod
from pathlib import Path, PurePath

import h5py

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.formats.common.chunks import chunk_shape
from napari_batch_prediction.formats.common.target import GZIP_LEVEL
from napari_batch_prediction.formats.raster.format import FILES as PICTURES
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.ilp.limits import MAX_DATASET
from napari_batch_prediction.ilp.project import LabelBlock
from napari_batch_prediction.ilp.writing.texts import put_storage_version, put_text, put_texts
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import ChannelsImage
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.locations.location import FileAt, LayerNamed, parse
from napari_batch_prediction.locations.paths import absolute_path

RAW, MASK = "Raw Data", "Prediction Mask"
_LOCAL = "Input Data/local_data"
_PROJECT = ".ilp"


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenImage:
    """A training image as it is written, and its labels.

    Attributes
    ----------
    nickname
        Its name in ilastik.
    path
        Its file, with the dataset in it; absolute. None if its pixels are copied into the project.
    axes, shape
        Axes and extents as ilastik sees the file; None if unknown, as of a missing image.
    pixels
        The image if it is copied into the project, else None.
    blocks
        Its labels.
    """

    nickname: str
    path: str | None
    axes: str | None
    shape: tuple[int, ...] | None
    pixels: Image | None = None
    blocks: Sequence[LabelBlock] = ()

    @property
    def label_axes(self) -> str:
        """The axes in which ilastik keeps labels: ``t`` and ``z`` unless of extent 1, ``y``, ``x`` and ``c``."""
        known = dict(zip(self.axes or "", self.shape or (), strict=False))
        return "".join(key for i, key in enumerate("tzyx") if key in "yx" or self._is_long(key, i, known)) + "c"

    def _is_long(self, key: str, i: int, known: Mapping[str, int]) -> bool:
        """Return True if there are several time points or slices, as far as it is known; labels tell it, too."""
        reach = max((block.start[i] + block.labels.shape[i] for block in self.blocks), default=0)
        default = 1 if self.shape is not None or key not in (self.axes or "") else 2
        return max(known.get(key, default), reach) > 1


def written_image(image: Image, blocks: Sequence[LabelBlock]) -> WrittenImage:
    """Return an opened image as it is written.

    What is in memory is copied into the project, and so are stacks of files, chosen channels, and images that are in a
    project: ilastik names one file for each image.
    """
    location = _file_of(image)
    if location is None:
        return WrittenImage(
            nickname=_nickname(image), path=None, axes=image.axes, shape=image.shape, pixels=image, blocks=blocks
        )
    axes, shape = image.axes, image.shape
    file_format = known_format(location.path)
    if file_format in PICTURES and "c" not in axes:
        # For ilastik a picture always has channels.
        axes, shape = axes + "c", (*shape, 1)
    dataset = location.dataset or (image.dataset if file_format is not None and file_format.has_datasets else "")
    file = FileAt(absolute_path(location.path), dataset or None)
    return WrittenImage(nickname=file.stem, path=str(file), axes=axes, shape=shape, blocks=blocks)


def write_images(file: h5py.File, images: Sequence[WrittenImage], project: Path) -> None:
    """Write the group ``Input Data``.

    Parameters
    ----------
    file
        The project, in memory.
    images
        The training images.
    project
        The path that the project is going to have.
    """
    inputs = file.create_group("Input Data")
    put_storage_version(inputs, "0.2")
    put_texts(inputs, "Role Names", [RAW, MASK])
    inputs.create_group("local_data")
    inputs.create_group("infos")
    for i, image in enumerate(images):
        lane = inputs.create_group(f"infos/lane{i:04}")
        lane.create_group(MASK)
        _write_info(lane.create_group(RAW), image, project)


def relative_path(path: str, folder: Path) -> str | None:
    """Return the path of a file relative to a folder; None if it is not in or under the folder."""
    if not PurePath(path).is_absolute():
        return None  # a path of another system
    for written, start in ((path, absolute_path(folder)), (os.path.realpath(path), folder.resolve())):
        if PurePath(written).is_relative_to(start):
            return PurePath(written).relative_to(start).as_posix()
    return None


def _file_of(image: Image) -> FileAt | None:
    """Return the file that an image is in as a whole; None if it is in memory, in a project, or made of several."""
    if isinstance(image, MemoryImage | ChannelsImage):
        return None
    location = parse(image.location)
    if not isinstance(location, FileAt) or location.path.suffix.lower() == _PROJECT:
        return None
    if not os.path.lexists(location.path) and not has_magic(str(location)):
        return location  # it may come back, and its labels are kept
    try:
        with location.open(image.axes) as found:
            return location if found.shape == image.shape else None
    except BatchPredictionError:
        return None


def _nickname(image: Image) -> str:
    """Return the name of a layer, or the last part of a path."""
    layer = LayerNamed.of(image.location)
    return PurePath(image.location).name if layer is None else layer.stem


def _write_info(info: h5py.Group, image: WrittenImage, project: Path) -> None:
    identifier = str(uuid.uuid4())
    if image.pixels is not None:
        _copy(info.file, f"{_LOCAL}/{identifier}", image.pixels)
        place = "ProjectInternal", "ProjectInternalDatasetInfo", f"{_LOCAL}/{identifier}"
        put_text(info, "inner_path", place[2])
        info["fromstack"] = True
    else:
        path = image.path or ""
        relative = relative_path(path, project.parent)
        kind = "FilesystemDatasetInfo" if relative is None else "RelativeFilesystemDatasetInfo"
        place = "FileSystem", kind, PurePath(path).as_posix() if relative is None else relative
    for name, text in zip(("location", "__class__", "filePath"), place, strict=True):
        put_text(info, name, text)
    put_text(info, "nickname", image.nickname)
    put_text(info, "datasetId", identifier)
    if image.axes is not None:
        put_text(info, "axistags", axistags_to_json(image.axes))
    if image.shape is not None:
        info["shape"] = list(image.shape)
    info["allowLabels"] = True
    put_text(info, "display_mode", "default")
    info["normalizeDisplay"] = False
    put_text(info, "axis_units", "null")
    put_text(info, "working_scale", "")
    info["scale_locked"] = False


def _copy(file: h5py.File, name: str, image: Image) -> None:
    """Copy the pixels of an image into the project."""
    n_bytes = prod(image.shape) * image.dtype.itemsize
    if n_bytes > MAX_DATASET:
        raise SettingsError(
            f"'{image.location}' is not in one file that ilastik reads, so it would be copied into the project. It has "
            f"{n_bytes} bytes, and up to {MAX_DATASET} are copied. Save it as HDF5 or OME-Zarr, and train on that.",
            setting="inputs",
        )
    chunk = chunk_shape(image.axes, image.shape, image.dtype.itemsize)
    dataset = file.create_dataset(name, image.shape, image.dtype, chunks=chunk, compression=GZIP_LEVEL)
    dataset.attrs["axistags"] = axistags_to_json(image.axes)
    dataset[()] = image.read()
