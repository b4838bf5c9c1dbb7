"""Formats by name."""

import pytest

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.export.formats import find_format


@pytest.mark.parametrize("name", ["hdf5", "HDF5", "compressed hdf5", "Compressed HDF5"])
def test_known(name):
    """Names are ilastik's, in any case."""
    found = find_format(name)
    assert found.name == name.lower()
    assert found.extension == ".h5"


@pytest.mark.parametrize("name", ["jpeg 2000", ""])
def test_unknown(name):
    """An unknown format is refused and the known ones are listed."""
    with pytest.raises(SettingsError, match=r"unknown. Known are: 'compressed hdf5', 'hdf5'"):
        find_format(name)
