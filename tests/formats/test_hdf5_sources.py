"""Datasets that are put together from other files: each source is looked at before a pixel is read."""

import os

import h5py
import numpy as np
import pytest

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse

PIXELS = np.random.default_rng(0).integers(1, 255, (60, 70), np.uint8)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    """HDF5 looks in the folder of the file, and in the current one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


@pytest.fixture
def virtual(tmp_path):
    """Return a function that writes a file with a dataset put together from the upper and lower half of others."""

    def write(*sources, file=tmp_path / "whole.h5", part=False):
        layout = h5py.VirtualLayout(PIXELS.shape, PIXELS.dtype)
        n = len(PIXELS) // len(sources)
        for i, (name, dataset) in enumerate(sources):
            source = h5py.VirtualSource(name, dataset, shape=(2 * n if part else n, PIXELS.shape[1]))
            layout[i * n : (i + 1) * n] = source[:n] if part else source
        with h5py.File(file, "a") as h5:
            h5.create_virtual_dataset("data", layout)
        return file

    return write


def halves(folder, shape=(30, 70)):
    for name in ("a.h5", "b.h5"):
        with h5py.File(folder / name, "w") as file:
            file["d"] = np.ones(shape, np.uint8)


def test_virtual_dataset_with_its_sources_is_read(virtual, tmp_path):
    """An image in several files is one image, also by a name of its dataset, and from the file itself."""
    for name, rows in (("a.h5", PIXELS[:30]), ("b.h5", PIXELS[30:])):
        with h5py.File(tmp_path / name, "w") as file:
            file["d"] = rows
    path = virtual(("a.h5", "d"), ("b.h5", "d"))
    for location in (path, f"{path}/data"):
        with open_image(location) as image:
            np.testing.assert_array_equal(image.read(), PIXELS)
    other = virtual((str(tmp_path / "a.h5"), "d"), (".", "own"), file=tmp_path / "mixed.h5")
    with h5py.File(other, "a") as file:
        file["own"] = PIXELS[30:]
    with open_image(f"{other}/data") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_virtual_dataset_of_virtual_datasets_is_read(virtual, tmp_path):
    """Sources may be put together themselves."""
    halves(tmp_path)
    inner = virtual(("a.h5", "d"), ("b.h5", "d"), file=tmp_path / "inner.h5")
    with open_image(virtual((inner.name, "data"))) as image:
        assert (image.read() == 1).all()
    (tmp_path / "b.h5").unlink()
    with pytest.raises(ImageReadError, match=r"'b\.h5', which '.*inner\.h5' is put together from, is missing"):
        open_image(tmp_path / "whole.h5")


def test_virtual_dataset_without_a_source_is_refused(virtual, tmp_path):
    """HDF5 gives zeros for a file that was not copied along; here it is named."""
    halves(tmp_path)
    (tmp_path / "b.h5").unlink()
    path = virtual(("a.h5", "d"), ("b.h5", "d"))
    for location in (path, f"{path}/data"):
        with pytest.raises(ImageReadError, match=r"'b\.h5', which .*whole\.h5' is put together from, is missing"):
            open_image(location)
    assert parse(path).datasets() == ["data"]


def test_virtual_dataset_without_a_source_dataset_is_refused(virtual, tmp_path):
    """HDF5 gives zeros for a dataset that is not there, too."""
    halves(tmp_path)
    with pytest.raises(ImageReadError, match=r"The dataset 'e' in '.*b\.h5', which .* is missing"):
        open_image(virtual(("a.h5", "d"), ("b.h5", "e")))


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("shape", [(20, 70), (30, 70, 2), (10, 10)])
def test_virtual_dataset_of_a_smaller_source_is_refused(shape, part, virtual, tmp_path):
    """A source of another shape than expected would be read beyond its end, or be zeros."""
    halves(tmp_path, shape)
    with pytest.raises(ImageReadError, match="which is not the expected one"):
        open_image(virtual(("a.h5", "d"), ("b.h5", "d"), part=part))


def test_virtual_dataset_made_of_itself_is_refused(virtual):
    """Datasets that are made of each other have no values."""
    with pytest.raises(ImageReadError, match="in a circle"):
        open_image(virtual((".", "data")))


def counted(path, source=b"part%b.h5", dataset=b"d"):
    """Write a dataset that is put together from as many blocks of 30 rows as there are."""
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((60, 70), (h5py.h5s.UNLIMITED, 70))
        space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), stride=(30, 1), block=(30, 70))
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_virtual(space, source, dataset, h5py.h5s.create_simple((30, 70)))
        whole = h5py.h5s.create_simple((60, 70), (h5py.h5s.UNLIMITED, 70))
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, whole, properties)
        for i in range(3 if source == b"." else 0):
            file[f"d{i}"] = np.full((30, 70), i + 1, np.uint8)
            file[f"d{i}"].attrs["no"] = "image"
    return path


def parts(folder, *numbers):
    for i in numbers:
        with h5py.File(folder / f"part{i}.h5", "w") as file:
            file["d"] = np.full((30, 70), i + 1, np.uint8)


def test_virtual_dataset_of_counted_files_is_read_with_a_warning(tmp_path):
    """Of files that are counted up, those that are there are read; whether the last are missing cannot be seen."""
    parts(tmp_path, 0, 1, 2)
    with open_image(counted(tmp_path / "grows.h5")) as image:
        assert image.shape == (90, 70)
        assert image.read()[::30, 0].tolist() == [1, 2, 3]
        (warning,) = image.warnings
        assert "'part%b.h5/d' as there are, 3 now" in warning
        assert {part.name for part in image.parts} == {"grows.h5", "part0.h5", "part1.h5", "part2.h5"}


@pytest.mark.parametrize(("numbers", "named"), [((), "'part0.h5'"), ((0, 3), "'part1.h5', 'part2.h5'")])
def test_virtual_dataset_of_counted_files_with_a_gap_is_refused(numbers, named, tmp_path):
    """HDF5 stops at the first number that is missing, without a word."""
    parts(tmp_path, *numbers)
    with pytest.raises(ImageReadError, match=f"{named}, which .*grows.h5' is put together from"):
        open_image(counted(tmp_path / "grows.h5"))


def test_virtual_dataset_of_counted_datasets_is_read(tmp_path):
    """Datasets of the file itself may be counted, too; one that is missing between others is named."""
    path = counted(tmp_path / "own.h5", b".", b"d%b")
    with open_image(f"{path}/data") as image:
        assert image.read()[::30, 0].tolist() == [1, 2, 3]
    with h5py.File(path, "a") as file:
        del file["d1"]
    with pytest.raises(ImageReadError, match=r"The dataset 'd1', which .* is missing"):
        open_image(f"{path}/data")


def test_all_missing_files_are_named(virtual, tmp_path):
    """The first three are named, the others counted."""
    path = virtual(*((f"part{i}.h5", "d") for i in range(5)))
    with pytest.raises(ImageReadError, match=r"files 'part0.h5', 'part1.h5', 'part2.h5' and 2 more, which .* are"):
        open_image(path)


def test_virtual_dataset_with_a_gap_has_a_warning(tmp_path):
    """Rows without a source have the author's fill value, which may be meant."""
    layout = h5py.VirtualLayout((3, 30, 70), np.uint8)
    parts(tmp_path, 0, 1)
    for i, at in enumerate((0, 2)):
        layout[at] = h5py.VirtualSource(f"part{i}.h5", "d", shape=(30, 70))
    with h5py.File(tmp_path / "gap.h5", "w") as file:
        file.create_virtual_dataset("data", layout, fillvalue=9)
    with open_image(tmp_path / "gap.h5") as image:
        assert image.read()[:, 0, 0].tolist() == [1, 9, 2]
        (warning,) = image.warnings
        assert "2100 of 6300 values of 'data'" in warning
        assert "read as 9" in warning


def test_percent_sign_in_the_name_of_a_source_is_no_number(virtual, tmp_path):
    """A percent sign is written twice there, as others than ``%b`` are not allowed."""
    with h5py.File(tmp_path / "50%.h5", "w") as file:
        file["d"] = PIXELS
    with open_image(virtual(("50%%.h5", "d"))) as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_virtual_dataset_of_a_pipe_is_refused(virtual, tmp_path):
    """A source that is a pipe would be waited for."""
    halves(tmp_path)
    (tmp_path / "b.h5").unlink()
    os.mkfifo(tmp_path / "b.h5")
    with pytest.raises(ImageReadError, match=r"b\.h5' is a named pipe"):
        open_image(virtual(("a.h5", "d"), ("b.h5", "d")))


def test_raw_file_with_values_of_a_dataset_is_looked_at(tmp_path):
    """Values may be in a file without structure; it is there, and long enough, or the image is refused."""
    raw, path = tmp_path / "elsewhere/values.raw", tmp_path / "raw.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=PIXELS, external=[("values.raw", 0, h5py.h5f.UNLIMITED)])
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
    raw.write_bytes(raw.read_bytes()[:-1])
    with pytest.raises(ImageReadError, match="has 4199 bytes, expected 4200"):
        open_image(path)
    raw.unlink()
    with pytest.raises(ImageReadError, match=r"'values\.raw', which .* is missing"):
        open_image(path)


def test_link_to_a_missing_file_names_the_file(tmp_path):
    """A dataset behind a link to a file that was not copied along says so."""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"] = h5py.ExternalLink("other.h5", "/data")
    with pytest.raises(ImageReadError, match=r"The file 'other\.h5'.* is missing"):
        open_image(tmp_path / "scan.h5/data")
