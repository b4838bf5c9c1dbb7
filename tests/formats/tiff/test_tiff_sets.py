"""Sets of OME-TIFF and Micro-Manager files: one image, or each file what it holds."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from micromanager_files import write_stack
from ome_files import identity, image_xml, text, write_pages, write_set

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.tiff import pages as tiff_pages
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import FileAt

PLANES = np.random.default_rng(0).integers(0, 256, (6, 20, 30), np.uint8)
NAMES = ["s_0.ome.tif", "s_1.ome.tif", "s_2.ome.tif"]


def read(path, **options):
    with open_image(path, **options) as image:
        return image.axes, image.read(), image.warnings


def assert_one_image(path: Path, axis: str, n: int) -> None:
    axes, pixels, warnings = read(path)
    assert axes == f"{axis}yx"
    np.testing.assert_array_equal(pixels, PLANES[:n])
    assert len(warnings) == 1
    assert "one image in" in warnings[0]


@pytest.mark.parametrize("axis", ["c", "z", "t"])
def test_set_along_an_axis_is_one_image_from_any_of_its_files(axis, tmp_path):
    """Whichever file is named, the image is the whole set, and says so."""
    for path in write_set(tmp_path, PLANES[:3], axis, NAMES):
        assert_one_image(path, axis, 3)


def test_set_across_folders_is_one_image(tmp_path):
    """Files of a set may be in folders below, with separators of any system."""
    names = ["a.ome.tif", "below/b.ome.tif", "below\\c.ome.tif"]
    write_set(tmp_path, PLANES[:3], "t", ["a.ome.tif", "below/b.ome.tif", "below/c.ome.tif"])
    body = image_xml([(0, 0, t, 0, name) for t, name in enumerate(names)], (20, 30), n_t=3)
    write_pages(tmp_path / names[0], PLANES[:1], text(body, names[0]))
    assert_one_image(tmp_path / names[0], "t", 3)


@pytest.mark.parametrize("missing", [0, 2])
def test_file_without_all_others_is_read_alone(missing, tmp_path):
    """What the file holds is read, and the warning names the missing file."""
    paths = write_set(tmp_path, PLANES[:3], "t", NAMES)
    paths[missing].unlink()
    axes, pixels, warnings = read(paths[1])
    assert axes == "yx"
    np.testing.assert_array_equal(pixels, PLANES[1])
    assert NAMES[missing] in warnings[0]
    assert "1 of 3 planes" in warnings[0]


def test_renamed_file_knows_itself_by_its_identity(tmp_path):
    """A renamed file still has its own page, not that of another."""
    paths = write_set(tmp_path, PLANES[:3], "z", NAMES)
    renamed = paths[1].rename(tmp_path / "renamed.tif")
    for path in (paths[0], paths[2]):
        path.unlink()
    axes, pixels, warnings = read(renamed)
    assert axes == "yx"
    np.testing.assert_array_equal(pixels, PLANES[1])
    assert NAMES[0] in warnings[0]


def test_single_file_that_was_renamed_needs_no_other(tmp_path):
    """A file that its own text knows by another name, without an identity, is read as it is."""
    body = image_xml([(0, z, 0, z, "before.ome.tif") for z in range(3)], (20, 30), n_z=3)
    write_pages(tmp_path / "after.tif", PLANES[:3], text(body))
    axes, pixels, warnings = read(tmp_path / "after.tif")
    assert (axes, warnings) == ("zyx", ())
    np.testing.assert_array_equal(pixels, PLANES[:3])


def test_same_text_in_all_files_is_told_apart_by_name(tmp_path):
    """Files with one text and one identity hold the planes that the text has for their names."""
    body = image_xml([(0, 0, t, 0, name) for t, name in enumerate(NAMES)], (20, 30), n_t=3)
    for name, plane in zip(NAMES, PLANES, strict=False):
        write_pages(tmp_path / name, [plane], text(body, NAMES[0]))
    for name in NAMES:
        assert_one_image(tmp_path / name, "t", 3)


def test_files_with_each_others_names_are_not_mixed_up(tmp_path):
    """Each is read alone, with a warning: in the set, planes would change places."""
    paths = write_set(tmp_path, PLANES[:2], "t", NAMES[:2])
    contents = [path.read_bytes() for path in paths]
    for path, other in zip(paths, contents[::-1], strict=True):
        path.write_bytes(other)
    for path, plane in zip(paths, PLANES[1::-1], strict=False):
        axes, pixels, warnings = read(path)
        assert (axes, len(warnings)) == ("yx", 1)
        assert "each other's names" in warnings[0]
        np.testing.assert_array_equal(pixels, plane)


def test_each_position_is_the_image_of_its_file(tmp_path):
    """Files that list all positions hold one each: no set, no warning, no choice."""
    body = "".join(image_xml([(0, 0, 0, 0, name)], (20, 30), f"Pos{i}") for i, name in enumerate(NAMES))
    for i, name in enumerate(NAMES):
        write_pages(tmp_path / name, [PLANES[i]], text(body, name))
    for i, name in enumerate(NAMES):
        axes, pixels, warnings = read(tmp_path / name)
        assert (axes, warnings) == ("yx", ())
        np.testing.assert_array_equal(pixels, PLANES[i])
        assert FileAt.of(tmp_path / name).datasets() == []


def test_stack_of_members_takes_each_its_own_page(tmp_path):
    """Stacked files are what they hold, along any axis, though each lists all."""
    paths = write_set(tmp_path, PLANES[:3], "z", NAMES)
    for axis in ("z", "t", "c"):
        with open_image(tmp_path / "s_*.ome.tif", stack=axis) as image:
            expected = np.moveaxis(PLANES[:3], 0, -1) if axis == "c" else PLANES[:3]
            np.testing.assert_array_equal(image.read(), expected)
            assert image.warnings == ()
    assert len(paths) == 3


def test_companion_has_the_text_of_its_files(tmp_path):
    """Files with only the name of a companion are the images that it describes; without it, that is said."""
    names = ["a.ome.tif", "b.ome.tif"]
    body = image_xml([(0, z, 0, 0, name) for z, name in enumerate(names)], (20, 30), n_z=2, PhysicalSizeX=0.5)
    (tmp_path / "x.companion.ome").write_text(text(body))
    for name, plane in zip(names, PLANES, strict=False):
        only = f'<BinaryOnly MetadataFile="x.companion.ome" UUID="{identity(name)}"/>'
        write_pages(tmp_path / name, [plane], text(only, name))
    for name in names:
        assert_one_image(tmp_path / name, "z", 2)
    with open_image(tmp_path / names[0]) as image:
        assert image.pixel_size == {"x": 0.5}
    (tmp_path / "x.companion.ome").unlink()
    axes, pixels, warnings = read(tmp_path / names[1])
    assert axes == "yx"
    np.testing.assert_array_equal(pixels, PLANES[1])
    assert "x.companion.ome" in warnings[0]


def test_member_with_more_planes_along_two_axes(tmp_path):
    """A file of two channels at its time point; alone, it keeps the names of both channels."""
    places = [(c, 0, t, c, NAMES[t]) for t in range(3) for c in range(2)]
    body = image_xml(places, (20, 30), channels=["DAPI", "GFP"], n_t=3)
    for t, name in enumerate(NAMES):
        write_pages(tmp_path / name, PLANES[2 * t : 2 * t + 2], text(body, name))
    with open_image(tmp_path / NAMES[1]) as image:
        assert (image.axes, image.shape, image.channel_names) == ("tcyx", (3, 2, 20, 30), ("DAPI", "GFP"))
        np.testing.assert_array_equal(image.read(), PLANES.reshape(3, 2, 20, 30))
    (tmp_path / NAMES[0]).unlink()
    with open_image(tmp_path / NAMES[1]) as image:
        assert (image.axes, image.channel_names) == ("cyx", ("DAPI", "GFP"))
        np.testing.assert_array_equal(image.read(), PLANES[2:4])


def test_files_of_a_set_may_be_stored_in_different_ways(tmp_path):
    """Each file is decoded as it says, not as the first."""
    paths = write_set(tmp_path, PLANES[:3], "t", NAMES)
    with tifffile.TiffFile(paths[1]) as tif:
        said = tif.pages.first.description
    write_pages(paths[1], PLANES[1:2], said, compression="zlib", rowsperstrip=7)
    assert_one_image(paths[0], "t", 3)


def test_file_of_another_size_is_no_part_of_the_set(tmp_path):
    """A file that does not hold what the text says is left out, with a reason, not read as something else."""
    paths = write_set(tmp_path, PLANES[:3], "t", NAMES)
    with tifffile.TiffFile(paths[1]) as tif:
        said = tif.pages.first.description
    write_pages(paths[1], PLANES[1:2, :10], said)
    with pytest.raises(ImageReadError, match=r"page 2 has the shape \(10, 30\)"):
        open_image(paths[0])


def test_many_files_do_not_stay_open(tmp_path, monkeypatch):
    """However many files a set has, few are open at a time."""
    monkeypatch.setattr(tiff_pages, "_MOST_OPEN", 2)
    paths = write_set(tmp_path, PLANES, "t", [f"m_{i}.ome.tif" for i in range(6)])
    with open_image(paths[3]) as image:
        np.testing.assert_array_equal(image.read(), PLANES)
        assert len(image._pages._open) <= 2


# Micro-Manager ------------------------------------------------------------------------------------------


def test_names_and_size_of_micromanager_are_read(tmp_path):
    """Channels and size of a pixel come from OME-XML, or else from Micro-Manager's summary."""
    places = [(0, 0, 0, 0), (1, 0, 0, 0)]
    body = image_xml([(c, 0, 0, c, "") for c in range(2)], (20, 30), channels=["DAPI", "GFP"], PhysicalSizeX=0.25)
    path = write_stack(tmp_path / "s_MMStack_Pos0.ome.tif", PLANES[:2], places, text(body), Channels=2)
    with open_image(path, channels=["GFP"]) as image:
        assert image.pixel_size == {"x": 0.25}
        np.testing.assert_array_equal(image.read()[0], PLANES[1])
    summary = {"Channels": 2, "ChNames": ["DAPI", "GFP"], "PixelSize_um": 0.25, "z-step_um": 2.0}
    path = write_stack(tmp_path / "t_MMStack_Pos0.ome.tif", PLANES[:2], places, **summary)
    with open_image(path) as image:
        assert image.channel_names == ("DAPI", "GFP")
        assert (image.pixel_size, image.units) == ({"y": 0.25, "x": 0.25}, dict.fromkeys("yx", "micrometer"))


def test_positions_of_micromanager_are_images_of_their_files(tmp_path):
    """Each file is its own position, though the summary counts all."""
    for p in range(2):
        write_stack(
            tmp_path / f"s_MMStack_Pos{p}.ome.tif", PLANES[3 * p : 3 * p + 3], [(0, 0, t, p) for t in range(3)],
            Frames=3, Positions=2,
        )  # fmt: skip
    for p in range(2):
        axes, pixels, warnings = read(tmp_path / f"s_MMStack_Pos{p}.ome.tif")
        assert (axes, warnings) == ("tyx", ())
        np.testing.assert_array_equal(pixels, PLANES[3 * p : 3 * p + 3])


def test_positions_in_one_micromanager_file_can_be_chosen(tmp_path):
    """Positions in one file are images of their own, by the names of the stage's list."""
    places = [(0, 0, t, p) for t in range(3) for p in range(2)]
    positions = [{"Label": "left"}, {"Label": "right"}]
    path = write_stack(tmp_path / "s_MMStack.tif", PLANES, places, Frames=3, Positions=2, StagePositions=positions)
    assert FileAt.of(path).datasets() == ["left", "right"]
    with pytest.raises(ImageReadError, match=r"holds 2 datasets.*left.*right"):
        open_image(path)
    for name in ("right", "1"):
        axes, pixels, _ = read(path / name)
        assert axes == "tyx"
        np.testing.assert_array_equal(pixels, PLANES[1::2])


def test_micromanager_files_of_one_position_are_one_image(tmp_path):
    """Micro-Manager begins another file when one is full: together they are the position."""
    first = write_stack(tmp_path / "s_MMStack_Pos0.ome.tif", PLANES[:4], [(0, 0, t, 0) for t in range(4)], Frames=6)
    second = write_stack(
        tmp_path / "s_MMStack_Pos0_1.ome.tif", PLANES[4:], [(0, 0, t, 0) for t in (4, 5)], Frames=6
    )  # fmt: skip
    for path in (first, second):
        assert_one_image(path, "t", 6)
    first.unlink()
    axes, pixels, warnings = read(second)
    assert axes == "tyx"
    np.testing.assert_array_equal(pixels, PLANES[4:])
    assert first.name in warnings[0]


def test_micromanager_that_was_stopped_early_is_read(tmp_path):
    """Frames that were never made are left out, with those that are incomplete."""
    places = [(c, 0, t, 0) for t in range(3) for c in range(2)][:5]
    path = write_stack(tmp_path / "s_MMStack_Pos0.ome.tif", PLANES[:5], places, Frames=9, Channels=2)
    axes, pixels, warnings = read(path)
    assert axes == "tcyx"
    np.testing.assert_array_equal(pixels, PLANES[:4].reshape(2, 2, 20, 30))
    assert "18 planes; 4 are there" in warnings[0]


@pytest.mark.parametrize("name", ["x.companion.ome", "X.Companion.OME", "x.ome.xml"])
def test_companion_itself_names_the_files_to_give(name, tmp_path):
    """The text of a set is no image, and says which files are; or which are missing."""
    body = image_xml([(0, z, 0, 0, file) for z, file in enumerate(["a.ome.tif", "b.ome.tif"])], (20, 30), n_z=2)
    (tmp_path / name).write_text(text(body))
    with pytest.raises(ImageReadError, match=r"None of them is beside it: a\.ome\.tif, b\.ome\.tif"):
        open_image(tmp_path / name)
    write_pages(tmp_path / "b.ome.tif", PLANES[:1], None)
    with pytest.raises(ImageReadError, match=rf"{name}' describes a set .* no pixels itself\. Give .*: b\.ome\.tif\."):
        open_image(tmp_path / name)


def test_companion_without_files_is_a_file_of_an_unknown_kind(tmp_path):
    """Another text with that extension is refused as before."""
    for content in ("<OME/>", "no text"):
        (tmp_path / "x.companion.ome").write_text(content)
        with pytest.raises(ImageReadError, match=r"extension '\.ome', which is not known"):
            open_image(tmp_path / "x.companion.ome")


@pytest.mark.parametrize(
    "names",
    [
        ["sub0/t0.ome.tif", "sub1/t1.ome.tif", "sub2/t2.ome.tif"],
        ["sub0/t.ome.tif", "sub1/t.ome.tif", "sub2/t.ome.tif"],
        ["a/0/t.ome.tif", "a/1/t.ome.tif", "b/0/t.ome.tif"],
        ["t0.ome.tif", "sub1/t1.ome.tif", "sub1/t2.ome.tif"],
    ],
    ids=["a folder each", "equal names", "two folders deep", "one above"],
)
def test_set_in_folders_is_one_image_from_any_of_its_files(names, tmp_path):
    """Paths that start in the folder that all files are below are followed from there."""
    for path in write_set(tmp_path, PLANES[:3], "t", names):
        assert_one_image(path, "t", 3)


def test_set_in_folders_is_found_by_a_relative_path(tmp_path, monkeypatch):
    """The current folder is one of those of the set."""
    write_set(tmp_path, PLANES[:3], "t", ["sub0/t0.ome.tif", "sub1/t1.ome.tif", "sub2/t2.ome.tif"])
    monkeypatch.chdir(tmp_path / "sub1")
    assert_one_image(Path("t1.ome.tif"), "t", 3)


def test_files_further_above_than_the_path_are_not_taken(tmp_path):
    """A path of one folder is followed from one folder above, no further."""
    write_set(tmp_path / "in" / "set", PLANES[:2], "t", ["sub0/t0.ome.tif", "sub1/t1.ome.tif"])
    (tmp_path / "in" / "set" / "sub1").rename(tmp_path / "in" / "sub1")
    assert "1 of 2 planes" in read(tmp_path / "in" / "set" / "sub0" / "t0.ome.tif")[2][0]
