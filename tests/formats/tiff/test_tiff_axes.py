"""Axes of TIFF files besides time, channels, z, y and x, and the images that can be chosen along them."""

import numpy as np
import pytest
import tifffile

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import expand_inputs, open_image
from napari_batch_prediction.locations.location import FileAt

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (2, 3, 20, 30), np.uint8)


def write(path, pixels, axes):
    tifffile.imwrite(path, pixels, metadata={"axes": axes}, photometric="minisblack")
    return path


@pytest.mark.parametrize("letter", "RAHEPMLQVJK")
def test_other_axis_has_an_image_for_each_index(letter, tmp_path):
    """The axes that are known stay; the message names the letter, and each index can be chosen."""
    path = write(tmp_path / "a.tif", PIXELS, f"{letter}TYX")
    with pytest.raises(ImageReadError, match=rf"holds 2 datasets.*{letter}0 \(TYX \(3, 20, 30\).*along axis {letter} "):
        open_image(path)
    assert FileAt.of(path).datasets() == [f"{letter}0", f"{letter}1"]
    for i in range(2):
        for name in (str(i), f"{letter}{i}"):
            with open_image(path / name) as image:
                assert (image.axes, image.axes_known, image.dataset) == ("tyx", "file", f"{letter}{i}")
                np.testing.assert_array_equal(image.read(), PIXELS[i])
                region = (slice(1, 2), slice(3, 9), slice(0, 30))
                np.testing.assert_array_equal(image.read(region), PIXELS[i][region])


@pytest.mark.parametrize("order", ["TRYX", "RZYX", "CRYX", "RCYX"])
def test_other_axis_may_be_anywhere(order, tmp_path):
    """The position of the axis among the others does not matter."""
    path = write(tmp_path / "a.tif", PIXELS, order)
    axis = order.index("R")
    with open_image(path / "R1") as image:
        assert image.axes == order.replace("R", "").lower()
        np.testing.assert_array_equal(image.read(), np.take(PIXELS, 1, axis))


def test_two_other_axes_have_an_image_for_each_pair(tmp_path):
    """Names have an index along each axis."""
    path = write(tmp_path / "a.tif", PIXELS, "RAYX")
    assert FileAt.of(path).datasets() == [f"R{r}/A{a}" for r in range(2) for a in range(3)]
    for name in ("R1/A2", "5"):
        with open_image(path / name) as image:
            np.testing.assert_array_equal(image.read(), PIXELS[1, 2])


def test_other_axis_of_extent_1_is_no_axis(tmp_path):
    """Nothing has to be chosen along an axis with one value."""
    with open_image(write(tmp_path / "a.tif", PIXELS[:1], "RTYX")) as image:
        assert (image.axes, image.shape) == ("tyx", (3, 20, 30))


def test_axes_of_the_user_may_cover_the_other_axis(tmp_path):
    """With axes for all dimensions, nothing has to be chosen; for an image, they are those that are left."""
    path = write(tmp_path / "a.tif", PIXELS, "RTYX")
    with open_image(path, "ztyx") as image:
        np.testing.assert_array_equal(image.read(), PIXELS)
    with open_image(path / "R1", "zyx") as image:
        assert (image.axes, image.axes_known) == ("zyx", "user")
        np.testing.assert_array_equal(image.read(), PIXELS[1])


def test_positions_can_be_named_by_a_pattern(tmp_path):
    """A pattern after the file stands for all of its images."""
    path = write(tmp_path / "a.tif", PIXELS, "RTYX")
    assert [str(location) for location in expand_inputs([f"{path}/*"])] == [f"{path}/R0", f"{path}/R1"]


def test_pattern_matches_names_with_slashes(tmp_path):
    """In a list of images a slash in a name is no group: ``*`` stands for all of them."""
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for name in ("left", "plate/B2"):
            writer.write(PIXELS[0], metadata={"Name": name, "axes": "ZYX"}, photometric="minisblack")
    assert [*map(str, expand_inputs([f"{path}/*"]))] == [f"{path}/left", f"{path}/plate/B2"]
    assert [*map(str, expand_inputs([f"{path}/plate/*"]))] == [f"{path}/plate/B2"]
    pairs = write(tmp_path / "b.tif", PIXELS, "RAYX")
    assert len(expand_inputs([f"{pairs}/*"])) == 6
    assert [*map(str, expand_inputs([f"{pairs}/*/A1"]))] == [f"{pairs}/R0/A1", f"{pairs}/R1/A1"]


def test_index_that_is_not_there_is_an_error(tmp_path):
    """The message lists what there is."""
    path = write(tmp_path / "a.tif", PIXELS, "RTYX")
    for name in ("2", "R2", "R0/level1", "-1", "level9"):
        with pytest.raises(ImageReadError, match=rf"no dataset '{name}'.*R0.*R1") as raised:
            open_image(path / name)
        assert raised.value.setting == "dataset"


def test_compressed_positions_are_read(tmp_path):
    """Pages that are decoded one by one are chosen as well."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, metadata={"axes": "TRYX"}, photometric="minisblack", compression="zlib")
    with open_image(path / "R2") as image:
        np.testing.assert_array_equal(image.read(), PIXELS[:, 2])


def test_modulo_of_ome_is_an_axis_of_its_own(tmp_path):
    """Lifetimes, angles and phases that OME-XML packs into another axis are not taken for it."""
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PIXELS, metadata={"axes": "HTYX"}, ome=True, photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        letters = tif.series[0].axes
    assert "H" in letters
    with open_image(path / "H1") as image:
        assert image.axes == "tyx"
        np.testing.assert_array_equal(image.read(), np.take(PIXELS, 1, letters.index("H")))


def test_series_are_chosen_by_name_or_index(tmp_path):
    """Images of different shapes in one file have their names, or indices where these are not clear."""
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for name, size in (("left", 20), ("right", 19), ("right", 18), ("a//b", 17)):
            writer.write(PIXELS[0, :, :size], metadata={"Name": name, "axes": "ZYX"}, photometric="minisblack")
    assert FileAt.of(path).datasets() == ["left", "1", "2", "3"]
    for name, size in (("left", 20), ("0", 20), ("1", 19), ("2", 18), ("3", 17)):
        with open_image(path / name) as image:
            np.testing.assert_array_equal(image.read(), PIXELS[0, :, :size])


def test_pages_of_different_shapes_are_images_of_their_own(tmp_path):
    """Without any text, pages of one shape are an image."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PIXELS[0, 0], metadata=None)
        writer.write(PIXELS[0, 1, :11], metadata=None)
    for i, size in enumerate((20, 11)):
        with open_image(path / str(i)) as image:
            np.testing.assert_array_equal(image.read(), PIXELS[0, i, :size])


def test_levels_of_a_pyramid_can_be_named(tmp_path):
    """The image is the full resolution; others are named after it."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PIXELS[0, 0], subifds=2, tile=(16, 16))
        writer.write(PIXELS[0, 0, ::2, ::2], subfiletype=1, tile=(16, 16))
        writer.write(PIXELS[0, 0, ::4, ::4], subfiletype=1, tile=(16, 16))
    for name, step in (("level1", 2), ("0/level2", 4), ("0", 1)):
        with open_image(path / name) as image:
            np.testing.assert_array_equal(image.read(), PIXELS[0, 0, ::step, ::step])
    assert FileAt.of(path).datasets() == []


@pytest.mark.parametrize("extension", [".svs", ".ndpi", ".scn", ".qptiff", ".stk", ".lsm", ".tf2", ".tf8", ".btf"])
def test_other_extensions_of_tiff_are_read(extension, tmp_path):
    """A folder has files with any extension that TIFF files have."""
    path = tmp_path / f"a{extension}"
    tifffile.imwrite(path, PIXELS[0, 0], bigtiff=extension in (".tf8", ".btf"))
    assert [*map(str, expand_inputs([str(tmp_path)]))] == [str(path)]
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(), PIXELS[0, 0])


def test_slide_is_its_largest_image(tmp_path):
    """The first image of a slide scanner is the slide; its label and overview can be chosen."""
    path = tmp_path / "a.svs"
    with tifffile.TiffWriter(path) as writer:
        said = {"metadata": None, "photometric": "rgb"}
        colours = RANDOM.integers(0, 256, (64, 96, 3), np.uint8)
        writer.write(colours, tile=(32, 32), description="Aperio Image Library v1\n96x64|MPP = 0.5", **said)
        writer.write(colours[::4, ::4], description="Aperio Image Library v1\nthumbnail", **said)
        writer.write(colours[::2, ::2], tile=(32, 32), description="Aperio Image Library v1\n48x32", **said)
        writer.write(colours[:9, :9], subfiletype=1, description="Aperio Image Library v1\nlabel 9x9", **said)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read(), colours)
        assert image.dataset == "Baseline"
    assert "Label" in FileAt.of(path).datasets()
    with open_image(path / "Label") as image:
        np.testing.assert_array_equal(image.read(), colours[:9, :9])
    with open_image(path / "Baseline" / "level1") as image:
        np.testing.assert_array_equal(image.read(), colours[::2, ::2])


@pytest.mark.parametrize("axes", ["ztyx", "czyx", "ryx", "yxz"])
def test_axes_in_lower_case_are_read(axes, tmp_path):
    """tifffile writes axes in lower case as they are; they mean the same."""
    pixels = PIXELS if len(axes) == 4 else PIXELS[0]
    path = write(tmp_path / "a.tif", pixels, axes)
    if "r" not in axes:
        with open_image(path) as image:
            assert (image.axes, image.axes_known) == (axes, "file")
            np.testing.assert_array_equal(image.read(), pixels)
    else:
        assert FileAt.of(path).datasets() == ["R0", "R1", "R2"]


@pytest.mark.parametrize("axes", ["DHW", "KBD", "ZHW"])
def test_axes_without_rows_or_columns_are_guessed(axes, tmp_path):
    """Letters of other programs leave no picture to choose from: ilastik's rules guess what they are."""
    with open_image(write(tmp_path / "a.tif", PIXELS[0], axes)) as image:
        assert (image.axes, image.axes_known) == ("zyx", "guess")
        np.testing.assert_array_equal(image.read(), PIXELS[0])


@pytest.mark.parametrize("kind", ["ImageJ", "OME", "tifffile"])
@pytest.mark.parametrize("axes", ["CYXS", "TZCYXS"])
def test_channels_of_colours_are_images(axes, kind, tmp_path):
    """With channels and samples, each channel is an image with colours that can be chosen."""
    pixels = RANDOM.integers(0, 256, [{"Y": 20, "X": 30, "S": 3}.get(key, 2) for key in axes], np.uint8)
    path = tmp_path / ("a.ome.tif" if kind == "OME" else "a.tif")
    said = {"imagej": True} if kind == "ImageJ" else {}
    tifffile.imwrite(path, pixels, photometric="rgb", metadata={"axes": axes}, **said)
    with tifffile.TiffFile(path) as tif:
        pixels, letters = tif.series[0].asarray(), tif.series[0].axes
    assert FileAt.of(path).datasets() == ["C0", "C1"]
    with open_image(path / "C1") as image:
        assert image.axes == letters.replace("C", "").replace("S", "C").lower()
        np.testing.assert_array_equal(image.read(), np.take(pixels, 1, letters.index("C")))
        assert image.channel_names == ("red", "green", "blue")
