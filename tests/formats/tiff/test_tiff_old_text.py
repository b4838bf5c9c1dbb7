"""Text in TIFF files that no longer fits their pages: what is there is read, with a warning."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ome_files import image_xml, text, write_pages

from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.locations.inputs import open_image

PAGES = np.random.default_rng(0).integers(0, 256, (6, 20, 30), np.uint8)


def imagej(**said) -> str:
    return "ImageJ=1.54f\n" + "".join(f"{key}={value}\n" for key, value in said.items())


def shaped(axes: str | None, *shape: int) -> str:
    return f'{{"shape": {[*shape]}' + (f', "axes": "{axes}"' if axes else "") + "}"


def ome(n_z=1, n_t=1, n_c=1, size=(20, 30), data='<TiffData IFD="0" PlaneCount="{n}"/>') -> str:
    body = image_xml([], size, channels=[f"c{i}" for i in range(n_c)], n_z=n_z, n_t=n_t)
    return text(body.replace("</Pixels>", f"{data.format(n=n_z * n_t * n_c)}</Pixels>"))


# Text, number of pages, axes, extents before those of a page, and the origin of the axes.
STALE = {
    "imagej fewer": (imagej(images=5, frames=5), 3, "tyx", (3,), "file"),
    "imagej fewer z": (imagej(images=5, slices=5, unit="um"), 3, "zyx", (3,), "file"),
    "imagej fewer channels": (imagej(images=3, channels=3), 2, "cyx", (2,), "file"),
    "imagej one": (imagej(images=5, frames=5), 1, "yx", (), "file"),
    "imagej more": (imagej(images=3, slices=3), 5, "zyx", (5,), "file"),
    "imagej fewer frames of channels": (imagej(images=6, channels=2, frames=3), 4, "tcyx", (2, 2), "file"),
    "imagej that does not divide": (imagej(images=6, channels=2, frames=3), 5, "tyx", (5,), "guess"),
    "shaped fewer": (shaped("ZYX", 5, 20, 30), 3, "zyx", (3,), "file"),
    "shaped more": (shaped("TYX", 2, 20, 30), 5, "tyx", (5,), "file"),
    "shaped one": (shaped("ZYX", 5, 20, 30), 1, "yx", (), "file"),
    "shaped without axes": (shaped(None, 5, 20, 30), 3, "tyx", (3,), "guess"),
    "shaped two axes": (shaped("TCYX", 3, 2, 20, 30), 4, "tcyx", (2, 2), "file"),
    "shaped of another size": (shaped("ZYX", 3, 10, 30), 3, "zyx", (3,), "file"),
    "ome fewer t": (ome(n_t=5), 3, "tyx", (3,), "file"),
    "ome fewer z": (ome(n_z=5), 3, "zyx", (3,), "file"),
    "ome one": (ome(n_z=5), 1, "yx", (), "file"),
    "ome more z": (ome(n_z=3), 5, "zyx", (5,), "file"),
    "ome two axes": (ome(n_t=3, n_c=2), 4, "tcyx", (2, 2), "file"),
    "ome with a rest": (ome(n_t=3, n_c=2), 5, "tcyx", (2, 2), "file"),
    "ome of another size": (ome(n_z=3, size=(10, 30)), 3, "zyx", (3,), "file"),
    "ome without a list": (ome(n_z=5, data=""), 3, "zyx", (3,), "file"),
    "ome for one page": (ome(), 3, "tyx", (3,), "guess"),
    "ome that is cut": (ome(n_z=3).replace("</Pixels>", ""), 3, "tyx", (3,), "guess"),
}


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("name", STALE)
def test_pages_are_read_though_the_text_has_others(name, compression, tmp_path):
    """Axes are kept as far as the pages go; else their meaning is a guess; there is a warning either way."""
    said, n_pages, axes, lead, known = STALE[name]
    path = tmp_path / "a.tif"
    write_pages(path, PAGES[:n_pages], said, compression=compression)
    with open_image(path) as image:
        assert (image.axes, image.axes_known, image.shape) == (axes, known, (*lead, 20, 30))
        n_read = int(np.prod(lead))
        np.testing.assert_array_equal(image.read().reshape(n_read, 20, 30), PAGES[:n_read])
        assert len(image.warnings) == 1


@pytest.mark.parametrize("said", [imagej(images=3, channels=3), imagej(images=3, channels=3, mode="composite")])
@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_samples_that_imagej_counts_as_pages_are_channels(said, samples, planar, compression, tmp_path):
    """Bio-Formats and ImageJ count the colours of one page as images: they are its channels, without a warning."""
    path = tmp_path / "a.tif"
    shape = (20, 30, samples) if planar == "contig" else (samples, 20, 30)
    pixels = np.random.default_rng(0).integers(0, 60000, shape, np.uint16)
    extra = {"extrasamples": ["unspecified"]} if samples == 4 else {}
    said = said.replace("=3", f"={samples}")
    tifffile.imwrite(
        path, pixels, photometric="rgb", planarconfig=planar, compression=compression, metadata=None,
        description=said, **extra,
    )  # fmt: skip
    with open_image(path) as image:
        assert (image.axes, image.warnings) == ("yxc" if planar == "contig" else "cyx", ())
        np.testing.assert_array_equal(image.read(), pixels)


def test_colours_in_pages_that_ome_has_as_planes(tmp_path):
    """OME-XML of three channels over pages of three samples is one image of three channels."""
    path = tmp_path / "a.tif"
    pixels = np.stack([PAGES[:3]] * 3, -1)
    write_pages(path, pixels, ome(n_t=3, n_c=3), photometric="rgb")
    with open_image(path) as image:
        assert image.axes == "tyxc"
        np.testing.assert_array_equal(image.read(), pixels)


def test_size_of_a_pixel_survives_an_old_text(tmp_path):
    """What ImageJ says of a pixel still holds when its number of pages does not."""
    path = tmp_path / "a.tif"
    write_pages(path, PAGES[:3], imagej(images=5, slices=5, unit="um", spacing=2.5), resolution=(4, 2))
    with open_image(path) as image:
        assert image.pixel_size == {"z": 2.5, "y": 0.5, "x": 0.25}


def write_in_one_piece(path: Path, n_bytes: int, n_said: int) -> None:
    """Write a stack as ImageJ does if it is too large for a list of pages: one entry, then all pixels."""
    said = imagej(images=n_said, slices=n_said).encode() + b"\0"
    tags = [(256, 4, 1, 30), (257, 4, 1, 20), (258, 3, 1, 8), (262, 3, 1, 1), (270, 2, len(said), 200),
            (273, 4, 1, 200 + len(said)), (277, 3, 1, 1), (278, 4, 1, 20), (279, 4, 1, 600)]  # fmt: skip
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(data.ljust(200, b"\0") + said + PAGES.tobytes()[:n_bytes])


def test_stack_in_one_piece_is_read_or_cut_off(tmp_path):
    """With bytes after the first page, a stack in one piece that ends early is cut off; without, its text is old."""
    path = tmp_path / "a.tif"
    write_in_one_piece(path, 3600, 6)
    with open_image(path) as image:
        assert (image.axes, image.warnings) == ("zyx", ())
        np.testing.assert_array_equal(image.read(), PAGES)
    write_in_one_piece(path, 3500, 6)
    with pytest.raises(ImageReadError, match="cut off"):
        open_image(path)
    write_in_one_piece(path, 600, 6)
    with open_image(path) as image:
        assert len(image.warnings) == 1
        np.testing.assert_array_equal(image.read(), PAGES[0])
    write_in_one_piece(path, 600, 2**23)
    with pytest.raises(ImageReadError, match="cut off"):
        open_image(path)
