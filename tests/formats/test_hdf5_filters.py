"""Filters of HDF5: those of the library, those of a package, and the name of what is not installed."""

from importlib.util import find_spec

import h5py
import numpy as np
import pytest
from threshold import plan_for

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import open_image

PIXELS = np.random.default_rng(0).integers(0, 200, (60, 70), np.uint8)


def stored_with(path, number, name=b"", values=()):
    """Write a dataset that names a filter, which is skipped if it is not there."""
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(PIXELS.shape)
        properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, values)
        space = h5py.h5s.create_simple(PIXELS.shape)
        data = h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, space, properties)
        data.write_direct_chunk((0, 0), PIXELS.tobytes(), 0)
    return path


UNKNOWN = {
    "FAPEC": (32021, r"32021 \(FAPEC\), which is not installed.*HDF5_PLUGIN_PATH"),
    "LZO": (305, r"305 \(LZO\)"),
    "of a company": (40000, r"40000 \(unregistered\)"),
    "for testing": (300, r"300 \(unregistered\)"),
}


@pytest.mark.parametrize("location", ["a.h5", "a.h5/data"])
@pytest.mark.parametrize(("number", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_filter_that_is_not_installed_is_named(number, message, location, tmp_path):
    """Number and registered name are said before the run, and that the filter is missing, not that the file is bad."""
    stored_with(tmp_path / "a.h5", number)
    (problem,) = plan_for([tmp_path / location]).rows[0].problems
    with pytest.raises(ImageReadError, match=message) as raised:
        open_image(tmp_path / location)
    assert str(raised.value) == str(problem)
    assert "whole" not in str(problem)


def test_filter_of_a_source_of_a_virtual_dataset_is_named(tmp_path):
    """A dataset that is put together from others needs their filters."""
    stored_with(tmp_path / "a.h5", 32021)
    layout = h5py.VirtualLayout(PIXELS.shape, np.uint8)
    layout[...] = h5py.VirtualSource("a.h5", "data", shape=PIXELS.shape)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("v", layout)
    with pytest.raises(ImageReadError, match=r"'data' in '.*a\.h5' is stored with the HDF5 filter 32021 \(FAPEC\)"):
        open_image(tmp_path / "v.h5")


@pytest.mark.skipif(find_spec("hdf5plugin") is not None, reason="is about its absence")
def test_package_with_a_filter_is_named(tmp_path):
    """For a filter that a package brings, the package is what to install."""
    path = stored_with(tmp_path / "a.h5", 32015)
    with pytest.raises(
        ImageReadError, match=r'32015 \(Zstandard\).*pip install "napari-batch-prediction\[hdf5plugin\]"'
    ):
        open_image(path)


@pytest.mark.skipif(find_spec("hdf5plugin") is None, reason="needs the package")
@pytest.mark.parametrize("name", ["Zstd", "LZ4", "Blosc", "Blosc2", "Bitshuffle", "BZip2"])
def test_filters_of_the_package_are_read(name, tmp_path):
    """Filters of hdf5plugin are there without a word about it."""
    import hdf5plugin

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=PIXELS, chunks=(20, 20), **getattr(hdf5plugin, name)())
    with open_image(tmp_path / "a.h5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


LIBRARY = {
    "gzip": {"compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf"},
    "szip": {"compression": "szip"},
    "checksum": {"fletcher32": True},
    "scale-offset": {"scaleoffset": 0},
}


@pytest.mark.parametrize("options", LIBRARY.values(), ids=LIBRARY)
def test_filters_of_the_library_are_read(options, tmp_path):
    """What h5py brings is read."""
    if options.get("compression") == "szip" and not h5py.h5z.get_filter_info(h5py.h5z.FILTER_SZIP) & 1:
        options = {}  # a library that decodes szip only
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=PIXELS, chunks=(20, 20), **options)
    with open_image(tmp_path / "a.h5") as image:
        if "scaleoffset" in options and h5py.version.hdf5_version_tuple < (2, 0, 0):
            # HDF5 1.14 cannot read what it has written so, if all bits of the type are used.
            with pytest.raises(ImageReadError, match="minimum number of bits exceeds size of type"):
                image.read()
        else:
            np.testing.assert_array_equal(image.read(), PIXELS)


def test_nbit_filter_is_read(tmp_path):
    """Numbers stored in as many bits as they need are read."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((20, 20))
        properties.set_filter(h5py.h5z.FILTER_NBIT, h5py.h5z.FLAG_MANDATORY)
        space = h5py.h5s.create_simple(PIXELS.shape)
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, space, properties)
        file["data"][...] = PIXELS
    with open_image(tmp_path / "a.h5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_damaged_list_of_chunks_is_refused_when_it_is_opened(tmp_path):
    """A chunk that is too short for its checksum would be read beyond its start."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", PIXELS.shape, "u1", chunks=PIXELS.shape, fletcher32=True)
        data.id.write_direct_chunk((0, 0), b"no", 0)
    with pytest.raises(ImageReadError, match=r"'data' in '.*a\.h5' is damaged: a chunk of 4200 bytes is stored in 2"):
        open_image(tmp_path / "a.h5")


@pytest.mark.skipif(find_spec("hdf5plugin") is None, reason="needs the package")
def test_chunk_that_its_filter_cannot_decode_is_refused_when_it_is_opened(tmp_path):
    """The filter is there and named, and the file is not called cut off."""
    with pytest.raises(ImageReadError, match=r"cannot be decoded by the HDF5 filter 32015 \(Zstandard\)"):
        open_image(stored_with(tmp_path / "a.h5", 32015, values=(3,)))
