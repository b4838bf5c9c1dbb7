"""The formats that can be written, by ilastik's names."""

from collections.abc import Callable
from typing import NamedTuple

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.export.chunks import chunk_shape
from napari_batch_prediction.export.target import Target, Writer


class Format(NamedTuple):
    """One format.

    Attributes
    ----------
    name
        ilastik's name.
    extension
        Extension of the files, with its dot.
    chunk
        From axes, shape and bytes of a value to the shape of the pieces the file is stored in.
    writer
        From a target to what writes it.
    """

    name: str
    extension: str
    chunk: Callable[[str, tuple[int, ...], int], tuple[int, ...]]
    writer: Callable[[Target], Writer]


def _hdf5(target: Target) -> Writer:
    from napari_batch_prediction.export.hdf5 import Hdf5Writer

    return Hdf5Writer(target, compressed=False)


def _compressed_hdf5(target: Target) -> Writer:
    from napari_batch_prediction.export.hdf5 import Hdf5Writer

    return Hdf5Writer(target, compressed=True)


FORMATS = (
    Format("compressed hdf5", ".h5", chunk_shape, _compressed_hdf5),
    Format("hdf5", ".h5", chunk_shape, _hdf5),
)


def find_format(name: str) -> Format:
    """Return the format of this name, in any case.

    Raises
    ------
    SettingsError
        If there is none.
    """
    for form in FORMATS:
        if form.name == name.strip().lower():
            return form
    known = ", ".join(f"'{form.name}'" for form in FORMATS)
    raise SettingsError(f"The format '{name}' is unknown. Known are: {known}.")
