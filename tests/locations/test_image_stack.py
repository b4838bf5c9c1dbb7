"""Several files as one image, and some channels of an image."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as PillowImage
from repository import ENVIRONMENT
from texts import expand

from napari_batch_prediction.errors import ImageMismatchError, ImageReadError, SettingsError
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse


def plane(number: int, *shape: int) -> np.ndarray:
    """Return noise that differs for each number."""
    return np.random.default_rng(number).integers(0, 255, shape or (20, 30), np.uint8)


def tiffs(folder: Path, n: int, *shape: int, axes: str = "YX", name: str = "im_{}.tif") -> list[np.ndarray]:
    """Write a TIFF for each number from 1."""
    planes = [plane(i, *shape) for i in range(1, n + 1)]
    for i, pixels in enumerate(planes, start=1):
        path = folder / name.format(i)
        tifffile.imwrite(path, pixels, metadata={"axes": axes}, photometric="minisblack")
    return planes


KINDS = {
    "2D along z": ("z", "YX", (20, 30), "zyx", 0, True),
    "2D along t": ("t", "YX", (20, 30), "tyx", 0, True),
    "2D along c": ("c", "YX", (20, 30), "yxc", 2, True),
    "3D along t": ("t", "ZYX", (4, 20, 30), "tzyx", 0, True),
    "3D along c": ("c", "ZYX", (4, 20, 30), "zyxc", 3, True),
    "time series along z": ("z", "TYX", (4, 20, 30), "tzyx", 1, True),
    "channels along z": ("z", "CYX", (2, 20, 30), "zcyx", 0, True),
    "channels along c are joined": ("c", "CYX", (2, 20, 30), "cyx", 0, False),
    "z of 1 along z is joined": ("z", "ZYX", (1, 20, 30), "zyx", 0, False),
}


@pytest.mark.parametrize(("along", "stored", "shape", "axes", "at", "new"), KINDS.values(), ids=KINDS)
def test_files_are_stacked_along_the_axis(along, stored, shape, axes, at, new, tmp_path):
    """Files in natural order along the axis: new ones are added, those that are there are joined."""
    planes = tiffs(tmp_path, 11, *shape, axes=stored)
    expected = np.stack(planes, at) if new else np.concatenate(planes, at)
    location = f"{tmp_path}/im_*.tif"
    assert expand([location], stack="z") == [location]
    with open_image(location, stack=along) as image:
        assert (image.axes, image.shape, image.location) == (axes, expected.shape, location)
        np.testing.assert_array_equal(image.read(), expected)
        random = np.random.default_rng(0)
        for _ in range(10):
            ends = [np.sort(random.choice(n + 1, 2, replace=False)).tolist() for n in image.shape]
            region = tuple(slice(*pair) for pair in ends)
            np.testing.assert_array_equal(image.read(region), expected[region])


def test_datasets_of_one_file_and_of_many_are_stacked(tmp_path):
    """The members may be datasets: those of one file that match, or one in each file that matches."""
    for name in ("a1.h5", "a2.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            for i in (1, 2, 10):
                file[f"slices/s{i}"] = np.full((20, 30), i + 100 * (name == "a2.h5"), np.uint8)
    with open_image(f"{tmp_path}/a1.h5/slices/s*", stack="z") as image:
        assert image.read()[:, 0, 0].tolist() == [1, 2, 10]
    with open_image(f"{tmp_path}/a*.h5/slices/s2", stack="t") as image:
        assert (image.axes, image.read()[:, 0, 0].tolist()) == ("tyx", [2, 102])
    assert parse(f"{tmp_path}/a1.h5/slices/s*", "z").stem == "a1-slices-s"
    assert parse(f"{tmp_path}/a1.h5/slices/s*", "z").file.parent == tmp_path


def test_folder_of_stores_is_stacked(tmp_path):
    """A folder is one image too; its members may be stores."""
    folder = tmp_path / "stack"
    folder.mkdir()
    for i in (1, 2, 3):
        zarr.create_array(folder / f"s{i}.zarr", data=plane(i), dimension_names=["y", "x"])
    (folder / "notes.txt").write_text("no image")
    with open_image(folder, stack="z") as image:
        np.testing.assert_array_equal(image.read(), [plane(1), plane(2), plane(3)])
    assert parse(folder, "z").stem == "stack"
    assert parse(folder, "z").file == folder
    assert parse(folder, "z").paths == tuple(folder / f"s{i}.zarr" for i in (1, 2, 3))


@pytest.mark.parametrize(
    ("names", "pattern", "stem"),
    [
        (("im_001.png", "im_002.png"), "*.png", "im_00"),
        (("d1/im.png", "d2/im.png"), "**/im.png", "d"),
        (("a.png", "b.png"), "d?.png", None),
    ],
)
def test_stack_is_named_by_what_its_names_begin_with(names, pattern, stem, tmp_path, monkeypatch):
    """As in ilastik: what the names begin with; results lie in the folder that all files share."""
    monkeypatch.chdir(tmp_path)
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        PillowImage.fromarray(plane(1)).save(name)
    if stem is None:
        assert parse("?.png", "z").stem == "stack_at-a"
        assert parse("?.png", "z").file == Path("?.png")
    else:
        assert parse(pattern, "z").stem == stem
        assert parse(f"{tmp_path}/{pattern}", "z").file.parent == tmp_path


def test_stack_of_datasets_is_named_after_files_and_dataset(tmp_path, monkeypatch):
    """As in ilastik: what the names of the files begin with, then the dataset; or what the datasets begin with."""
    monkeypatch.chdir(tmp_path)
    for name in ("v0.h5", "v1.h5"):
        with h5py.File(name, "w") as file:
            for dataset in ("data", "group/z0", "group/z1"):
                file[dataset] = plane(1)
    assert parse("v*.h5/data", "z").stem == "v-data"
    assert parse("v*.h5/group/z0", "z").stem == "v-group-z0"
    assert parse("v0.h5/group/z*", "z").stem == "v0-group-z"


def test_one_file_is_no_stack(tmp_path):
    """A pattern that matches one file, and a file, are that image."""
    tiffs(tmp_path, 1)
    assert expand([f"{tmp_path}/*.tif"], stack="z") == [f"{tmp_path}/im_1.tif"]
    with open_image(tmp_path / "im_1.tif", stack="z") as image:
        assert image.axes == "yx"


ODD = {
    "shape": plane(1, 20, 31),
    "type": plane(1).astype(np.uint16),
    "dimensions": plane(1, 2, 20, 30),
}


@pytest.mark.parametrize("pixels", ODD.values(), ids=ODD)
def test_file_unlike_the_first_is_refused(pixels, tmp_path):
    """The file that is unlike the first is named, with what it has."""
    tiffs(tmp_path, 3)
    tifffile.imwrite(tmp_path / "im_4.tif", pixels)
    with pytest.raises(ImageMismatchError, match=r"im_4\.tif' has axes .*im_1\.tif' has axes 'yx', shape \(20, 30\)"):
        open_image(f"{tmp_path}/*.tif", stack="z")


def test_damaged_file_of_a_stack_is_named(tmp_path):
    """A file that cannot be read is named."""
    tiffs(tmp_path, 3)
    (tmp_path / "im_2.tif").write_bytes(b"damaged")
    with pytest.raises(ImageReadError, match=r"im_2\.tif"):
        open_image(f"{tmp_path}/*.tif", stack="z")


def test_stack_along_an_axis_that_is_there_is_refused(tmp_path):
    """Volumes cannot be stacked along z, nor time series along t."""
    tiffs(tmp_path, 2, 4, 20, 30, axes="ZYX")
    with pytest.raises(ImageMismatchError, match=r"along z: its files have that axis already.*\(4, 20, 30\)"):
        open_image(f"{tmp_path}/*.tif", stack="z")
    with open_image(f"{tmp_path}/*.tif", "tyx", stack="z") as image:
        assert (image.axes, image.axes_known, image.shape) == ("tzyx", "user", (4, 2, 20, 30))


def test_members_are_opened_as_needed(tmp_path):
    """More files than a process may have open; of a region only its files are read."""
    planes = tiffs(tmp_path, 300, 4, 5)
    with open_image(f"{tmp_path}/*.tif", stack="z") as image:
        for i in range(1, 300):
            if i != 150:
                (tmp_path / f"im_{i}.tif").unlink()
        np.testing.assert_array_equal(image.read((slice(149, 150), slice(0, 4), slice(0, 5)))[0], planes[149])
        with pytest.raises(ImageReadError, match=r"im_149\.tif"):
            image.read((slice(148, 150), slice(0, 4), slice(0, 5)))


def test_file_of_a_stack_that_changes_is_an_error(tmp_path):
    """A file that is another one by the time it is read is an error, not pixels of another shape."""
    tiffs(tmp_path, 2)
    with open_image(f"{tmp_path}/*.tif", stack="z") as image:
        tifffile.imwrite(tmp_path / "im_2.tif", plane(1, 40, 30))
        with pytest.raises(ImageReadError, match=r"im_2\.tif' has changed"):
            image.read()


def test_pattern_without_stack(tmp_path):
    """Without a stack a pattern is many images."""
    tiffs(tmp_path, 2)
    assert len(expand([f"{tmp_path}/*.tif", str(tmp_path)])) == 2
    with pytest.raises(ImageReadError, match="There is no file"):
        open_image(f"{tmp_path}/*.tif")
    with pytest.raises(SettingsError, match="matches no file"):
        open_image(f"{tmp_path}/*.png", stack="z")


def test_pixel_size_of_a_stack_is_that_of_its_first_file(tmp_path):
    """Sizes are those of the first file; along the new axis there is none. Along c, files name the channels."""
    for name in ("DAPI", "GFP"):
        tifffile.imwrite(
            tmp_path / f"{name}.tif", plane(1), imagej=True, resolution=(2, 4), metadata={"unit": "um", "axes": "YX"}
        )
    with open_image(f"{tmp_path}/*.tif", stack="c") as image:
        assert image.channel_names == ("DAPI", "GFP")
        assert (image.pixel_size, image.units) == ({"y": 0.25, "x": 0.5}, {"y": "micrometer", "x": "micrometer"})
    with open_image(f"{tmp_path}/*.tif", stack="t", channels=[0]) as image:
        assert (image.axes, image.shape) == ("tyx", (2, 20, 30))


NAMED = {
    "index": ([2], [2]),
    "indices as text, in their order": (["2", "0"], [2, 0]),
    "names": (["GFP", "DAPI"], [1, 0]),
    "a name that is a number wins": (["561"], [3]),
    "both": (["Cy5", 0], [2, 0]),
    "twice": ([1, 1, 1], [1, 1, 1]),
}


@pytest.fixture
def four_channels(tmp_path):
    pixels = plane(1, 4, 20, 30)
    metadata = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5", "561"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=metadata, photometric="minisblack")
    return tmp_path / "a.ome.tif", pixels


@pytest.mark.parametrize(("channels", "indices"), NAMED.values(), ids=NAMED)
def test_channels_are_chosen_by_index_and_name(channels, indices, four_channels):
    """Channels by index or name, in the order in which they are given."""
    path, pixels = four_channels
    with open_image(path, channels=channels) as image:
        assert image.channel_names == tuple(("DAPI", "GFP", "Cy5", "561")[i] for i in indices)
        np.testing.assert_array_equal(image.read(), pixels[indices])
        region = (slice(0, 1), slice(3, 9), slice(2, 20))
        np.testing.assert_array_equal(image.read(region), pixels[indices][region])


@pytest.mark.parametrize("channel", [4, -1, "4", "mCherry", "-1", ""])
def test_unknown_channel_is_refused_and_the_others_are_listed(channel, four_channels):
    """The message lists what there is."""
    path, _ = four_channels
    listing = r"0 \(DAPI\), 1 \(GFP\), 2 \(Cy5\), 3 \(561\)"
    with pytest.raises(ImageMismatchError, match=rf"no channel '{channel}'\. Expected one of: {listing}"):
        open_image(path, channels=[0, channel])


def test_channels_without_names(tmp_path):
    """A name that is there twice is not clear; without names, indices are listed; an image may have no such axis."""
    metadata = {"axes": "CYX", "Channel": {"Name": ["A", "A"]}}
    tifffile.imwrite(tmp_path / "twice.ome.tif", plane(1, 2, 20, 30), metadata=metadata, photometric="minisblack")
    with pytest.raises(ImageMismatchError, match=r"2 channels 'A'. Give an index: 0 \(A\), 1 \(A\)"):
        open_image(tmp_path / "twice.ome.tif", channels=["A"])
    tiffs(tmp_path, 1, 3, 20, 30, axes="CYX")
    with pytest.raises(ImageMismatchError, match="0 to 2, without names"):
        open_image(tmp_path / "im_1.tif", channels=[3])
    np.save(tmp_path / "grey.npy", plane(1))
    with open_image(tmp_path / "grey.npy", channels=[0]) as image:
        assert image.axes == "yx"
        np.testing.assert_array_equal(image.read(), plane(1))
    with open_image(tmp_path / "grey.npy", channels=[0, 0, 0]) as image:
        assert image.axes == "yxc"
        np.testing.assert_array_equal(image.read()[..., 2], plane(1))
    with pytest.raises(ImageMismatchError, match="Expected 0, its only channel"):
        open_image(tmp_path / "grey.npy", channels=[1])


NAMED = ["DNA, 405 nm", "CD3 ", "cd8", "CD8", "A", "B", "A,B"]
CHOSEN = {
    ("DNA, 405 nm",): [0],
    ("DNA", "405 nm"): [0],
    ("dna", "405 NM"): [0],
    ("CD3",): [1],
    ("CD3 ",): [1],
    ("cd3", "DNA", "405 nm", "B"): [1, 0, 5],
    ("CD8", "cd8"): [3, 2],
    ("A", "B"): [4, 5],
    ("A,B",): [6],
    ("2", 0): [2, 0],
}


@pytest.mark.parametrize("channels", CHOSEN, ids=str)
def test_names_with_commas_blanks_or_in_another_case(channels, tmp_path):
    """A name that fits exactly wins; blanks at the ends, case, and being split at commas do no harm."""
    metadata = {"axes": "CYX", "Channel": {"Name": NAMED}}
    pixels = plane(1, 7, 20, 30)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata=metadata, photometric="minisblack")
    with open_image(tmp_path / "a.ome.tif", channels=channels) as image:
        np.testing.assert_array_equal(image.read(), pixels[CHOSEN[channels]])
        assert image.channel_names == tuple(NAMED[i] for i in CHOSEN[channels])


def test_name_that_fits_two_but_for_case_is_not_clear(tmp_path):
    """The message lists both, and asks for an index."""
    metadata = {"axes": "CYX", "Channel": {"Name": ["cd8", "CD8"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", plane(1, 2, 20, 30), metadata=metadata, photometric="minisblack")
    with pytest.raises(ImageMismatchError, match=r"2 channels 'Cd8'. Give an index: 0 \(cd8\), 1 \(CD8\)"):
        open_image(tmp_path / "a.ome.tif", channels=["Cd8"])


def rgba(path: Path, **options: Any) -> None:
    PillowImage.fromarray(plane(1, 20, 30, 4)).save(path, **options)


def imagej_labels(path: Path) -> None:
    pixels = plane(1, 2, 20, 30)
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "CYX", "Labels": ["nuclei", "membrane"]})


def imagej_labels_of_planes(*labels: str, axes: str = "ZCYX") -> Callable[[Path], None]:
    shape = (3, 2, 20, 30)[-len(axes) :]
    metadata = {"axes": axes, "Labels": [*labels]}
    return lambda path: tifffile.imwrite(path, plane(1, *shape), imagej=True, metadata=metadata)


def page_names(*names: str, axes: str = "CYX", compression: str | None = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tifffile.TiffWriter(path) as writer:
            shape = {"CYX": [len(names)], "ZCYX": [len(names) // 2, 2], "TYX": [len(names)]}[axes]
            said = f'{{"shape": {[*shape, 20, 30]}, "axes": "{axes}"}}'
            for i, name in enumerate(names):
                extra = [(285, "s", 0, name, True)]
                writer.write(plane(i), metadata=None, contiguous=False, description=None if i else said,
                             extratags=extra, compression=compression)  # fmt: skip

    return write


CHANNEL_NAMES = {
    "rgba.png": (rgba, ("red", "green", "blue", "alpha")),
    "rgba.tif": (rgba, ("red", "green", "blue", "alpha")),
    "grey.png": (lambda path: PillowImage.fromarray(plane(1)).save(path), ()),
    "grey alpha.png": (lambda path: PillowImage.fromarray(plane(1, 20, 30, 2), "LA").save(path), ("grey", "alpha")),
    "labels.tif": (imagej_labels, ("nuclei", "membrane")),
    "labels of planes.tif": (imagej_labels_of_planes(*"abcdef"), ()),
    "labels with z.tif": (imagej_labels_of_planes(*["DAPI", "GFP"] * 3), ("DAPI", "GFP")),
    "labels with numbers.tif": (
        imagej_labels_of_planes(*(f"c:{c + 1}/2 z:{z + 1}/3 - {'DG'[c]}" for z in range(3) for c in range(2))),
        ("D", "G"),
    ),
    "labels with only numbers.tif": (
        imagej_labels_of_planes(*(f"c:{c + 1}/2 z:{z + 1}/3 - image" for z in range(3) for c in range(2))),
        (),
    ),
    "names of pages.tif": (page_names("DAPI", "GFP", "Cy5"), ("DAPI", "GFP", "Cy5")),
    "names of pages with z.tif": (
        page_names("DAPI z1", "GFP z1", "DAPI z2", "GFP z2", axes="ZCYX", compression="zlib"),
        ("DAPI", "GFP"),
    ),
    "names of time points.tif": (page_names("before", "after", axes="TYX"), ()),
}


@pytest.mark.parametrize("name", CHANNEL_NAMES)
def test_names_of_channels_are_read_where_they_are(name, tmp_path):
    """Colours, and what ImageJ's labels or the names of pages say of each channel."""
    write, expected = CHANNEL_NAMES[name]
    write(tmp_path / name)
    with open_image(tmp_path / name) as image:
        assert image.channel_names == expected


FEW_FILES = """
import resource, sys
from contextlib import ExitStack
import numpy as np
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from napari_batch_prediction import open_image
with ExitStack() as stacks:
    images = [stacks.enter_context(open_image(pattern, stack="z")) for pattern in sys.argv[1:] * 3]
    for image in images:
        assert (image.read() == np.arange(120, dtype=np.uint8)[:, None, None]).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("extension", [".tif", ".h5", ".npy", ".png", ".zarr"])
def test_stacks_do_with_few_open_files(extension, tmp_path):
    """Three stacks of 120 files are open where the system allows 64 files in all."""
    for i in range(120):
        path, pixels = tmp_path / f"{i}{extension}", np.full((8, 9), i, np.uint8)
        match extension:
            case ".tif":
                tifffile.imwrite(path, pixels)
            case ".h5":
                with h5py.File(path, "w") as file:
                    file["data"] = pixels
            case ".npy":
                np.save(path, pixels)
            case ".png":
                PillowImage.fromarray(pixels).save(path)
            case ".zarr":
                zarr.create_array(path, data=pixels)
    command = [sys.executable, "-c", FEW_FILES, str(tmp_path / f"*{extension}")]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (result.returncode, result.stderr) == (0, "")
