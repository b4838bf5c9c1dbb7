"""Finding the outputs of this program or of ilastik in a file."""

from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.disk import refuse_special
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.stamp import Stamp, read_stamp
from napari_batch_prediction.images.base import reading


class Exported(NamedTuple):
    """An output in a file.

    Attributes
    ----------
    location
        Its location, for :func:`~napari_batch_prediction.locations.inputs.open_image`.
    dataset
        The dataset in the file; empty if the file holds one image.
    stamp
        Its stamp; None for an output of ilastik.
    value_range
        Smallest and largest value by ilastik's attribute ``drange``, which is (0, 1) for values that are not
        rescaled; None if not stored.
    """

    location: str
    dataset: str
    stamp: Stamp | None
    value_range: tuple[float, float] | None = None


def find_exported(path: Path) -> list[Exported]:
    """Return the outputs in a file; none for files of other programs.

    In HDF5 files they are the datasets with axistags, in other files the images with a stamp.

    Raises
    ------
    ImageReadError
        If the file has to be opened and cannot be.
    """
    refuse_special(path, ImageReadError)
    file_format = known_format(path)
    if file_format is None or not file_format.has_internal_path:
        stamp = read_stamp(path)
        return [] if stamp is None else [Exported(str(path), "", stamp)]
    with reading(f"'{path}' as {file_format.name}"):
        if file_format.ilastik_ranges:
            ranges = load(file_format.ilastik_ranges)(path)
            return [Exported(f"{path}/{name}", name, read_stamp(path, name), ranges[name]) for name in ranges]
        stamps = {name: read_stamp(path, name) for name in file_format.datasets(path)}
    return [Exported(f"{path}/{name}", name, stamp) for name, stamp in stamps.items() if stamp is not None]
