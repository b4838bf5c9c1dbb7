"""Formats of microscopes: LSM as TIFF, CZI by bioio; and what to install for others."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pylibCZIrw import czi

from napari_batch_prediction.errors import ImageReadError
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
        return self._read_immediate().chunk({"T": 1})


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


def test_format_without_a_reader_names_the_plugin(tmp_path):
    """The message names the plugin that reads such files."""
    (tmp_path / "a.nd2").write_bytes(b"x" * 100)
    with pytest.raises(ImageReadError, match=r"a\.nd2'\. Install bioio-nd2"):
        open_image(tmp_path / "a.nd2")


def test_damaged_czi_is_refused_by_name(tmp_path):
    """A damaged file is named."""
    write_czi(tmp_path / "a.czi")
    (tmp_path / "a.czi").write_bytes((tmp_path / "a.czi").read_bytes()[:500])
    with pytest.raises(ImageReadError, match=r"a\.czi"):
        open_image(tmp_path / "a.czi")


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
