"""Reading the stamp of an output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.axes import AxisKey
from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.zarr.format import ZARR

_Byte = Annotated[int, Field(ge=0, le=255)]
_Index = Annotated[int, Field(ge=0)]

_NAME = PROGRAM.encode()
_HEAD = 2**16
_OME, _OME_END = b"<OME", b"</OME>"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    region: dict[AxisKey, tuple[_Index | None, _Index | None]] = {}
    output_range: tuple[FiniteFloat, FiniteFloat] | None = None


class Stamp(BaseModel):
    """The facts about its values that an output stores.

    Attributes
    ----------
    source
        The source of the classifier.
    classes, class_colors
        The classes, with their colours, if values are numbers of classes or each channel is the probability of a
        class; else empty.
    is_labels
        True if values are numbers of classes, from 1.
    value_range
        Smallest and largest possible value; None if unknown.
    settings
        The settings that a reader needs: the region, and the range to which values were rescaled.
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
        """Start of the output in the image along axes that were cut; along ``c``, its first channel."""
        return {str(key): first for key, (first, _) in self.settings.region.items() if first}


def read_stamp(path: Path, internal_path: str = "") -> Stamp | None:
    """Return the stamp of an output; None if there is none.

    Parameters
    ----------
    path
        A file or folder of any kind.
    internal_path
        Name of the dataset, in formats with several.
    """
    try:
        return Stamp.model_validate_json(read_metadata(path, internal_path).get(PROGRAM, ""))
    except ValidationError:
        # The stamp is of an earlier version, or was changed by hand.
        return None


def is_stamped(path: Path, dataset: str | None = None) -> bool:
    """Return True if an image has a stamp; without a dataset, all images of the file.

    Of most files of other programs only the first bytes are read.

    Parameters
    ----------
    path
        An existing file, or the folder of a store.
    dataset
        The dataset in it; None if none is named.
    """
    file_format = known_format(path)
    if file_format is None or not file_format.stamp:
        return False
    if file_format.is_folder and not file_format.has_internal_path:
        return PROGRAM in read_metadata(path / dataset if dataset else path, "")
    if not file_format.is_folder and not _may_be_stamped(path):
        return False
    names = [dataset or ""]
    if dataset is None and file_format.has_internal_path:
        try:
            names = file_format.datasets(path)
        except Exception:  # opening it tells the reason
            return False
    return bool(names) and all(PROGRAM in read_metadata(path, name) for name in names)


def _may_be_stamped(file: Path) -> bool:
    """Return False if a file has no stamp, by its first bytes: metadata are written before pixels."""
    try:
        with file.open("rb", buffering=0) as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False  # opening it tells the reason
    # In OME's metadata the stamp comes after the planes, which may be many.
    return _NAME in head or (_OME in head and _OME_END not in head)


def read_metadata(path: Path, internal_path: str) -> Mapping[str, str]:
    """Return the metadata of an output; empty if there are none.

    Parameters
    ----------
    path
        A file or folder of an output.
    internal_path
        Name of the dataset, in formats with several.
    """
    file_format = known_format(path)
    if path.is_dir() and not (file_format is not None and file_format.is_folder):
        file_format = ZARR  # labels in an OME-Zarr image have no extension
    if file_format is None or not file_format.stamp:
        return {}
    try:
        refuse_special(path, ImageReadError)
        metadata = load(file_format.stamp)(path, internal_path)
    except Exception:  # libraries raise nearly anything for damaged files and those of other programs
        return {}
    return {str(name): str(text) for name, text in metadata.items()}
