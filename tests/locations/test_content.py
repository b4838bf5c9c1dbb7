"""Files whose name says another format than they have: read by their content, or refused by what they are."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from napari_batch_prediction import open_image
from napari_batch_prediction.errors import ImageReadError

PIXELS = np.random.default_rng(2).integers(0, 255, (20, 30), np.uint8)


def pillow(kind: str) -> Callable[[Path], object]:
    return lambda path: Pillow.fromarray(PIXELS).save(path, format=kind)


def hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["volume/data"] = PIXELS


def numpy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, PIXELS)


def npz(path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, PIXELS)
    path.write_bytes(content.getvalue())


def tiff(path: Path) -> None:
    content = io.BytesIO()
    tifffile.imwrite(content, PIXELS)
    path.write_bytes(content.getvalue())


def pnm(path: Path) -> None:
    path.write_bytes(b"P5 30 20 255\n" + PIXELS.tobytes())


CONTENTS = {
    "TIFF": tiff,
    "HDF5": hdf5,
    "NumPy": numpy,
    "NPZ": npz,
    "PNM": pnm,
    "PNG": pillow("PNG"),
    "BMP": pillow("BMP"),
    "GIF": pillow("GIF"),
}
NAMES = ("a.tif", "a.png", "a.h5", "a.npy", "a.npz", "a.lsm", "a.pgm", "a.dat", "a")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", CONTENTS)
def test_file_under_a_wrong_name_is_read_by_its_content(content, name, tmp_path):
    """Every format under the name of every other, under one that is not known, and under none."""
    CONTENTS[content](tmp_path / name)
    with open_image(tmp_path / name) as image:
        np.testing.assert_array_equal(image.read(), PIXELS)


def test_dataset_of_a_file_under_a_wrong_name_is_read(tmp_path):
    """A dataset can be chosen, too."""
    with h5py.File(tmp_path / "a.png", "w") as file:
        file["one"], file["two"] = PIXELS, PIXELS + 1
    with open_image(f"{tmp_path / 'a.png'}/two") as image:
        np.testing.assert_array_equal(image.read(), PIXELS + 1)


REFUSED = {
    "a.tif": (imagecodecs.webp_encode(np.dstack([PIXELS] * 3)), "is a WebP file"),
    "a.png": (b"%PDF-1.7\n" + bytes(99), "is a PDF document"),
    "a.npy": (b"<!DOCTYPE html><title>Not found</title>", "is a web page"),
    "a.h5": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
    "b.tif": (b"ZISRAWFILE" + bytes(99), "is a CZI file"),
    "a.pgm": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "is a JPEG 2000 file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_of_a_format_that_cannot_be_read_is_called_by_it(name, tmp_path):
    """A file of another kind is not called damaged."""
    content, words = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageReadError, match=words) as raised:
        open_image(tmp_path / name)
    assert name in str(raised.value)


def test_damage_is_told_of_the_format_that_the_file_has(tmp_path):
    """A PNG that is cut off and called TIFF is damaged as PNG; a TIFF called TIFF is not looked at again."""
    pillow("PNG")(tmp_path / "a.tif")
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[:20])
    with pytest.raises(ImageReadError, match="as PNG"):
        open_image(tmp_path / "a.tif")
    tiff(tmp_path / "b.tif")
    (tmp_path / "b.tif").write_bytes((tmp_path / "b.tif").read_bytes()[:100])
    with pytest.raises(ImageReadError, match="as TIFF"):
        open_image(tmp_path / "b.tif")


def zipped(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")


@pytest.mark.parametrize("name", ["a.zarr.zip", "a.ome.zarr.zip", "a.zarr", "a.zip", "a.npz", "a"])
@pytest.mark.parametrize("marker", ["zarr.json", ".zgroup", "a.zarr/0/.zarray"])
def test_zipped_zarr_is_to_be_unpacked(marker, name, tmp_path):
    """Whatever its name, and whether or not the folder of the store is in it, it is called what it is."""
    zipped(tmp_path / name, marker, "c/0/0")
    with pytest.raises(ImageReadError, match=rf"{name}' is a zipped Zarr store, which is not read\. Unpack it"):
        open_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.zip", "a.npz"])
def test_zip_without_arrays_is_to_be_unpacked(name, tmp_path):
    """Images in a zip archive are not looked for."""
    zipped(tmp_path / name, "a.tif", "b.tif")
    with pytest.raises(ImageReadError, match=rf"{name}' is a zip archive, which is not read\. Unpack it"):
        open_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif.gz", "a.tif", "a.gzip"])
def test_file_compressed_with_gzip_is_to_be_unpacked(name, tmp_path):
    """A compressed file is called so under any name."""
    (tmp_path / name).write_bytes(gzip.compress(b"II*"))
    with pytest.raises(ImageReadError, match=rf"{name}' is a file compressed with gzip, .* Unpack it"):
        open_image(tmp_path / name)
