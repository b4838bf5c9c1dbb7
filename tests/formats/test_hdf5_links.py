"""Links in HDF5 files: each dataset is listed once, and what a link to another file lacks is named."""

import os

import h5py
import numpy as np
import pytest

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import parse

PIXELS = np.random.default_rng(0).integers(1, 255, (60, 70), np.uint8)


@pytest.fixture
def part(tmp_path):
    """A file with an image in a group."""
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["volume/data"] = PIXELS
    return tmp_path / "part.h5"


def write(path, **links):
    with h5py.File(path, "w") as file:
        for name, link in links.items():
            file[name.replace("__", "/")] = link
    return path


def assert_opens(path, name):
    """The file alone opens as its only image."""
    assert parse(path).datasets() == [name]
    with open_image(path) as image:
        assert image.dataset == name
        np.testing.assert_array_equal(image.read(), PIXELS)


LINKS = {
    "a dataset elsewhere": ({"entry__data": h5py.ExternalLink("part.h5", "volume/data")}, "entry/data"),
    "a group elsewhere": ({"entry": h5py.ExternalLink("part.h5", "/volume")}, "entry/data"),
    "a file elsewhere": ({"all": h5py.ExternalLink("part.h5", "/")}, "all/volume/data"),
    "a name": ({"z": PIXELS, "a": h5py.SoftLink("/z")}, "z"),
    "a name of a link elsewhere": (
        {"b__data": h5py.ExternalLink("part.h5", "volume/data"), "a": h5py.SoftLink("/b/data")},
        "a",
    ),
    "a name that is not there": ({"z": PIXELS, "a": h5py.SoftLink("/nothing")}, "z"),
    "itself": ({"z": PIXELS, "a": h5py.SoftLink("/a"), "b": h5py.SoftLink("/c"), "c": h5py.SoftLink("/b")}, "z"),
    "its own group": ({"g__z": PIXELS, "g__up": h5py.SoftLink("/g"), "top": h5py.SoftLink("/")}, "g/z"),
    "the file itself": ({"z": PIXELS, "a": h5py.ExternalLink("master.h5", "/z")}, "z"),
}


@pytest.mark.parametrize(("links", "name"), LINKS.values(), ids=LINKS)
def test_dataset_is_found_through_a_link(links, name, part):
    """An image has the name that is no link, or that of a link if there is no other, and is the only one."""
    assert_opens(write(part.with_name("master.h5"), **links), name)


def test_dataset_with_two_names_is_listed_once(tmp_path):
    """Hard links are equal; the first by name counts, and groups in each other end."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["b/data"] = PIXELS
        file["a"] = file["b/data"]
        file["b/up"] = file["b"]
    assert_opens(tmp_path / "a.h5", "a")


def test_links_of_one_file_to_another_in_a_chain_are_followed(part):
    """Names of files are those beside the file with the link."""
    (part.parent / "sub").mkdir()
    inner = write(part.parent / "sub/inner.h5", data=h5py.ExternalLink("../part.h5", "volume/data"))
    path = write(part.with_name("outer.h5"), x=h5py.ExternalLink(f"sub/{inner.name}", "data"))
    assert_opens(path, "x")
    part.unlink()
    with pytest.raises(ImageReadError, match=r"'\.\./part\.h5', which '.*inner\.h5' is put together from, is missing"):
        open_image(path)


def test_link_to_a_missing_file_is_an_image_that_says_so(part):
    """What a link leads to is not known without its file: it is listed, and opening it names the file."""
    links = {f"data_{i}": h5py.ExternalLink(f"{name}.h5", "volume/data") for i, name in enumerate(("part", "lost"))}
    path = write(part.with_name("master.h5"), **links)
    assert parse(path).datasets() == ["data_0", "data_1"]
    with pytest.raises(ImageReadError, match=r"data_0 \(60, 70\) uint8; data_1 a link to what is missing"):
        open_image(path)
    first, second = expand_inputs([f"{path}/data_*"])
    with first.open() as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
    with pytest.raises(ImageReadError, match=r"The file 'lost\.h5', which .* is missing"):
        second.open()
    path = write(part.with_name("only.h5"), data=h5py.ExternalLink("lost.h5", "volume/data"))
    with pytest.raises(ImageReadError, match=r"The file 'lost\.h5', which .* is missing"):
        open_image(path)


def test_link_to_a_missing_dataset_of_another_file_says_so(part):
    """The link is named when the file is there, but not what it leads to."""
    path = write(part.with_name("master.h5"), data=h5py.ExternalLink("part.h5", "nothing"))
    with pytest.raises(ImageReadError, match=r"'data' in '.*master\.h5' is a link to what is not there"):
        open_image(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["", "/data", "/soft"])
def test_link_to_a_pipe_is_refused(name, tmp_path):
    """A pipe would be waited for, also behind a link to the link."""
    os.mkfifo(tmp_path / "pipe.h5")
    path = write(tmp_path / "a.h5", data=h5py.ExternalLink("pipe.h5", "d"), soft=h5py.SoftLink("/data"))
    with pytest.raises(ImageReadError, match=r"pipe\.h5' is a named pipe"):
        open_image(f"{path}{name}")
