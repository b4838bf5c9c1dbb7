"""Files that cannot be read: every one is an ImageReadError with its name, what was expected and what to do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from napari_batch_prediction.errors import AxesError, ImageReadError, SettingsError
from napari_batch_prediction.images.base import reading
from napari_batch_prediction.locations.inputs import open_image

PIXELS = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)


def text(path: Path) -> None:
    path.write_text("This is no image.\n" * 20)


def cut(share: float) -> Callable[[Path], None]:
    """Write a picture, and keep only a share of its bytes."""

    def write(path: Path) -> None:
        if path.suffix == ".npy":
            np.save(path, PIXELS)
        elif path.suffix == ".h5":
            with h5py.File(path, "w") as file:
                file["data"] = PIXELS
        elif path.suffix == ".tif":
            tifffile.imwrite(path, PIXELS)
        else:
            PillowImage.fromarray(PIXELS).save(path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return write


def array(pixels: np.ndarray) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        np.save(path, pixels)

    return write


def npy(shape: object) -> Callable[[Path], object]:
    """Write a header of NumPy with this shape, and some bytes."""
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return bytes_of(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(5000))


def cmyk(path: Path) -> None:
    PillowImage.fromarray(PIXELS).convert("CMYK").save(path)


class Bad(NamedTuple):
    name: str
    make: Callable[[Path], object]
    message: str


def bytes_of(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


AT_OPEN = [
    Bad("missing.tif", lambda path: None, "There is no file"),
    Bad("folder.tif", Path.mkdir, r"is a folder, expected a file\..*\*\.tif"),
    Bad("empty.tif", Path.touch, "is empty: it has 0 bytes"),
    Bad("text.tif", text, "as TIFF: it is not a TIFF file"),
    Bad("text.h5", text, "as HDF5: it is not an HDF5 file"),
    Bad("text.npy", text, "as NumPy: it is not a NumPy file"),
    Bad("text.png", text, "is not a PNG, JPEG, BMP, GIF, PNM or HDR file"),
    Bad("text.txt", text, r"extension '\.txt', which is not known.*\.tif, .*\.h5, .*\.png.*\.npy"),
    Bad("no extension", text, "extension ''"),
    Bad("header only.png", cut(0.003), "as PNG"),
    Bad("cut.tif", cut(0.5), "cut off"),
    Bad("cut.h5", cut(0.5), r"as HDF5: the file is cut off: it should have [\d,]+ bytes, and has [\d,]+\. "),
    Bad("cut.npy", cut(0.5), "as NumPy"),
    Bad("cut.gif", cut(0.5), "as GIF"),
    Bad("cut.bmp", cut(0.7), r"cut off: by its header it should have 5,878 bytes, and has 4,114\."),
    Bad("no size.hdr", bytes_of(b"#?RADIANCE\n\n+X 3 +Y 2\n"), "no line such as '-Y 100"),
    Bad("cut.pgm", bytes_of(b"P5 4 4 255 12"), "cut off"),
    Bad("no number.ppm", bytes_of(b"P6 4 x"), "where a number is expected"),
    Bad("too many grey values.pgm", bytes_of(b"P5 4 4 65536 "), "0 to 65536"),
    Bad("no frame.gif", bytes_of(b"GIF89a\1\0\1\0\0\0\0;"), "no frame"),
    Bad("cmyk.jpg", cmyk, "has CMYK pixels. Expected grey or RGB"),
    Bad("objects.npy", array(np.array([[1, "a"]], object)), "Python objects.* Save it as an array of numbers"),
    Bad("complex.npy", array(PIXELS.astype(complex)), "pixels of type complex128. Expected integers or float"),
    Bad("words.npy", array(PIXELS.astype(str)), "pixels of type <U"),
    Bad("times.npy", array(PIXELS.astype("datetime64[s]")), "pixels of type datetime64"),
    Bad("no pixels.npy", array(PIXELS[:0]), "no pixels|empty"),
    Bad("less than no row.npy", npy((-1, 70)), r"holds no pixels: its shape is \(-1, 70\)"),
    Bad("less than nothing twice.npy", npy((-60, -70)), "holds no pixels"),
    Bad("one number.npy", array(PIXELS[0, 0]), "needs 2 to 5 dimensions, got 0"),
    Bad("line.npy", array(PIXELS[0]), "needs 2 to 5 dimensions, got 1"),
    Bad("6d.npy", array(PIXELS[None, None, None, None]), "needs 2 to 5 dimensions, got 6"),
    Bad("n" * 300 + ".tif", lambda path: None, "too long"),
]
AT_READ = [
    Bad("cut.png", cut(0.7), "pixels of .*: the file is cut off"),
    Bad("cut.jpg", cut(0.7), "cut off"),
    Bad("cut at the end.jpg", cut(0.995), "cut off"),
    Bad("cut bits.pbm", bytes_of(b"P4 80 60 12"), "cut off"),
    Bad("cut text.pgm", bytes_of(b"P2 80 60 255 1 2 3"), "pixels of"),
]


@pytest.mark.parametrize("bad", AT_OPEN, ids=lambda bad: bad.name[:30])
def test_damaged_file_is_refused_when_it_is_opened(bad, tmp_path):
    """Opening fails with a reason and the name of the file."""
    path = tmp_path / bad.name
    bad.make(path)
    with pytest.raises(ImageReadError, match=bad.message) as raised:
        open_image(path)
    assert bad.name in str(raised.value)


@pytest.mark.parametrize("bad", AT_READ, ids=lambda bad: bad.name)
def test_damage_of_files_read_as_a_whole_shows_at_each_read(bad, tmp_path):
    """Formats that are read as a whole show their damage at the first read, and at each one after: never as grey."""
    path = tmp_path / bad.name
    bad.make(path)
    with open_image(path) as image:
        assert image.shape == PIXELS.shape
        for _ in range(2):
            with pytest.raises(ImageReadError, match=bad.message) as raised:
                image.read((slice(0, 1), slice(0, 1)))
            assert bad.name in str(raised.value)


@pytest.mark.parametrize("name", ["a.bmp", "a.png", "a.npy"])
def test_dataset_in_a_format_without_datasets_is_refused(name, tmp_path):
    """'a.png' is a PNG file, which has no datasets in it. Leave out '/volume/data'."""
    cut(1)(tmp_path / name)
    with pytest.raises(ImageReadError, match=rf"{re.escape(name)}' is a \w+ file.*Leave out '/volume/data'"):
        open_image(tmp_path / name / "volume" / "data")


@pytest.mark.parametrize("axes", ["zz", "yxq", "c", ""])
def test_axes_that_cannot_be_right_are_refused_for_any_file(axes, tmp_path):
    """Axes that cannot be right are the caller's error, whatever the file."""
    with pytest.raises(AxesError, match="not valid"):
        open_image(tmp_path / "missing.tif", axes)


REGIONS = {
    "too few": (slice(0, 1),),
    "too many": (slice(0, 1), slice(0, 1), slice(0, 1)),
    "outside": (slice(0, 61), slice(0, 1)),
    "before": (slice(-1, 1), slice(0, 1)),
    "empty": (slice(3, 3), slice(0, 1)),
    "steps": (slice(0, 10, 2), slice(0, 1)),
}


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_region_outside_the_image_is_refused(region, tmp_path):
    """A region that is not inside is the caller's error and names the shape."""
    cut(1)(tmp_path / "a.npy")
    with open_image(tmp_path / "a.npy") as image, pytest.raises(SettingsError, match=r"a\.npy.*\(60, 80\)"):
        image.read(region)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.gif", "a.npy", "a.h5"])
def test_read_after_close_is_refused(name, tmp_path):
    """A closed image says so."""
    cut(1)(tmp_path / name)
    image = open_image(tmp_path / name)
    image.read()
    image.close()
    with pytest.raises(SettingsError, match="is closed"):
        image.read()


def test_image_that_takes_all_memory_is_not_called_damaged():
    """A decoder that gets no memory says nothing of the file."""
    with pytest.raises(ImageReadError, match=r"takes more memory than there is") as raised, reading("pixels"):
        raise MemoryError
    assert "whole" not in str(raised.value)
