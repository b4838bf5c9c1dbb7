"""Every kind of file that can be read: axes, type, pixels, and regions of them."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage

from napari_batch_prediction.axes import axistags_to_json
from napari_batch_prediction.locations.inputs import open_image


def noise(*shape: int, dtype: str = "uint8") -> NDArray:
    """Return random pixels over the whole range of integers, or 0..1."""
    random = np.random.default_rng(sum(shape))
    if np.dtype(dtype).kind == "f":
        return random.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)


class Case(NamedTuple):
    """A file, and what opening it gives. ``write`` returns the pixels that are expected."""

    name: str
    write: Callable[[Path], NDArray]
    axes: str
    known: str = "file"


def pillow(pixels: NDArray, mode: str | None = None, **options) -> Callable[[Path], NDArray]:
    """Write with Pillow; expected is what Pillow reads back."""

    def write(path: Path) -> NDArray:
        image = PillowImage.fromarray(pixels)
        image = image if mode is None else image.convert(mode)
        image.save(path, **options)
        with PillowImage.open(path) as saved:
            return np.asarray(saved.convert({"P": "RGB", "1": "L"}.get(saved.mode, saved.mode)))

    return write


def pillow_pages(pixels: NDArray, **options) -> Callable[[Path], NDArray]:
    def write(path: Path) -> NDArray:
        first, *others = (PillowImage.fromarray(page) for page in pixels)
        first.save(path, save_all=True, append_images=others, **options)
        return pixels

    return write


def codec(pixels: NDArray, encode: Callable[..., bytes]) -> Callable[[Path], NDArray]:
    def write(path: Path) -> NDArray:
        path.write_bytes(encode(pixels))
        return pixels

    return write


def tiff(pixels: NDArray, **options) -> Callable[[Path], NDArray]:
    """Write with tifffile; it must come back as it is, without extents of 1 that tifffile drops."""

    def write(path: Path) -> NDArray:
        tifffile.imwrite(path, pixels, **options)
        return pixels

    return write


def hdf5(pixels: NDArray, axistags: str | None = None, labels: str = "", **options) -> Callable[[Path], NDArray]:
    def write(path: Path) -> NDArray:
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("volume/data", data=pixels, **options)
            if axistags is not None:
                dataset.attrs["axistags"] = axistags
            for dimension, label in zip(dataset.dims, labels, strict=False):
                dimension.label = label
        return pixels.astype(np.uint8) if pixels.dtype == bool else pixels

    return write


def numpy(pixels: NDArray) -> Callable[[Path], NDArray]:
    def write(path: Path) -> NDArray:
        with path.open("wb") as file:
            np.save(file, pixels)
        return pixels

    return write


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))


def png_by_hand(
    rows: list[bytes], width: int, depth: int, colour_type: int, extra: bytes, expected: list
) -> Callable[[Path], NDArray]:
    """Write a PNG of a kind that no writer here makes."""

    def write(path: Path) -> NDArray:
        header = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
        data = zlib.compress(b"".join(b"\0" + row for row in rows))
        parts = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
        return np.array(expected, np.uint16 if depth == 16 else np.uint8)

    return write


COLOURS = png_chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0]))
RASTER = [
    Case("grey8.png", pillow(noise(20, 30)), "yx"),
    Case("grey16.png", codec(noise(20, 30, dtype="uint16"), imagecodecs.png_encode), "yx"),
    Case("grey1.png", pillow(noise(20, 30) > 99), "yx"),
    Case("grey4.png", png_by_hand([b"\x0f\x80"], 4, 4, 0, b"", [[0, 255, 136, 0]]), "yx"),
    Case("grey alpha8.png", codec(noise(20, 30, 2), imagecodecs.png_encode), "yxc"),
    Case("grey alpha16.png", codec(noise(20, 30, 2, dtype="uint16"), imagecodecs.png_encode), "yxc"),
    Case("rgb8.png", pillow(noise(20, 30, 3)), "yxc"),
    Case("rgb16.png", codec(noise(20, 30, 3, dtype="uint16"), imagecodecs.png_encode), "yxc"),
    Case("rgba8.PNG", pillow(noise(20, 30, 4)), "yxc"),
    Case("rgba16.png", codec(noise(20, 30, 4, dtype="uint16"), imagecodecs.png_encode), "yxc"),
    Case("palette.png", pillow(noise(20, 30, 3), "P"), "yxc"),
    Case(
        "palette with transparency.png",
        png_by_hand([b"\0\1"], 2, 8, 3, COLOURS + png_chunk(b"tRNS", b"\x07"), [[[255, 0, 0, 7], [0, 255, 0, 255]]]),
        "yxc",
    ),
    Case(
        "grey with a transparent value.png",
        png_by_hand([b"\5\6"], 2, 8, 0, png_chunk(b"tRNS", b"\0\6"), [[5, 6]]),
        "yx",
    ),
    Case(
        "grey of 2 bits with a transparent value.png",
        png_by_hand([b"\x1b"], 4, 2, 0, png_chunk(b"tRNS", b"\0\1"), [[0, 85, 170, 255]]),
        "yx",
    ),
    Case(
        "grey16 with a transparent value.png",
        png_by_hand([b"\1\0\2\0"], 2, 16, 0, png_chunk(b"tRNS", b"\1\0"), [[256, 512]]),
        "yx",
    ),
    Case(
        "rgb with a transparent colour.png",
        png_by_hand([bytes(range(1, 7))], 2, 8, 2, png_chunk(b"tRNS", b"\0\1\0\2\0\3"), [[[1, 2, 3], [4, 5, 6]]]),
        "yxc",
    ),
    Case("one row.png", pillow(noise(1, 30)), "yx"),
    Case("grey.jpg", pillow(noise(20, 30)), "yx"),
    Case("rgb.JPEG", pillow(noise(20, 30, 3)), "yxc"),
    Case(
        "turned by exif.jpg",
        pillow(noise(20, 30, 3), exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"),
        "yxc",
    ),
    Case("grey.bmp", pillow(noise(20, 30)), "yx"),
    Case("bilevel.bmp", pillow(noise(20, 30) > 99), "yx"),
    Case("rgb.bmp", pillow(noise(20, 30, 3)), "yxc"),
    Case("palette.bmp", pillow(noise(20, 30, 3), "P"), "yxc"),
    Case("grey.gif", codec(noise(20, 30), imagecodecs.gif_encode), "yx"),
    Case("colour.gif", pillow(noise(20, 30, 3), "P"), "yxc"),
    Case("grey frames.gif", pillow_pages(noise(4, 20, 30)), "tyx"),
    Case("three columns.gif", pillow_pages(noise(4, 20, 3)), "tyx"),
    Case("a JPEG named.png", pillow(noise(20, 30), format="JPEG"), "yx"),
]
TIFF = [
    Case("grey8.tif", tiff(noise(20, 30)), "yx"),
    Case("grey16.TIFF", tiff(noise(20, 30, dtype="uint16")), "yx"),
    Case("int16.tif", tiff(noise(20, 30, dtype="int16")), "yx"),
    Case("uint32.tif", tiff(noise(20, 30, dtype="uint32")), "yx"),
    Case("float32.tif", tiff(noise(20, 30, dtype="float32")), "yx"),
    Case("float64.tif", tiff(noise(20, 30, dtype="float64")), "yx"),
    Case("float16.tif", tiff(noise(20, 30, dtype="float16")), "yx"),
    Case("big-endian.tif", tiff(noise(20, 30, dtype="uint16"), byteorder=">"), "yx"),
    Case("big-endian zlib.tif", tiff(noise(20, 30, dtype="uint16"), byteorder=">", compression="zlib"), "yx"),
    Case("bigtiff.tif", tiff(noise(20, 30), bigtiff=True), "yx"),
    Case("white is zero.tif", tiff(noise(20, 30), photometric="miniswhite"), "yx"),
    Case("rgb.tif", tiff(noise(20, 30, 3), photometric="rgb"), "yxc"),
    Case("rgba.tif", tiff(noise(20, 30, 4), photometric="rgb", extrasamples=["unassalpha"]), "yxc"),
    Case("rgb planar.tif", tiff(noise(3, 20, 30), photometric="rgb", planarconfig="separate"), "cyx"),
    Case("rgb strips lzw.tif", tiff(noise(20, 30, 3), photometric="rgb", rowsperstrip=7, compression="lzw"), "yxc"),
    Case(
        "rgb planar tiles.tif",
        tiff(noise(3, 50, 70), photometric="rgb", planarconfig="separate", tile=(32, 16), compression="zlib"),
        "cyx",
    ),
    Case("tiles.tif", tiff(noise(100, 150), tile=(32, 48)), "yx"),
    Case("tiles zstd.tif", tiff(noise(100, 150, dtype="uint16"), tile=(32, 48), compression="zstd"), "yx"),
    Case("tiles in depth.tif", tiff(noise(7, 50, 70), tile=(2, 32, 48), volumetric=True), "zyx"),
    Case("zlib predictor.tif", tiff(noise(20, 30, dtype="uint16"), compression="zlib", predictor=True), "yx"),
    Case("float predictor.tif", tiff(noise(20, 30, dtype="float32"), compression="zlib", predictor=True), "yx"),
    Case("packbits.tif", tiff(noise(20, 30), compression="packbits"), "yx"),
    Case("lossless jpeg 2000.tif", tiff(noise(64, 80), compression="jpeg2000"), "yx"),
    Case("named zyx.tif", tiff(noise(5, 20, 30), metadata={"axes": "ZYX"}), "zyx"),
    Case("named with z of 1.tif", tiff(noise(1, 20, 30), metadata={"axes": "ZYX"}), "zyx"),
    Case(
        "named tzcyx.tif",
        tiff(noise(2, 3, 4, 20, 30), compression="zlib", metadata={"axes": "TZCYX"}, photometric="minisblack"),
        "tzcyx",
    ),
    Case(
        "planar colours in a stack.tif",
        tiff(
            noise(2, 3, 20, 30),
            photometric="rgb",
            planarconfig="separate",
            compression="zlib",
            metadata={"axes": "ZSYX"},
        ),
        "zcyx",
    ),
    Case("unnamed stack.tif", tiff(noise(5, 20, 30)), "zyx", "guess"),
    Case("pages.tif", tiff(noise(5, 20, 30), metadata=None), "tyx", "guess"),
    Case("pages of Pillow.tif", pillow_pages(noise(5, 20, 30)), "tyx", "guess"),
    Case("pages of Pillow lzw.tif", pillow_pages(noise(5, 20, 30), compression="tiff_lzw"), "tyx", "guess"),
    Case("imagej t.tif", tiff(noise(5, 20, 30), imagej=True, metadata={"axes": "TYX"}), "tyx"),
    Case("imagej z.tif", tiff(noise(5, 20, 30), imagej=True, metadata={"axes": "ZYX"}, compression="zlib"), "zyx"),
    Case(
        "imagej hyperstack.tif",
        tiff(noise(2, 3, 4, 20, 30, dtype="uint16"), imagej=True, metadata={"axes": "TZCYX"}),
        "tzcyx",
    ),
    Case("imagej rgb.tif", tiff(noise(4, 20, 30, 3), imagej=True, metadata={"axes": "ZYXS"}), "zyxc"),
    Case("ome c.ome.tif", tiff(noise(3, 20, 30), metadata={"axes": "CYX"}), "cyx"),
    Case("ome tz.ome.tif", tiff(noise(2, 3, 20, 30), metadata={"axes": "TZYX"}, compression="zlib"), "tzyx"),
    Case("ome rgb.ome.tif", tiff(noise(4, 20, 30, 3), metadata={"axes": "ZYXS"}, photometric="rgb"), "zyxc"),
]
HDF5 = [
    Case("axistags.h5", hdf5(noise(5, 20, 30), axistags_to_json("tyx")), "tyx"),
    Case("axistags xyc.H5", hdf5(noise(20, 30, 3), axistags_to_json("xyc"), chunks=(8, 8, 3)), "xyc"),
    Case("labels.hdf5", hdf5(noise(5, 20, 30), labels="tyx", compression="gzip"), "tyx"),
    Case("labels that are no axes.h5", hdf5(noise(5, 20, 30), labels="abc"), "zyx", "guess"),
    Case("some labels.h5", hdf5(noise(5, 20, 30), labels="ty"), "zyx", "guess"),
    Case("unknown axistags.h5", hdf5(noise(5, 20, 3), axistags_to_json("tyx").replace('"t"', '"?"')), "yxc", "guess"),
    Case("nothing.h5", hdf5(noise(20, 30, dtype="uint16")), "yx", "guess"),
    Case("bool.h5", hdf5(noise(20, 30) > 99), "yx", "guess"),
    Case("5d.h5", hdf5(noise(2, 3, 4, 5, 2, dtype="float32")), "tzyxc", "guess"),
    Case("big-endian.h5", hdf5(noise(20, 30, dtype="uint16").astype(">u2")), "yx", "guess"),
]
NUMPY = [
    Case("2d.npy", numpy(noise(20, 30)), "yx", "guess"),
    Case("3d.npy", numpy(noise(5, 20, 30, dtype="uint16")), "zyx", "guess"),
    Case("colours.NPY", numpy(noise(20, 30, 4)), "yxc", "guess"),
    Case("4d.npy", numpy(noise(5, 20, 30, 2, dtype="float64")), "zyxc", "guess"),
    Case("big-endian.npy", numpy(noise(20, 30, dtype="uint16").astype(">u2")), "yx", "guess"),
    Case("fortran.npy", numpy(np.asfortranarray(noise(5, 20, 30))), "zyx", "guess"),
]
CASES = RASTER + TIFF + HDF5 + NUMPY


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_axes_and_pixels_of_every_format_are_read(case, tmp_path):
    """Axes and how they are known, shape, native type, all pixels, and any region equal to that part of them."""
    path = tmp_path / case.name
    expected = case.write(path)
    with open_image(path) as image:
        assert (image.axes, image.axes_known) == (case.axes, case.known)
        assert image.shape == expected.shape
        assert image.dtype == expected.dtype.newbyteorder("=")
        pixels = image.read()
        assert pixels.dtype == image.dtype
        assert pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, expected)
        random = np.random.default_rng(0)
        for _ in range(15):
            ends = [np.sort(random.choice(n + 1, 2, replace=False)).tolist() for n in image.shape]
            region = tuple(slice(*pair) for pair in ends)
            np.testing.assert_array_equal(image.read(region), expected[region])
        np.testing.assert_array_equal(image.read(), expected)


def test_pixels_are_the_callers_own(tmp_path):
    """Writing into what was read changes neither the file nor what is read next."""
    for case in (RASTER[0], TIFF[0], NUMPY[0]):
        path = tmp_path / case.name
        expected = case.write(path).copy()
        with open_image(path) as image:
            image.read()[:] = 7
            np.testing.assert_array_equal(image.read(), expected)


def test_one_time_point_is_read_as_czyx(tmp_path):
    """One time point in the order c, z, y, x, whatever the order in the file."""
    pixels = noise(2, 3, 4, 20, 30)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": "TZCYX"}, photometric="minisblack")
    with open_image(tmp_path / "a.tif") as image:
        part = image.read_czyx(1, slice(1, 3), slice(5, 9), slice(2, 30))
    np.testing.assert_array_equal(part, pixels[1, 1:3, :, 5:9, 2:30].swapaxes(0, 1))


AXES = {
    "png": (Case("a.png", pillow(noise(20, 30, 3)), ""), "tyx"),
    "npy": (Case("a.npy", numpy(noise(5, 20, 30)), ""), "tyx"),
    "hdf5 axistags": (Case("a.h5", hdf5(noise(5, 20, 30), axistags_to_json("zyx")), ""), "TYX"),
    "hdf5 wrong axistags": (Case("a.h5", hdf5(noise(5, 20, 30), axistags_to_json("yx")), ""), "tyx"),
    "hdf5 no axistags": (Case("a.h5", hdf5(noise(5, 20, 30), "[]"), ""), "tyx"),
    "tiff": (Case("a.tif", tiff(noise(5, 20, 30), metadata={"axes": "ZYX"}), ""), "tyx"),
    "tiff without extents of 1": (Case("a.tif", tiff(noise(1, 5, 1, 20, 30)), ""), "tyx"),
    "tiff with extents of 1": (Case("a.tif", tiff(noise(1, 5, 1, 20, 30)), ""), "ztcyx"),
    "tiff channels and colours": (
        Case("a.ome.tif", tiff(noise(2, 20, 30, 3), metadata={"axes": "CYXS"}, photometric="rgb"), ""),
        "tyxc",
    ),
}


@pytest.mark.parametrize(("case", "axes"), AXES.values(), ids=AXES)
def test_axes_of_the_user_win_over_those_in_the_file(case, axes, tmp_path):
    """Axes that are given win over those in the file, right or wrong."""
    path = tmp_path / case.name
    expected = case.write(path)
    with open_image(path, axes) as image:
        assert (image.axes, image.axes_known) == (axes.lower(), "user")
        assert len(image.shape) == len(axes)
        np.testing.assert_array_equal(image.read(), expected.reshape(image.shape))
