"""TIFF: layout, size of a pixel, OME-XML, BigTIFF; read by tifffile and by libtiff through Pillow."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from tilings import some_values, write_tiles

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.formats.tiff.writer import MAX_CLASSIC
from napari_batch_prediction.images.units import UNITS as ALL_UNITS
from napari_batch_prediction.locations.inputs import open_image

UNITS = {"t": "second", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
SIZES = {"t": 2.5, "z": 300.0, "y": 0.325, "x": 0.65}


def write(form: str, path: Path, axes: str, values: np.ndarray, **more: object) -> Path:
    writer = find_format(form).writer(Target(path, axes, values.shape, values.dtype, **more))
    write_tiles(writer, values)
    writer.finish()
    return path


LAYOUTS = {
    "strips": ((61, 45, 3), "float32", False, (61, 45), 2, ()),
    "strips of several rows": ((2000, 1500, 1), "uint8", False, (174, 1500), 1, ()),
    "tiles": ((2100, 1500, 2), "float64", True, (256, 256), 1, (0,)),
    "tiles wider than the image": ((300_000, 20, 4), "uint8", True, (512, 32), 1, (0, 0, 0)),
}


@pytest.mark.parametrize(("shape", "dtype", "tiled", "segment", "photometric", "extra"), LAYOUTS.values(), ids=LAYOUTS)
def test_small_planes_are_in_strips_and_large_ones_in_tiles(tmp_path, shape, dtype, tiled, segment, photometric, extra):
    """Small planes are in strips, large ones in tiles; three channels are colours, others extra samples."""
    values = some_values(shape, dtype)
    with tifffile.TiffFile(write("tiff", tmp_path / "a.tiff", "yxc", values)) as tif:
        page = tif.pages.first
        assert page.is_tiled == tiled
        assert ((page.tilelength, page.tilewidth) if tiled else (page.rowsperstrip, page.imagewidth)) == segment
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert (page.photometric, page.extrasamples) == (photometric, extra)
        assert len(tif.pages) == 1
        np.testing.assert_array_equal(tif.asarray(), values.squeeze())


def test_large_pages_of_ome_tiff_are_in_tiles(tmp_path):
    """Large pages of OME-TIFF are in tiles as well."""
    values = some_values((2, 2100, 2060), "float32")
    with tifffile.TiffFile(write("multipage tiff", tmp_path / "a.tiff", "zyx", values)) as tif:
        assert [page.is_tiled for page in tif.pages] == [True, True]
        assert tif.pages.first.tile == (512, 512)
        np.testing.assert_array_equal(tif.asarray(), values)


@pytest.mark.parametrize("name", [name for name in ALL_UNITS if ALL_UNITS[name].kind == "space"])
def test_every_unit_of_length_of_ome_is_kept(name, tmp_path):
    """A size is written in its unit, whatever of OME-XML's list that is, and read as such."""
    facts = {"pixel_size": {"x": 4.0, "y": 2.0}, "units": {"x": name, "y": name}}
    path = write("multipage tiff", tmp_path / "a.tiff", "yx", some_values((20, 30), "uint8"), **facts)
    with open_image(path) as image:
        assert (image.pixel_size, image.units) == (facts["pixel_size"], facts["units"])


LIBTIFF = {
    "bytes": ((61, 45, 1), "uint8", "L"),
    "colours": ((61, 45, 3), "uint8", "RGB"),
    "words": ((61, 45, 1), "uint16", "I;16"),
    "floats": ((61, 45, 1), "float32", "F"),
    "floats in tiles": ((2100, 2050, 1), "float32", "F"),
    "integers": ((61, 45, 1), "int32", "I"),
}


@pytest.mark.parametrize(("shape", "dtype", "mode"), LIBTIFF.values(), ids=LIBTIFF)
def test_libtiff_reads_the_values(tmp_path, shape, dtype, mode):
    """libtiff, which most programs use, reads the values."""
    values = some_values(shape, dtype)
    with Image.open(write("tiff", tmp_path / "a.tiff", "yxc", values)) as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), values.squeeze())


def test_resolution_is_in_pixels_per_centimetre(tmp_path):
    """The resolution is in pixels per centimetre, along columns and rows."""
    values = some_values((30, 20), "uint8")
    path = write("tiff", tmp_path / "a.tiff", "xy", values, pixel_size=SIZES, units=UNITS)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        assert page.resolutionunit == tifffile.RESUNIT.CENTIMETER
        assert page.resolution == pytest.approx((10_000 / 0.65, 10_000 / 0.325))
        np.testing.assert_array_equal(tif.asarray(), values.T)


@pytest.mark.parametrize("sizes", [{}, {"x": 0.5}, {"x": 0.5, "y": 0.0}, {"x": 1e-9, "y": 1e-9}])
def test_resolution_without_both_sizes_has_no_unit(tmp_path, sizes):
    """Without both sizes, or with such as a TIFF cannot hold, there is no unit."""
    values = some_values((30, 20), "uint8")
    path = write("tiff", tmp_path / "a.tiff", "yx", values, pixel_size=sizes, units=UNITS)
    with tifffile.TiffFile(path) as tif:
        assert tif.pages.first.resolutionunit == tifffile.RESUNIT.NONE
        assert tif.pages.first.resolution == (1, 1)


@pytest.mark.parametrize("value", [1e4 / 0.325, 1e4 / 0.1, 1 / 3, 1e-6, 4e9, 15384.615384615385])
def test_resolution_keeps_nine_digits(tmp_path, value):
    """Pixels per centimetre are kept to nine digits or so in two integers of 32 bits."""
    values = some_values((30, 20), "uint8")
    more = {"pixel_size": dict.fromkeys("yx", 1 / value), "units": dict.fromkeys("yx", "centimeter")}
    with tifffile.TiffFile(write("tiff", tmp_path / "a.tiff", "yx", values, **more)) as tif:
        tags = tif.pages.first.tags
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
        for name in ("XResolution", "YResolution"):
            numerator, denominator = tags[name].value
            assert max(numerator, denominator) < 2**32
            assert numerator / denominator == pytest.approx(value, rel=1e-3 if value < 1e-5 else 1e-9)


def test_ome_xml_holds_sizes_names_and_colours(tmp_path):
    """OME-XML holds sizes with units, names and colours of channels; pages are in the order t, z, c."""
    values = some_values((2, 3, 2, 30, 20), "uint16")
    path = write(
        "multipage tiff",
        tmp_path / "a.tiff",
        "ctzyx",
        values,
        pixel_size=SIZES,
        units=UNITS,
        channel_names=("nucleus", "<grün & rot>"),
        channel_colors=((255, 0, 16), (1, 2, 3)),
    )
    with tifffile.TiffFile(path) as tif:
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        assert [tif.series[0].axes, tif.series[0].shape] == ["TZCYX", (3, 2, 2, 30, 20)]
        np.testing.assert_array_equal(tif.asarray(), values.transpose(1, 2, 0, 3, 4))
    assert [channel["Name"] for channel in pixels["Channel"]] == ["nucleus", "<grün & rot>"]
    assert [channel["Color"] & 0xFFFFFFFF for channel in pixels["Channel"]] == [0xFF0010FF, 0x010203FF]
    found = {name: pixels[name] for name in pixels if name.startswith(("Physical", "Time"))}
    assert found == {
        "PhysicalSizeX": 0.65,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.325,
        "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": 300.0,
        "PhysicalSizeZUnit": "nm",
        "TimeIncrement": 2.5,
        "TimeIncrementUnit": "s",
    }


@pytest.mark.parametrize("more", [0, 1])
def test_large_images_become_bigtiff(tmp_path, monkeypatch, more):
    """Images of more than 3.9 GB become BigTIFF; here the limit is that of a smaller image of several pages."""
    assert MAX_CLASSIC == 3_900_000_000
    values = some_values((2, 3, 61, 45), "uint16")
    monkeypatch.setattr("napari_batch_prediction.formats.tiff.writer.MAX_CLASSIC", values.nbytes - more)
    path = write("multipage tiff", tmp_path / "a.tiff", "zcyx", values, metadata={"made by": "a test"})
    with tifffile.TiffFile(path) as tif:
        assert tif.is_bigtiff == bool(more)
        assert len(tif.pages) == 6
        np.testing.assert_array_equal(tif.asarray(), values)
    # The third byte says it as well, to programs that are not tifffile.
    assert path.read_bytes()[:3] == bytes([73, 73, 43 if more else 42])


def test_no_time_is_in_the_file(tmp_path):
    """Nothing in the file says when it was written, and tifffile adds no description of its own."""
    with tifffile.TiffFile(write("tiff", tmp_path / "a.tiff", "yx", some_values((30, 20), "uint8"))) as tif:
        tags = {tag.name for tag in tif.pages.first.tags}
    assert not tags & {"DateTime", "ImageDescription"}
