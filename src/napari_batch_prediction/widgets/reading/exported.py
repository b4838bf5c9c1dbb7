"""Which images of a file are outputs, of this program or of ilastik."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from napari_batch_prediction.formats.stamp import Stamp, read_stamp
from napari_batch_prediction.images.base import reading
from napari_batch_prediction.locations.datasets import list_datasets


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
        If an HDF5 file cannot be opened.
    """
    suffix = path.suffix.lower()
    if suffix in (".h5", ".hdf5"):
        with reading(f"'{path}' as HDF5"):
            return _in_hdf5(path)
    if suffix == ".n5":
        names = list_datasets(path)
        stamps = {name: stamp for name in names if (stamp := read_stamp(path, name)) is not None}
        return [Exported(f"{path}/{name}", name, stamp) for name, stamp in stamps.items()]
    stamp = read_stamp(path)
    return [] if stamp is None else [Exported(str(path), "", stamp)]


def _in_hdf5(path: Path) -> list[Exported]:
    import h5py

    names = list_datasets(path)
    with h5py.File(path, "r") as file:
        ranges = {name: _drange(file[name].attrs) for name in names if "axistags" in file[name].attrs}
    return [Exported(f"{path}/{name}", name, read_stamp(path, name), limits) for name, limits in ranges.items()]


def _drange(attributes: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        low, high = attributes["drange"]
        return float(low), float(high)
    except (KeyError, TypeError, ValueError):
        return None  # not there, or another program's
