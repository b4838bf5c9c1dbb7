"""Reading back what an output says of how it was made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.formats.zarr.writer_metadata import PROGRAM

_Byte = Annotated[int, Field(ge=0, le=255)]
_Index = Annotated[int, Field(ge=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    region: dict[AxisKey, tuple[_Index | None, _Index | None]] = {}
    output_range: tuple[FiniteFloat, FiniteFloat] | None = None


class Stamp(BaseModel):
    """What an output says of its values.

    Attributes
    ----------
    source
        The source of the classifier that was exported.
    classes, class_colors
        The classes that values are numbers or, channel by channel, probabilities of, and their colours; empty
        otherwise.
    is_labels
        Whether values are numbers of classes, from 1.
    value_range
        Smallest and largest possible value; None if not known.
    settings
        The settings that values depend on, as far as a reader needs them: the region, and the range that values
        were rescaled to.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    classes: tuple[str, ...]
    class_colors: tuple[tuple[_Byte, _Byte, _Byte], ...]
    is_labels: bool
    value_range: tuple[FiniteFloat, FiniteFloat] | None
    settings: _Settings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.class_colors) != len(self.classes):
            raise ValueError("there must be a colour for each class")
        return self

    @property
    def start(self) -> dict[str, int]:
        """Where the output begins in the image, along axes that were cut; along ``c``, its first channel."""
        return {str(key): first for key, (first, _) in self.settings.region.items() if first}


def read_stamp(path: Path, internal_path: str = "") -> Stamp | None:
    """Return what an output says of its values; None if it is not an output of this program, or does not say.

    Parameters
    ----------
    path
        A file or folder of any kind.
    internal_path
        Name of the dataset, in formats that hold several.
    """
    try:
        return Stamp.model_validate_json(read_metadata(path, internal_path).get(PROGRAM, ""))
    except ValidationError:
        # Of an earlier version, or changed by hand.
        return None


def read_metadata(path: Path, internal_path: str) -> Mapping[str, str]:
    """Return the metadata of an output; nothing if it has none, or the format cannot hold any.

    Parameters
    ----------
    path
        A file or folder that one of the writers made.
    internal_path
        Name of the dataset, in formats that hold several.
    """
    readers = {".h5": _hdf5, ".zarr": _zarr, ".n5": _n5, ".tif": _tiff, ".tiff": _tiff, ".png": _png}
    # Labels in an OME-Zarr image have no extension.
    reader = readers.get(path.suffix.lower(), _zarr if path.is_dir() else None)
    if reader is None:
        return {}
    try:
        found = reader(path, internal_path)
    except Exception:  # damaged, or another program's file, which makes libraries raise nearly anything
        return {}
    return {str(name): str(text) for name, text in found.items()}


def _hdf5(path: Path, internal_path: str) -> Mapping[str, object]:
    import h5py

    with h5py.File(path, "r") as file:
        return dict(file[internal_path].attrs)


def _zarr(path: Path, internal_path: str) -> Mapping[str, object]:
    for name in ("zarr.json", ".zattrs"):
        if (path / name).is_file():
            attributes = json.loads((path / name).read_text())
            return dict(attributes.get("attributes", attributes)[PROGRAM])
    return {}


def _n5(path: Path, internal_path: str) -> Mapping[str, object]:
    return dict(json.loads((path / internal_path / "attributes.json").read_text()))


def _tiff(path: Path, internal_path: str) -> Mapping[str, object]:
    import tifffile

    with tifffile.TiffFile(path) as file:
        text = file.pages.first.description
    if not text.startswith("<?xml"):
        return dict(json.loads(text))
    parts = ElementTree.fromstring(text.encode()).findall(".//{*}M")  # noqa: S314 - tifffile has read it already
    return {part.get("K", ""): part.text or "" for part in parts}


def _png(path: Path, internal_path: str) -> Mapping[str, object]:
    from PIL import Image

    with Image.open(path) as image:
        return {str(name): value for name, value in image.info.items()}
