"""What is in a file that can hold several images."""

import h5py
import numpy as np
import pytest
import zarr

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.location import FileAt

PIXELS = np.zeros((20, 30), np.uint8)


def write_hdf5(path):
    with h5py.File(path, "w") as h5:
        h5["raw"] = PIXELS
        h5["volume/data"] = PIXELS
        h5["names"] = np.zeros(4)


def write_npz(path):
    np.savez(path, raw=PIXELS, mask=PIXELS, table=np.zeros(4))


def write_zarr(path):
    root = zarr.create_group(path)
    root.create_array("raw", data=PIXELS)
    root.create_array("sub/mask", data=PIXELS)


FILES = {
    "HDF5": ("a.h5", write_hdf5, ["raw", "volume/data"]),
    "NPZ": ("a.npz", write_npz, ["raw", "mask"]),
    "Zarr": ("a.zarr", write_zarr, ["raw", "sub/mask"]),
    "NumPy": ("a.npy", lambda path: np.save(path, PIXELS), []),
}


@pytest.mark.parametrize(("name", "write", "datasets"), FILES.values(), ids=FILES)
def test_datasets_of_a_file_are_listed(tmp_path, name, write, datasets):
    """The images in a file, whatever is named after it; none of a file that is one image."""
    write(tmp_path / name)
    assert FileAt.of(tmp_path / name).datasets() == datasets
    if datasets:
        assert FileAt.of(f"{tmp_path / name}/{datasets[0]}").datasets() == datasets


def test_unreadable_file_is_named_with_the_reason(tmp_path):
    """The file and what is wrong are named."""
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    with pytest.raises(ImageReadError, match=r"a\.h5"):
        FileAt.of(tmp_path / "a.h5").datasets()
