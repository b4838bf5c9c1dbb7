"""Which images of a file are outputs, of this program or of ilastik."""

from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import known_format
from napari_batch_prediction.formats.stamp import Stamp, read_stamp
from napari_batch_prediction.images.base import reading


class Exported(NamedTuple):
    """One image that was exported.

    Attributes
    ----------
    location
        Where it is, for :func:`~napari_batch_prediction.locations.inputs.open_image`.
    dataset
        The dataset in the file; empty if the file holds one image.
    stamp
        What it says of its values; None if it is ilastik's.
    value_range
        Smallest and largest value by ilastik's attribute ``drange``, which is (0, 1) for all that it did not
        rescale; None if there is none.
    """

    location: str
    dataset: str
    stamp: Stamp | None
    value_range: tuple[float, float] | None = None


def find_exported(path: Path) -> list[Exported]:
    """Return the images in a file that are outputs; none if it is another program's.

    Of HDF5 files it is those with axistags; of all others those that say that this program made them.

    Raises
    ------
    ImageReadError
        If the file has to be opened for that, and cannot be.
    """
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
