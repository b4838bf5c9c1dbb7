"""HDF5 files: which dataset, axes that are wrong, size of a pixel, and sharing with other programs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.locations.inputs import open_image

PIXELS = np.random.default_rng(0).integers(0, 255, (6, 40, 50), np.uint8)


@pytest.fixture
def several(tmp_path):
    """Two images, and what is none: a 1D array, a table, text, a group, an empty dataset."""
    path = tmp_path / "several.h5"
    with h5py.File(path, "w") as file:
        file["volume/data"] = PIXELS
        file["labels"] = PIXELS[0]
        file["line"] = PIXELS[0, 0]
        file["table"] = np.zeros((3, 3), [("a", "f4")])
        file["words"] = np.full((2, 2), b"a")
        file["nothing"] = h5py.Empty("f4")
    return path


def test_only_dataset_opens_without_its_name(tmp_path):
    """A file with one image and other things opens by itself; its location stays as it was given."""
    path = tmp_path / "one.h5"
    with h5py.File(path, "w") as file:
        file["volume/data"] = PIXELS
        file["times"] = np.arange(6)
        file["note"] = "text"
    with open_image(path) as image:
        assert image.location == str(path)
        np.testing.assert_array_equal(image.read(), PIXELS)


@pytest.mark.parametrize(("dataset", "expected"), [("volume/data", PIXELS), ("labels", PIXELS[0])])
def test_dataset_is_chosen_by_the_path_after_the_file(dataset, expected, several):
    """The path after the file chooses the dataset."""
    with open_image(f"{several}/{dataset}") as image:
        np.testing.assert_array_equal(image.read(), expected)


BAD_NAMES = {
    "none named": ("", r"holds 2 datasets.*labels \(40, 50\) uint8; volume/data \(6, 40, 50\) uint8.*h5/labels'"),
    "not there": ("/volume/dta", r"has no dataset 'volume/dta'\. It has: labels .*volume/data"),
    "a group": ("/volume", r"has no dataset 'volume'\. It has: labels"),
    "below a dataset": ("/labels/a", r"has no dataset 'labels/a'\. It has: labels"),
    "empty": ("/nothing", "has no dataset 'nothing'"),
    "one dimension": ("/line", "needs 2 to 5 dimensions, got 1"),
    "a table": ("/table", "holds pixels of type"),
    "text": ("/words", "holds pixels of type"),
}


@pytest.mark.parametrize(("name", "message"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_unknown_dataset_is_refused_and_the_others_are_listed(name, message, several):
    """The message names the file and lists what is there."""
    with pytest.raises(ImageReadError, match=message) as raised:
        open_image(f"{several}{name}")
    assert "several.h5" in str(raised.value)


def test_dataset_with_a_name_that_is_not_utf8_is_read(tmp_path):
    """Other programs may store names in other encodings."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple(PIXELS.shape)
        h5py.h5d.create(file.id, b"d\xff", h5py.h5t.NATIVE_UINT8, space).write(h5py.h5s.ALL, h5py.h5s.ALL, PIXELS)
        file["e"] = np.arange(3)
    with open_image(tmp_path / "a.h5") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_file_without_images_is_refused(tmp_path):
    """A file without images says so."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["line"] = np.arange(3)
    with pytest.raises(ImageReadError, match=r"a\.h5' holds no image"):
        open_image(tmp_path / "a.h5")


def test_long_list_of_datasets_is_cut(tmp_path):
    """Of a hundred datasets, twenty are listed."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(100):
            file[f"d{i:03}"] = np.zeros((2, 2))
    with pytest.raises(ImageReadError, match=r"holds 100 datasets.*d019.*and 80 more") as raised:
        open_image(tmp_path / "a.h5")
    assert "d020" not in str(raised.value)


AXISTAGS = {
    "str": axistags_to_json("tyx"),
    "bytes": np.bytes_(axistags_to_json("tyx").encode()),
    "array of one": np.array([axistags_to_json("tyx")], dtype=h5py.string_dtype()),
}


@pytest.mark.parametrize("axistags", AXISTAGS.values(), ids=AXISTAGS)
def test_axistags_are_read_in_every_spelling(axistags, tmp_path):
    """Text, bytes, and an array of one text are all read."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = PIXELS
        file["data"].attrs["axistags"] = axistags
    with open_image(tmp_path / "a.h5") as image:
        assert (image.axes, image.axes_known) == ("tyx", "file")


WRONG_AXISTAGS = {
    "too few": (axistags_to_json("yx"), r"axistags are 'yx', its shape is \(6, 40, 50\)"),
    "no JSON": ("zyx", "Not vigra axistags"),
    "no axes": ("{}", "Not vigra axistags"),
    "other keys": (axistags_to_json("zyx").replace('"z"', '"q"'), "'qyx' are not valid"),
}


@pytest.mark.parametrize(("axistags", "message"), WRONG_AXISTAGS.values(), ids=WRONG_AXISTAGS)
def test_axistags_that_do_not_fit_are_refused_unless_axes_are_given(axistags, message, tmp_path):
    """Axistags that do not fit are an error, unless the user gives the axes."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = PIXELS
        file["data"].attrs["axistags"] = axistags
    with pytest.raises(ImageReadError, match=f"a\\.h5.*{message}.*Give its axes"):
        open_image(path)
    with open_image(path, "tyx") as image:
        assert image.axes == "tyx"


UNITS = {
    "named": (json.dumps({"z": "um", "y": "µm", "x": "nm", "c": ""}), {"z": "micrometer", "x": "nanometer"}),
    "null": ("null", {}),
    "none": (None, {}),
    "no JSON": ("{", {}),
}


@pytest.mark.parametrize(("text", "units"), UNITS.values(), ids=UNITS)
def test_pixel_size_is_read_from_the_resolutions_of_axistags(text, units, tmp_path):
    """Resolutions other than 0 are sizes; their units may be missing."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = PIXELS
        file["data"].attrs["axistags"] = axistags_to_json("zyx", {"z": 2, "x": 0.5})
        if text is not None:
            file["data"].attrs["axis_units"] = text
    with open_image(tmp_path / "a.h5") as image:
        assert image.pixel_size == {"z": 2, "x": 0.5}
        assert image.units == units


def test_only_the_chunks_of_a_region_are_read(tmp_path):
    """One time point is read although the chunk of another is damaged."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=PIXELS, chunks=(1, 40, 50), compression="gzip")
        chunk = data.id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    path.write_bytes(content)
    with open_image(path, "tyx") as image:
        np.testing.assert_array_equal(image.read((slice(3, 4), slice(0, 40), slice(0, 50))), PIXELS[3:4])
        with pytest.raises(ImageReadError, match=r"Cannot read pixels of .*a\.h5"):
            image.read()


def test_hdf5_image_is_read_by_many_threads(tmp_path):
    """Regions read by many threads at once are right."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=PIXELS, chunks=(2, 16, 16), compression="gzip")
    regions = [(slice(z, z + 2), slice(y, y + 9), slice(0, 50)) for z in range(5) for y in range(30)]
    with open_image(tmp_path / "a.h5") as image, ThreadPoolExecutor(8) as pool:
        for region, pixels in zip(regions, pool.map(image.read, regions), strict=True):
            np.testing.assert_array_equal(pixels, PIXELS[region])


def test_large_chunk_is_decoded_once_and_counted(tmp_path):
    """Of a dataset in one large chunk, the chunk is kept, and a plan knows the memory it takes."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", (5000, 4000), "u1", chunks=(5000, 4000), compression="gzip")
        data[4000, 10:60] = PIXELS[0, 0]
    with open_image(tmp_path / "a.h5") as image:
        assert image.decoding == (20_000_000, 40_000_000, 0)
        np.testing.assert_array_equal(image.read((slice(4000, 4001), slice(10, 60)))[0], PIXELS[0, 0])
    with h5py.File(tmp_path / "v.h5", "w") as file:
        layout = h5py.VirtualLayout((5000, 4000), np.uint8)
        layout[...] = h5py.VirtualSource("a.h5", "data", shape=(5000, 4000))
        file.create_virtual_dataset("data", layout)
    with open_image(tmp_path / "v.h5") as image:
        assert image.decoding == (0, 40_000_000, 0)


def other_process(path, mode):
    """Start a process that has the file open until its standard input ends."""
    code = f"import h5py, sys; f = h5py.File(sys.argv[1], {mode!r}); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    return process


def test_file_that_cannot_be_written_opens_for_many_readers(tmp_path):
    """A file without write permission in such a folder opens, here and elsewhere at once."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = PIXELS
    path.chmod(0o444)
    folder.chmod(0o555)
    reader = other_process(path, "r")
    with h5py.File(path) as also, open_image(path) as image, open_image(path) as again:
        np.testing.assert_array_equal(image.read(), also["data"][:])
        np.testing.assert_array_equal(again.read(), PIXELS)
    reader.communicate("")
    folder.chmod(0o755)


def test_file_that_another_program_writes_is_refused(tmp_path):
    """What is being written is not read: the message names the file and the lock."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = PIXELS
    writer = other_process(path, "a")
    with pytest.raises(ImageReadError, match=r"a\.h5.*lock"):
        open_image(path)
    writer.communicate("")
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_axes_of_the_user_that_do_not_fit_are_refused_with_the_file(tmp_path):
    """Axes of the caller that do not fit are the caller's error, with the file's name."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = PIXELS
    with pytest.raises(AxesError, match=r"a\.h5.*'tzyx' name 4 dimensions"):
        open_image(tmp_path / "a.h5", "tzyx")


def test_dataset_without_pixels_is_not_to_choose_from(tmp_path):
    """Of a file with one image and an empty dataset, the image is taken; the other is refused by name."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["empty"] = np.zeros((0, 20, 30), np.uint8)
        file["image"] = PIXELS
    with open_image(tmp_path / "a.h5") as image:
        assert image.dataset == "image"
    with pytest.raises(ImageReadError, match=r"a\.h5/empty' holds no pixels: its shape is \(0, 20, 30\)"):
        open_image(f"{tmp_path / 'a.h5'}/empty")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["image"]
    with pytest.raises(ImageReadError, match=r"holds no image: .* at least one pixel"):
        open_image(tmp_path / "a.h5")
