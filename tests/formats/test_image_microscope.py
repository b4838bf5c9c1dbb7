"""Formats of microscopes: LSM as TIFF, CZI by bioio; and what to install for others."""

import struct
import sys
from pathlib import Path

import bioio_czi.aicspylibczi_reader.reader
import numpy as np
import pytest
import tifffile
from pylibCZIrw import czi

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.microscope import reader
from napari_batch_prediction.formats.microscope.czi import CziImage, list_scenes
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import parse

PIXELS = (np.arange(2 * 3 * 24 * 32) % 251).astype(np.uint8).reshape(2, 3, 24, 32)


def write_czi(path: Path) -> None:
    with czi.create_czi(str(path)) as document:
        for c, z in np.ndindex(2, 3):
            document.write(PIXELS[c, z, ..., None], plane={"C": c, "Z": z, "T": 0})
        names = {0: "DAPI", 1: "GFP"}
        document.write_metadata("cells", channel_names=names, scale_x=2.5e-7, scale_y=5e-7, scale_z=2e-6)


def test_axes_channels_and_regions_of_czi_are_read(tmp_path):
    """Axes without extents of 1, channels, micrometers, and regions."""
    write_czi(tmp_path / "a.czi")
    with open_image(tmp_path / "a.czi") as image:
        assert (image.axes, image.axes_known, image.shape) == ("czyx", "file", PIXELS.shape)
        assert image.pixel_size == pytest.approx({"z": 2, "y": 0.5, "x": 0.25})
        assert image.units == dict.fromkeys("zyx", "micrometer")
        assert image.channel_names == ("DAPI", "GFP")
        np.testing.assert_array_equal(image.read(), PIXELS)
        region = (slice(1, 2), slice(0, 2), slice(3, 9), slice(1, 30))
        np.testing.assert_array_equal(image.read(region), PIXELS[region])
    with open_image(tmp_path / "a.czi", channels=["GFP"]) as image:
        np.testing.assert_array_equal(image.read(), PIXELS[1:])
    with open_image(tmp_path / "a.czi", "tzyx") as image:
        assert (image.axes, image.axes_known, image.channel_names) == ("tzyx", "user", ())


# A reader of bioio for .npy files with the extension .scenes: their first axis is the scene.
PLUGIN = """
import dask.array, numpy, xarray
from bioio_base.reader import Reader as Base


LAZY = True


def lazy(pixels):
    raise ValueError("Expected 1 distance scale for dimension 'Y' but found 0")


class Reader(Base):
    _xarray_dask_data = _xarray_data = _mosaic_xarray_dask_data = _mosaic_xarray_data = None
    _dims = _metadata = _scenes = None
    _current_scene_index = 0
    _current_resolution_level = 0

    @staticmethod
    def _is_supported_image(fs, path, **options):
        return path.endswith(".scenes")

    def __init__(self, image, **options):
        self._pixels = numpy.load(image)

    @property
    def scenes(self):
        return tuple(f"well {i + 1}" for i in range(len(self._pixels)))

    def _read_immediate(self):
        return xarray.DataArray(self._pixels[self._current_scene_index], dims=list("TYXS"))

    def _read_delayed(self):
        return self._read_immediate().chunk({"T": 1}) if LAZY else lazy(self._read_immediate())


class ReaderMetadata:
    @staticmethod
    def get_supported_extensions():
        return [".scenes"]

    @staticmethod
    def get_reader():
        return Reader
"""


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """Write a file that only a reader of bioio knows, which is installed for the test."""
    site = tmp_path / "site"
    (site / "bioio_scenes-1.0.dist-info").mkdir(parents=True)
    (site / "bioio_scenes.py").write_text(PLUGIN)
    (site / "bioio_scenes-1.0.dist-info" / "METADATA").write_text(
        "Name: bioio-scenes\nVersion: 1.0\nRequires-Dist: bioio-base\n"
    )
    (site / "bioio_scenes-1.0.dist-info" / "entry_points.txt").write_text(
        "[bioio.readers]\nbioio-scenes = bioio_scenes\n"
    )
    monkeypatch.syspath_prepend(site)
    pixels = (np.arange(2 * 4 * 20 * 30 * 3) % 251).astype(np.uint8).reshape(2, 4, 20, 30, 3)
    with (tmp_path / "a.scenes").open("wb") as file:
        np.save(file, pixels)
    yield tmp_path / "a.scenes", pixels
    sys.modules.pop("bioio_scenes", None)


def test_scenes_are_listed_and_chosen_by_name(scenes):
    """Several scenes are listed; one is named after the file. Samples are colours."""
    path, pixels = scenes
    with pytest.raises(ImageReadError, match=r"2 datasets.*well 1; well 2.*a\.scenes/well 1'"):
        open_image(path)
    assert parse(path / "well 2").stem == "a.scenes-well 2"
    with open_image(path / "well 2") as image:
        assert (image.axes, image.axes_known, image.dataset) == ("tyxc", "file", "well 2")
        assert image.channel_names == ("red", "green", "blue")
        np.testing.assert_array_equal(image.read(), pixels[1])
    with pytest.raises(ImageReadError, match=r"no dataset 'well 3'. It has: well 1; well 2"):
        open_image(path / "well 3")


def repeated(image):
    """What a reader gives that repeats the first colour when it reads lazily."""
    return image.copy(data=np.repeat(image.values[..., :1], 3, axis=-1)).chunk({"T": 1})


def test_reader_whose_lazy_pixels_are_wrong_is_read_at_once(scenes, monkeypatch):
    """A reader that repeats the first colour when it reads lazily is not believed."""
    path, pixels = scenes
    with open_image(path / "well 1"):
        plugin = sys.modules["bioio_scenes"]
    monkeypatch.setattr(plugin, "LAZY", False)
    monkeypatch.setattr(plugin, "lazy", repeated)
    with open_image(path / "well 2") as image:
        np.testing.assert_array_equal(image.read(), pixels[1])
        region = (slice(1, 3), slice(2, 9), slice(4, 30), slice(1, 3))
        np.testing.assert_array_equal(image.read(region), pixels[1][region])
        assert image.decoding.kept == pixels[1].nbytes


def test_large_image_whose_colours_are_equal_is_warned_of(scenes, monkeypatch):
    """What is too large to be read at once is looked at lazily; equal colours are told."""
    path, _ = scenes
    monkeypatch.setattr(reader, "_MOST_COMPARED", 0)
    with open_image(path / "well 1") as image:
        assert image.warnings == ()
    plugin = sys.modules["bioio_scenes"]
    monkeypatch.setattr(plugin, "LAZY", False)
    monkeypatch.setattr(plugin, "lazy", repeated)
    with open_image(path / "well 1") as image:
        assert "All its colours are equal" in image.warnings[0]


def test_metadata_that_a_reader_does_not_understand_do_not_blame_the_file(scenes, monkeypatch):
    """The pixels may be whole, so nobody is told to copy the file again."""
    path, _ = scenes
    with open_image(path / "well 1"):
        plugin = sys.modules["bioio_scenes"]
    monkeypatch.setattr(plugin, "LAZY", False)
    with pytest.raises(ImageReadError, match=r"Expected 1 distance scale.*may still be whole") as raised:
        open_image(path / "well 1")
    assert "copy it again" not in str(raised.value)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_czi_whose_metadata_bioio_does_not_understand_is_read(tmp_path, monkeypatch, n_channels):
    """Without sizes of pixels bioio's reader gives up; the pixels are read all the same."""
    with czi.create_czi(str(tmp_path / "a.czi")) as document:
        for c, z in np.ndindex(n_channels, 3):
            document.write(PIXELS[c, z, ..., None], plane={"C": c, "Z": z, "T": 0})

    def refuse(*_):
        raise ValueError("Expected 1 distance scale for dimension 'Y' but found 0")

    monkeypatch.setattr(bioio_czi.aicspylibczi_reader.reader, "get_physical_pixel_sizes", refuse)
    with pytest.raises(ValueError, match="distance scale"):
        reader.BioioImage("a", tmp_path / "a.czi")
    assert parse(tmp_path / "a.czi").datasets() == ["Image:0"]
    expected = PIXELS[:n_channels].swapaxes(0, 1) if n_channels > 1 else PIXELS[0]
    with open_image(tmp_path / "a.czi") as image:
        assert (image.axes, image.axes_known) == ("zcyx" if n_channels > 1 else "zyx", "file")
        assert image.pixel_size == {}
        np.testing.assert_array_equal(image.read(), expected)
        region = tuple(slice(n // 2, n) for n in image.shape)
        np.testing.assert_array_equal(image.read(region), expected[region])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("with_sizes", [True, False])
def test_colours_of_czi_are_red_green_blue(tmp_path, dtype, with_sizes):
    """CZI stores blue, green, red; bioio-czi 3.0.1 repeats the first lazily, and keeps that order at once."""
    colours = np.random.default_rng(0).integers(0, 250, (3, 20, 30, 3)).astype(dtype)
    with czi.create_czi(str(tmp_path / "a.czi")) as document:
        for z, plane in enumerate(colours):
            document.write(np.ascontiguousarray(plane[..., ::-1]), plane={"C": 0, "Z": z, "T": 0})
        if with_sizes:
            document.write_metadata("cells", scale_x=2.5e-7, scale_y=5e-7, scale_z=2e-6)
    with open_image(tmp_path / "a.czi") as image:
        assert (image.axes, image.axes_known, image.dtype) == ("zyxc", "file", dtype)
        assert image.channel_names == ("red", "green", "blue")
        assert image.pixel_size == (pytest.approx({"z": 2, "y": 0.5, "x": 0.25}) if with_sizes else {})
        np.testing.assert_array_equal(image.read(), colours)
        region = (slice(1, 3), slice(5, 12), slice(3, 30), slice(1, 2))
        np.testing.assert_array_equal(image.read(region), colours[region])
    with open_image(tmp_path / "a.czi", channels=["blue"]) as image:
        np.testing.assert_array_equal(image.read(), colours[..., 2:])


def test_scenes_of_czi_with_colours_are_chosen_by_name(tmp_path):
    """Each scene is its own box of the file."""
    colours = np.random.default_rng(0).integers(0, 250, (2, 20, 30, 3)).astype(np.uint8)
    with czi.create_czi(str(tmp_path / "a.czi")) as document:
        for scene, plane in enumerate(colours):
            location = (scene * 100, scene * 50)
            document.write(np.ascontiguousarray(plane[..., ::-1]), location=location, scene=scene)
    names = list_scenes(tmp_path / "a.czi")
    with pytest.raises(ImageReadError, match="2 datasets"):
        CziImage("a", tmp_path / "a.czi")
    for scenes in (None, ("left", "right")):
        for name, expected in zip(scenes or names, colours, strict=True):
            with CziImage("a", tmp_path / "a.czi", name, scenes=scenes) as image:
                assert image.dataset == name
                np.testing.assert_array_equal(image.read(), expected)


def test_format_without_a_reader_names_the_plugin(tmp_path):
    """The message names the plugin that reads such files."""
    (tmp_path / "a.nd2").write_bytes(b"x" * 100)
    with pytest.raises(ImageReadError, match=r"a\.nd2'\. Install bioio-nd2"):
        open_image(tmp_path / "a.nd2")


def test_damaged_czi_is_refused_by_name(tmp_path, caplog):
    """A damaged file is named once, and a reader that is there need not be installed."""
    write_czi(tmp_path / "a.czi")
    (tmp_path / "a.czi").write_bytes((tmp_path / "a.czi").read_bytes()[:500])
    with pytest.raises(ImageReadError, match=r"a\.czi'\. Check that the file is whole"):
        open_image(tmp_path / "a.czi")
    assert not caplog.records


@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        ("tensorstore", "a.n5", r"pip install 'napari-batch-prediction\[n5\]'"),
        ("bioio", "a.czi", r"pip install 'napari-batch-prediction\[bioio\]' bioio-czi"),
    ],
)
def test_missing_extra_is_named_with_how_to_install_it(module, name, message, tmp_path, monkeypatch):
    """Without the extra the message says how to install it."""
    # None keeps Python from importing a module that is installed.
    monkeypatch.setitem(sys.modules, module, None)
    if name.endswith("n5"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "attributes.json").write_text("{}")
    else:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ImageReadError, match=message):
        open_image(tmp_path / name)


def lsm_info(size_z: int, channels: int, voxel: tuple[float, float, float]) -> bytes:
    """Return the start of the tag in which LSM files describe themselves."""
    info = bytearray(512)
    struct.pack_into("<IiiiiiiiII", info, 0, 0x0400494C, 512, 32, 24, size_z, channels, 1, 1, 0, 0)
    struct.pack_into("<3d", info, 40, *voxel)
    return bytes(info)


def test_lsm_with_small_copies_of_its_pages_is_read(tmp_path):
    """Pages of channels in a volume, each followed by a small copy of itself; sizes are in meters."""
    path = tmp_path / "a.lsm"
    pixels = np.concatenate([PIXELS, PIXELS[:1] + 1]).swapaxes(0, 1)
    with tifffile.TiffWriter(path, byteorder="<") as tif:
        for z, page in enumerate(pixels):
            first = [(34412, "B", 512, lsm_info(3, 3, (2.5e-7, 5e-7, 2e-6)), True)] if z == 0 else []
            options = {"photometric": "rgb", "planarconfig": "separate", "metadata": None}
            tif.write(page, extratags=first, **options)
            tif.write(page[:, ::4, ::4], subfiletype=1, **options)
    with open_image(path) as image:
        assert (image.axes, image.axes_known, image.shape) == ("zcyx", "file", pixels.shape)
        assert image.pixel_size == pytest.approx({"z": 2, "y": 0.5, "x": 0.25})
        np.testing.assert_array_equal(image.read(), pixels)
        region = (slice(1, 2), slice(0, 2), slice(3, 9), slice(1, 30))
        np.testing.assert_array_equal(image.read(region), pixels[region])


def test_bigtiff_is_read_under_its_own_extension(tmp_path):
    """BigTIFF under its own extension."""
    tifffile.imwrite(tmp_path / "a.btf", PIXELS[0, 0], bigtiff=True)
    with open_image(tmp_path / "a.btf") as image:
        np.testing.assert_array_equal(image.read(), PIXELS[0, 0])
