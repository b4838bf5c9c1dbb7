"""The formats that can be written, by ilastik's names."""

from collections.abc import Callable
from typing import NamedTuple

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.export.target import Target, Writer


class Format(NamedTuple):
    """One format: its name, the extension of its files, and what writes them."""

    name: str
    extension: str
    writer: Callable[[Target], Writer]


def _hdf5(target: Target) -> Writer:
    from napari_batch_prediction.export.hdf5 import Hdf5Writer

    return Hdf5Writer(target, compressed=False)


def _compressed_hdf5(target: Target) -> Writer:
    from napari_batch_prediction.export.hdf5 import Hdf5Writer

    return Hdf5Writer(target, compressed=True)


FORMATS = (Format("compressed hdf5", ".h5", _compressed_hdf5), Format("hdf5", ".h5", _hdf5))


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
