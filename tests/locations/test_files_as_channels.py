"""Several files, named one by one, as the channels of one image."""

import shlex

import h5py
import numpy as np
import pytest
import tifffile
from golden import GOLDEN
from PIL import Image as Picture

from napari_batch_prediction.cli import main
from napari_batch_prediction.errors import ImageMismatchError, ImageReadError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.text import as_command
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import absolute, files_text, parse

PLANES = np.random.default_rng(0).integers(0, 255, (3, 20, 30), np.uint8)
NAMES = ("DAPI.tif", "a, b.tif", 'say "c".tif')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three planes as files with odd names, in the current folder."""
    for name, plane in zip(NAMES, PLANES, strict=True):
        tifffile.imwrite(tmp_path / name, plane)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_the_channels_in_their_order(folder):
    """Pixels, axes and names are those of the files, in the order in which they are named."""
    text = files_text([NAMES[2], NAMES[0], NAMES[1]])
    assert text == 'files:"say ""c"".tif", DAPI.tif, "a, b.tif"'
    with open_image(text) as image:
        assert (image.axes, image.shape) == ("yxc", (20, 30, 3))
        assert image.channel_names == ('say "c"', "DAPI", "a, b")
        np.testing.assert_array_equal(image.read(), np.moveaxis(PLANES[[2, 0, 1]], 0, -1))
        np.testing.assert_array_equal(
            image.read((slice(3, 9), slice(5, 6), slice(1, 3))), np.moveaxis(PLANES[[0, 1], 3:9, 5:6], 0, -1)
        )
    with open_image(text, channels=("a, b", 1)) as image:
        np.testing.assert_array_equal(image.read(), np.moveaxis(PLANES[[1, 0]], 0, -1))


def test_volumes_and_files_with_channels_are_joined(folder):
    """Axes of the files stay; channels that they have follow one another."""
    volumes = np.random.default_rng(1).integers(0, 255, (2, 4, 5, 6), np.uint8)
    for name, volume in zip("ab", volumes, strict=True):
        tifffile.imwrite(f"{name}.tif", volume, photometric="minisblack", metadata={"axes": "ZYX"})
        np.save(f"{name}.npy", np.moveaxis(PLANES[:2], 0, -1))
    with open_image("files:a.tif, b.tif") as image:
        assert image.axes == "zyxc"
        np.testing.assert_array_equal(image.read(), np.moveaxis(volumes, 0, -1))
    with open_image("files:a.npy, b.npy", axes="yxc") as image:
        np.testing.assert_array_equal(image.read(), np.moveaxis(PLANES[[0, 1, 0, 1]], 0, -1))


def test_equal_names_in_several_places_are_told_apart(folder):
    """Channels whose files or datasets have one name are named with what is before it; a dataset can be chosen."""
    for name, plane in zip("ab", PLANES, strict=False):
        with h5py.File(f"{name}.h5", "w") as file:
            file["raw"], file["other"] = plane, plane + 1
    with open_image("files:a.h5/raw, b.h5/raw") as image:
        assert image.channel_names == ("a.h5/raw", "b.h5/raw")
    location = parse("files:a.h5, b.h5")
    assert location.datasets() == ["other", "raw"]
    assert str(location.at("raw")) == "files:a.h5/raw, b.h5/raw"
    with open_image(location.at("raw")) as image:
        np.testing.assert_array_equal(image.read(), np.moveaxis(PLANES[:2], 0, -1))


ODD = {
    "another size": (np.zeros((20, 31), np.uint8), ImageMismatchError, r"'odd.npy' has axes 'yx', shape \(20, 31\)"),
    "another type": (np.zeros((20, 30), np.uint16), ImageMismatchError, r"'odd.npy' has .* type uint16, but"),
    "more axes": (np.zeros((4, 20, 30), np.uint8), ImageMismatchError, r"'odd.npy' has axes 'zyx'"),
    "missing": (None, ImageReadError, "odd.npy"),
}


@pytest.mark.parametrize(("pixels", "error", "reason"), ODD.values(), ids=ODD)
def test_file_that_is_unlike_the_others_is_named(folder, pixels, error, reason):
    """The reason names the file that differs."""
    if pixels is not None:
        np.save("odd.npy", pixels)
    with pytest.raises(error, match=reason):
        open_image("files:DAPI.tif, odd.npy")


@pytest.mark.parametrize("text", ["files:", "files:DAPI.tif,", "files:a\0b.tif", "files:DAPI.tif, https://a.org/b.tif"])
def test_list_with_a_name_of_no_file_is_refused(folder, text):
    """Each name is one that a file can have."""
    with pytest.raises(SettingsError):
        parse(text)


def test_text_becomes_whole_and_is_one_input(folder, monkeypatch):
    """Each path becomes absolute, also below home; equal files in equal order are one input."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert absolute('files:~/DAPI.tif,"a, b.tif"') == files_text([f"{folder}/DAPI.tif", f"{folder}/a, b.tif"])
    texts = ["files:DAPI.tif, b.tif", "files:~/DAPI.tif,b.tif", "files:b.tif, DAPI.tif"]
    assert list(map(str, expand_inputs(texts))) == [texts[0], texts[2]]


def test_files_are_predicted_as_the_picture_they_were(tmp_path):
    """The command line, and a job that went through JSON and its texts, predict the same as of one picture."""
    case = GOLDEN / "b_2d_rgb_u8"
    pixels = np.asarray(Picture.open(case / "test1.png"))
    names = [str(tmp_path / name) for name in ("r.tif", "g, of it.tif", "b.tif")]
    for i, name in enumerate(names):
        tifffile.imwrite(name, pixels[..., i])
    settings = {files_text(names): InputSettings(axes="yx")}
    job = BatchJob(
        classifier=case / "project.ilp",
        inputs=(files_text(names), str(case / "test1.png")),
        input_settings=settings,
        exports=(Export(source="Probabilities", format="npy", folder=tmp_path / "out"),),
    )
    assert BatchJob.model_validate_json(job.model_dump_json()) == job == job.absolute()
    assert main(shlex.split(as_command(job))[1:]) == 0
    one, together = (np.load(tmp_path / "out" / f"{name}_Probabilities.npy") for name in ("test1", "r + g, of it + b"))
    np.testing.assert_array_equal(one, together)


def test_names_of_very_many_files_make_a_short_name():
    """The name for outputs is one that a file can have."""
    assert parse("files:x/a.tif, b.tif").stem == "a + b"
    assert parse(files_text(f"{i}_{'n' * 20}.tif" for i in range(9))).stem == f"0_{'n' * 20} + 8 others"
