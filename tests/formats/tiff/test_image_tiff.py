"""TIFF files: which image, palettes, size of a pixel, what is read, and files that are cut off."""

import logging
import struct
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.formats.tiff import pages as tiff_pages
from napari_batch_prediction.locations.inputs import open_image

RANDOM = np.random.default_rng(0)
STACK = RANDOM.integers(0, 60000, (6, 40, 50), np.uint16)


def read(path: Path):
    with open_image(path) as image:
        return image.read()


# Which image --------------------------------------------------------------------------------------------


def test_pyramid_opens_at_full_resolution(tmp_path):
    """Lower levels in SubIFDs are not images of their own."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(STACK[0], subifds=2, tile=(16, 16))
        writer.write(STACK[0, ::2, ::2], subfiletype=1, tile=(16, 16))
        writer.write(STACK[0, ::4, ::4], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(read(path), STACK[0])


@pytest.mark.parametrize(
    ("subfiletype", "other"), [(1, STACK[0, ::2, ::5]), (4, STACK[0] > 9)], ids=["reduced", "mask"]
)
def test_thumbnails_and_masks_are_left_out(subfiletype, other, tmp_path):
    """A page that says to be a reduced copy or a mask is not an image of its own, first or last."""
    for pages in ((0, subfiletype), (subfiletype, 0)):
        path = tmp_path / f"{pages}.tif"
        with tifffile.TiffWriter(path) as writer:
            for kind in pages:
                writer.write(other if kind else STACK[0], subfiletype=kind, metadata=None)
        np.testing.assert_array_equal(read(path), STACK[0])


def test_several_images_are_refused(tmp_path):
    """'a.ome.tif' holds 2 datasets, and it is not clear which to use: left (YX ...); right (YX ...). Choose one."""
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(STACK[0], metadata={"Name": "left"})
        writer.write(STACK[0, 1:], metadata={"Name": "right"})
    with pytest.raises(ImageReadError, match=r"holds 2 datasets.*left \(YX \(40, 50\).*right \(YX \(39, 50\)"):
        open_image(path)


def test_channels_and_colours_are_not_mixed(tmp_path):
    """Of two kinds of channels one has to be chosen, and the message has what there is."""
    path = tmp_path / "a.ome.tif"
    pixels = RANDOM.integers(0, 255, (2, 20, 30, 3), np.uint8)
    tifffile.imwrite(path, pixels, metadata={"axes": "CYXS"}, photometric="rgb")
    with pytest.raises(ImageReadError, match=r"a\.ome\.tif.*C0 \(YXS \(20, 30, 3\)"):
        open_image(path)


# Pixels -------------------------------------------------------------------------------------------------


FIRE = RANDOM.integers(0, 2**16, (3, 256), np.uint16)
PALETTES = {
    "strips": {},
    "compressed strips": {"compression": "zlib", "rowsperstrip": 7},
    "tiles": {"tile": (16, 16), "compression": "lzw"},
    "pages": {"metadata": None},
    "named": {"metadata": {"axes": "ZYX"}},
    "ome": {"ome": True, "metadata": {"axes": "CYX"}},
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("options", PALETTES.values(), ids=PALETTES)
def test_palette_is_for_display_only(options, dtype, tmp_path):
    """Values are as stored, as ilastik has them, however they are stored."""
    path = tmp_path / "a.tif"
    stored = RANDOM.integers(0, 256, (2, 20, 30)).astype(dtype)
    colours = RANDOM.integers(0, 2**16, (3, 2 ** (8 * stored.itemsize)), np.uint16)
    tifffile.imwrite(path, stored, photometric="palette", colormap=colours, **options)
    with open_image(path) as image:
        assert (image.shape, image.dtype, image.channel_names) == ((2, 20, 30), dtype, ())
        np.testing.assert_array_equal(image.read(), stored)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_of_few_bits_is_its_stored_numbers(bits, tmp_path):
    """Indices of fewer than 8 bits are unpacked, not looked up."""
    path = tmp_path / "a.tif"
    stored = RANDOM.integers(0, 2**bits, (20, 30), np.uint8)
    colours = RANDOM.integers(0, 2**16, (3, 2**bits), np.uint16)
    indices = np.unpackbits(stored[..., None], axis=-1)[..., 8 - bits :].reshape(20, -1)
    packed = np.packbits(indices, axis=-1).tobytes()
    extra = [(320, "H", 3 * 2**bits, colours.ravel().tobytes(), True)]
    with tifffile.TiffWriter(path) as writer:
        writer.write(iter([packed]), shape=stored.shape, dtype=np.uint8, bitspersample=bits, extratags=extra,
                     photometric="minisblack", rowsperstrip=20, metadata=None)  # fmt: skip
    data = path.read_bytes()
    photometric = struct.pack("<HHI", 262, 3, 1)
    assert data.count(photometric + struct.pack("<I", 1)) == 1
    path.write_bytes(data.replace(photometric + struct.pack("<I", 1), photometric + struct.pack("<I", 3)))
    with tifffile.TiffFile(path) as tif:
        assert tif.pages.first.photometric == tifffile.PHOTOMETRIC.PALETTE
    np.testing.assert_array_equal(read(path), stored)


def test_palette_of_pillow(tmp_path):
    """What Pillow writes with a palette is the indices that Pillow has."""
    path = tmp_path / "a.tif"
    picture = PillowImage.fromarray(RANDOM.integers(0, 255, (20, 30, 3), np.uint8)).convert("P")
    picture.save(path)
    np.testing.assert_array_equal(read(path), np.asarray(picture))


def test_palette_of_imagej_is_a_display_setting(tmp_path):
    """ImageJ stores grey values with a lookup table: they stay grey."""
    path = tmp_path / "a.tif"
    grey = RANDOM.integers(0, 256, (3, 20, 30), np.uint8)
    fire = RANDOM.integers(0, 2**16, (3, 256), np.uint16)
    tifffile.imwrite(path, grey, imagej=True, colormap=fire, photometric="palette", metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(read(path), grey)


def test_bilevel_is_zero_and_one(tmp_path):
    """Pixels of one bit are uint8."""
    path = tmp_path / "a.tif"
    bits = RANDOM.random((20, 30)) > 0.5
    tifffile.imwrite(path, bits)
    pixels = read(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, bits)


@pytest.mark.parametrize("planar", [False, True])
def test_jpeg_in_tiff(planar, tmp_path):
    """Tiles that are compressed with loss come as tifffile decodes them."""
    path = tmp_path / "a.tif"
    pixels = RANDOM.integers(0, 255, (3, 70, 90) if planar else (70, 90, 3), np.uint8)
    config = "separate" if planar else "contig"
    tifffile.imwrite(path, pixels, photometric="rgb", planarconfig=config, tile=(32, 32), compression="jpeg")
    np.testing.assert_array_equal(read(path), tifffile.imread(path))


def test_tiles_that_were_left_out_are_zero(tmp_path):
    """A sparse file has no bytes for empty tiles."""
    path = tmp_path / "a.tif"
    full = RANDOM.integers(1, 255, (32, 32), np.uint8)
    tifffile.imwrite(path, iter([full, None, None, full]), shape=(64, 64), dtype=np.uint8, tile=(32, 32))
    expected = np.zeros((64, 64), np.uint8)
    expected[:32, :32] = expected[32:, 32:] = full
    np.testing.assert_array_equal(read(path), expected)
    with open_image(path) as image:
        part = (slice(20, 50), slice(30, 60))
        np.testing.assert_array_equal(image.read(part), expected[part])


# Only what is needed ------------------------------------------------------------------------------------


def spoil(path: Path, segments: list[tuple[int, int]]) -> None:
    data = bytearray(path.read_bytes())
    for offset, size in segments:
        data[offset : offset + size] = b"\xff" * size
    path.write_bytes(data)


def test_only_the_pages_of_a_region_are_read(tmp_path):
    """One time point is read although all others are damaged; reading another is an error."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, metadata={"axes": "TYX"}, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        pages = [(page.dataoffsets[0], page.databytecounts[0]) for page in tif.pages]
    spoil(path, pages[:3] + pages[4:])
    with open_image(path) as image:
        np.testing.assert_array_equal(image.read((slice(3, 4), slice(0, 40), slice(0, 50))), STACK[3:4])
        with pytest.raises(ImageReadError, match=r"Cannot read pixels of .*a\.tif"):
            image.read((slice(2, 3), slice(0, 40), slice(0, 50)))


def test_only_the_tiles_of_a_region_are_read(tmp_path):
    """A region in one tile is read although all other tiles are damaged."""
    path = tmp_path / "a.tif"
    pixels = RANDOM.integers(0, 255, (64, 96), np.uint8)
    tifffile.imwrite(path, pixels, tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        tiles = list(zip(tif.pages.first.dataoffsets, tif.pages.first.databytecounts, strict=True))
    spoil(path, tiles[:4] + tiles[5:])
    with open_image(path) as image:
        region = (slice(32, 64), slice(32, 64))
        np.testing.assert_array_equal(image.read(region), pixels[region])


@pytest.mark.parametrize("limit", [0, 9000, 2**20])
def test_cache_of_any_size_gives_the_same(limit, tmp_path, monkeypatch):
    """However much decoded is kept, the pixels are the same."""
    monkeypatch.setattr(tiff_pages, "_CACHE_BYTES", limit)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, compression="zlib")
    with open_image(path) as image:
        for x in range(0, 50, 10):
            region = (slice(0, 6), slice(5, 30), slice(x, x + 10))
            np.testing.assert_array_equal(image.read(region), STACK[region])


def test_memory_of_a_huge_strip_is_known_from_the_header(tmp_path):
    """Opening says what a strip takes when decoded, and with it the pixels that are kept; without decoding it."""
    path = tmp_path / "a.tif"
    pixels = np.zeros((4000, 3000), np.uint16)
    tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=4000)
    with open_image(path) as image:
        assert image.decoding == (pixels.nbytes, 2 * pixels.nbytes, 0)
    tifffile.imwrite(path, np.zeros((40, 1000, 1000), np.uint8), compression="zlib", metadata={"axes": "ZYX"})
    with open_image(path) as image:
        assert image.decoding.kept == tiff_pages._CACHE_BYTES
        assert image.decoding.once <= 2 * 2**20


@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 7}, {"byteorder": ">"}])
def test_rows_of_uncompressed_strips_are_read_without_the_others(options, tmp_path):
    """An uncompressed strip of any size takes no more than the rows of the region."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, byteorder=options.pop("byteorder", None)) as writer:
        for plane in STACK:
            writer.write(plane, contiguous=False, metadata=None, **options)
    with open_image(path) as image:
        assert image.decoding == (0, 0, 0)
        region = (slice(1, 4), slice(3, 29), slice(11, 40))
        np.testing.assert_array_equal(image.read(region), STACK[region])
        np.testing.assert_array_equal(image.read(), STACK)


@pytest.mark.parametrize("codec", ["zlib", "lzw", "zstd"])
def test_strip_that_inflates_beyond_its_size_stops_there(codec, tmp_path):
    """A stream of zeros that says to be a small strip does not fill the memory: no more than the strip is decoded."""
    path = tmp_path / "a.tif"
    codecs = {"zlib": imagecodecs.zlib_encode, "lzw": imagecodecs.lzw_encode, "zstd": imagecodecs.zstd_encode}
    encode = codecs[codec]
    bomb = encode(np.zeros(20_000_000, np.uint8).tobytes())
    tifffile.imwrite(path, iter([bomb]), shape=(20, 30), dtype=np.uint8, compression=codec, rowsperstrip=20)
    with open_image(path) as image:
        tracemalloc.start()
        try:
            np.testing.assert_array_equal(image.read(), np.zeros((20, 30)))
        except ImageReadError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < len(bomb) + 5_000_000


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_is_read_by_many_threads(compression, tmp_path):
    """Regions read by many threads at once are right."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, metadata={"axes": "ZYX"}, compression=compression, rowsperstrip=7)
    regions = [(slice(z, z + 2), slice(y, y + 9), slice(0, 50)) for z in range(5) for y in range(30)]
    with open_image(path) as image, ThreadPoolExecutor(8) as pool:
        for region, pixels in zip(regions, pool.map(image.read, regions), strict=True):
            np.testing.assert_array_equal(pixels, STACK[region])


# Size of a pixel ----------------------------------------------------------------------------------------

UM = "micrometer"
SIZES = {
    "imagej": (
        {"imagej": True, "resolution": (2, 4), "metadata": {"axes": "ZYX", "unit": "um", "spacing": 1.5}},
        {"x": 0.5, "y": 0.25, "z": 1.5},
        {"x": UM, "y": UM, "z": UM},
    ),
    "imagej micro sign": (
        {"imagej": True, "resolution": (2, 4), "metadata": {"axes": "ZYX", "unit": "\\u00B5m"}},
        {"x": 0.5, "y": 0.25},
        {"x": UM, "y": UM},
    ),
    "imagej time": (
        {"imagej": True, "metadata": {"axes": "TYX", "unit": "pixel", "finterval": 240}},
        {"t": 240},
        {"t": "second"},
    ),
    "imagej units of their own": (
        {
            "imagej": True,
            "resolution": (2, 4),
            "metadata": {
                "axes": "TZYX",
                "unit": "nm",
                "yunit": "\\u00B5m",
                "zunit": "mm",
                "spacing": 3,
                "tunit": "ms",
                "finterval": 5,
            },
        },
        {"x": 0.5, "y": 0.25, "z": 3, "t": 5},
        {"x": "nanometer", "y": UM, "z": "millimeter", "t": "millisecond"},
    ),
    "ome angstrom": (
        {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 4, "PhysicalSizeXUnit": "Å"}},
        {"x": 4},
        {"x": "angstrom"},
    ),
    "imagej no unit": ({"imagej": True, "resolution": (2, 4), "metadata": {"axes": "ZYX", "spacing": 2}}, {}, {}),
    "ome": (
        {
            "ome": True,
            "metadata": {
                "axes": "ZYX",
                "PhysicalSizeX": 0.5,
                "PhysicalSizeXUnit": "µm",
                "PhysicalSizeY": 250,
                "PhysicalSizeYUnit": "nm",
                "PhysicalSizeZ": 1.5,
            },
        },
        {"x": 0.5, "y": 250, "z": 1.5},
        {"x": UM, "y": "nanometer", "z": UM},
    ),
    "ome time": (
        {"ome": True, "metadata": {"axes": "TYX", "TimeIncrement": 2.5, "TimeIncrementUnit": "min"}},
        {"t": 2.5},
        {"t": "minute"},
    ),
    "ome in pixels": (
        {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel"}},
        {},
        {},
    ),
    "pixels per centimetre": (
        {"resolution": (20000, 40000), "resolutionunit": "CENTIMETER"},
        {"x": 0.5, "y": 0.25},
        {"x": UM, "y": UM},
    ),
    "resolution of 0": ({"resolution": (0, 0), "resolutionunit": "CENTIMETER"}, {}, {}),
    "dots per inch": ({"resolution": (72, 72), "resolutionunit": "INCH"}, {}, {}),
    "nothing": ({}, {}, {}),
}


@pytest.mark.parametrize(("options", "sizes", "units"), SIZES.values(), ids=SIZES)
def test_pixel_size_and_unit_of_tiff_are_read(options, sizes, units, tmp_path):
    """The size of a pixel and its unit, where a file says both."""
    path = tmp_path / "a.tif"
    n_axes = len(options.get("metadata", {}).get("axes", "ZYX"))
    tifffile.imwrite(path, STACK if n_axes == 3 else STACK.reshape(2, 3, 40, 50), **options)
    with open_image(path) as image:
        assert image.pixel_size == pytest.approx(sizes)
        assert image.units == units


# Cut off ------------------------------------------------------------------------------------------------

CUT = {
    "pages": {"metadata": None},
    "pages zlib": {"metadata": None, "compression": "zlib"},
    "named": {"metadata": {"axes": "ZYX"}},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "imagej zlib": {"imagej": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"},
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    "ome zlib": {"ome": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"},
    "tiles": {"tile": (16, 16), "compression": "lzw", "metadata": {"axes": "ZYX"}},
    "bigtiff": {"bigtiff": True, "metadata": {"axes": "ZYX"}},
}


@pytest.mark.parametrize("options", CUT.values(), ids=CUT)
def test_tiff_cut_off_anywhere_loses_nothing_unnoticed(options, tmp_path):
    """Wherever a file is cut, opening it fails, or nothing is lost: never fewer pages or other axes."""
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    tifffile.imwrite(whole, STACK[:3], photometric="minisblack", **options)
    data = whole.read_bytes()
    with open_image(whole) as image:
        axes = image.axes
    sizes = {*np.linspace(1, len(data) - 1, 60, dtype=int), *range(len(data) - 20, len(data))}
    failed = 0
    for size in sizes:
        cut.write_bytes(data[:size])
        try:
            with open_image(cut) as image:
                assert image.axes == axes
                np.testing.assert_array_equal(image.read(), STACK[:3])
        except ImageReadError:
            failed += 1
    assert failed >= 45


def test_pixels_beyond_the_end_are_an_error_when_opening(tmp_path):
    """'a.tif' as TIFF: the file is cut off: it should have 4,256 bytes at least, and has 3,000."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0])
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ImageReadError, match=r"a\.tif' as TIFF: .*cut off.* has 3,000"):
        open_image(path)


def test_remarks_of_tifffile_are_not_printed(tmp_path):
    """tifffile's remarks about a damaged file do not reach stderr."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes()[:9000])
    code = (
        "import sys; from napari_batch_prediction.locations.inputs import open_image\n"
        "try: open_image(sys.argv[1])\nexcept OSError: pass"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_remarks_reach_who_listens(tmp_path, caplog):
    """A program that collects log messages gets tifffile's."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes()[:9000])
    with caplog.at_level(logging.ERROR, "tifffile"), pytest.raises(ImageReadError):
        open_image(path)
    assert "invalid page offset" in caplog.text


SAMPLES = {
    "RGB": ("rgb", 3, {}, ("red", "green", "blue")),
    "RGB and alpha": ("rgb", 4, {}, ("red", "green", "blue", "alpha")),
    "grey and alpha": ("minisblack", 2, {"extrasamples": ["unassalpha"]}, ("grey", "alpha")),
    "three greys": ("minisblack", 3, {}, ()),
    "inks": ("separated", 4, {}, ("cyan", "magenta", "yellow", "black")),
    "more inks": ("separated", 5, {}, ()),
    "Lab": ("cielab", 3, {}, ("L", "a", "b")),
    "stored YCbCr": ("ycbcr", 3, {"compression": "zlib"}, ("Y", "Cb", "Cr")),
    "decoded YCbCr": ("ycbcr", 3, {"compression": "jpeg"}, ("red", "green", "blue")),
}


@pytest.mark.parametrize(("photometric", "n", "said", "names"), SAMPLES.values(), ids=SAMPLES)
def test_samples_are_named_as_the_file_says(photometric, n, said, names, tmp_path):
    """Samples of a pixel have the names of what they are; not all are red, green and blue."""
    path = tmp_path / "a.tif"
    pixels = RANDOM.integers(0, 255, (32, 48, n), np.uint8)
    tifffile.imwrite(path, pixels, photometric=photometric, planarconfig="contig", metadata=None, **said)
    with open_image(path) as image:
        assert (image.axes, image.channel_names) == ("yxc", names)
        np.testing.assert_array_equal(image.read(), tifffile.imread(path))
