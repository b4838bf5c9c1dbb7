"""Pictures: palettes, transparency, frames, bits and text, and the memory that decoding them takes."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from napari_batch_prediction import open_image
from napari_batch_prediction.errors import ImageReadError

RANDOM = np.random.default_rng(5)
INVERTED, HALF = range(255, -1, -1), [i // 2 for i in range(256)]


def bmp(path: Path, numbers: NDArray, bits: int, palette: list[tuple[int, int, int]], *, oldest: bool = False) -> None:
    """Write a BMP of a palette that no program here writes."""
    width = numbers.shape[1]
    per_byte = 8 // bits
    padded = np.zeros((len(numbers), -(-width // per_byte) * per_byte), np.uint8)
    padded[:, :width] = numbers
    bytes_of_rows = sum(padded[:, i::per_byte] << (8 - bits * (i + 1)) for i in range(per_byte)).astype(np.uint8)
    line = (width * bits + 31) // 32 * 4
    pixels = b"".join(row.tobytes().ljust(line, b"\0") for row in bytes_of_rows[::-1])
    colours = b"".join(bytes([b, g, r]) + b"\0" * (not oldest) for r, g, b in palette)
    if oldest:
        header = struct.pack("<IHHHH", 12, width, len(numbers), 1, bits)
    else:
        sizes = len(pixels), 2835, 2835, len(palette), 0
        header = struct.pack("<IiiHHIIiiII", 40, width, len(numbers), 1, bits, 0, *sizes)
    start = 14 + len(header) + len(colours)
    path.write_bytes(struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + colours + pixels)


PALETTES = {
    "8 bits in order": (8, range(256)),
    "8 bits inverted": (8, INVERTED),
    "8 bits to 127": (8, HALF),
    "8 bits black and white": (8, (0, 255)),
    "8 bits white and black": (8, (255, 0)),
    "8 bits of 100 greys in order": (8, range(100)),
    "4 bits over the range": (4, range(0, 256, 17)),
    "4 bits in order": (4, range(16)),
    "4 bits black and white": (4, (0, 255)),
    "1 bit black first": (1, (0, 255)),
    "1 bit white first": (1, (255, 0)),
    "1 bit of two greys": (1, (7, 90)),
}


@pytest.mark.parametrize("case", PALETTES)
def test_grey_palette_of_a_bmp_is_one_channel(case, tmp_path):
    """However many bits a pixel has, the image has the greys of the palette."""
    bits, greys = PALETTES[case]
    numbers = RANDOM.integers(0, len(greys), (5, 11), np.uint8)
    bmp(tmp_path / "a.bmp", numbers, bits, [(grey, grey, grey) for grey in greys])
    with open_image(tmp_path / "a.bmp") as image:
        assert image.axes == "yx"
        np.testing.assert_array_equal(image.read(), np.array(greys, np.uint8)[numbers])


@pytest.mark.parametrize("greys", [range(256), INVERTED])
def test_grey_palette_of_the_oldest_bmp_is_one_channel(greys, tmp_path):
    """The oldest header, with colours of three bytes, too."""
    numbers = RANDOM.integers(0, 256, (5, 11), np.uint8)
    bmp(tmp_path / "a.bmp", numbers, 8, [(grey, grey, grey) for grey in greys], oldest=True)
    with open_image(tmp_path / "a.bmp") as image:
        np.testing.assert_array_equal(image.read(), np.array(greys, np.uint8)[numbers])


def test_one_colour_in_a_palette_of_a_bmp_makes_rgb(tmp_path):
    """Greys and red: three channels, also where no pixel is red."""
    bmp(tmp_path / "a.bmp", np.array([[0, 1], [1, 0]]), 8, [(9, 9, 9), (50, 50, 50), (255, 0, 0)])
    with open_image(tmp_path / "a.bmp") as image:
        assert image.axes == "yxc"
        np.testing.assert_array_equal(image.read()[..., 0], [[9, 50], [50, 9]])


@pytest.mark.parametrize("transparent", [None, 0, 200])
@pytest.mark.parametrize("n_frames", [1, 3])
def test_transparent_value_of_a_grey_gif_is_a_value(transparent, n_frames, tmp_path):
    """It is a hint for showing: one channel, and the first frame as stored."""
    frames = RANDOM.integers(0, 256, (n_frames, 6, 9), np.uint8)
    first, *others = [Pillow.fromarray(frame).convert("P") for frame in frames]
    options = {} if transparent is None else {"transparency": transparent}
    first.save(tmp_path / "a.gif", save_all=n_frames > 1, append_images=others, disposal=0, **options)
    with open_image(tmp_path / "a.gif") as image:
        assert image.axes == ("tyx" if n_frames > 1 else "yx")
        assert image.shape == (frames.shape if n_frames > 1 else frames.shape[1:])
        pixels = image.read()
        np.testing.assert_array_equal(pixels[0] if n_frames > 1 else pixels, frames[0])


def test_colours_of_a_gif_have_no_alpha(tmp_path):
    """A palette of colours with a transparent one: three channels, and the colour where it is transparent."""
    picture = Pillow.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 255, 0, 9, 9, 9])
    picture.save(tmp_path / "a.gif", transparency=1)
    with open_image(tmp_path / "a.gif") as image:
        assert (image.axes, image.channel_names) == ("yxc", ("red", "green", "blue"))
        np.testing.assert_array_equal(image.read(), [[[255, 0, 0], [0, 255, 0]], [[9, 9, 9], [0, 255, 0]]])


def test_frames_of_a_gif_are_read_in_any_order(tmp_path):
    """More frames than are kept, forwards and backwards, equal those that another library decodes."""
    frames = RANDOM.integers(0, 256, (20, 7, 8), np.uint8)
    first, *others = map(Pillow.fromarray, frames)
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    np.testing.assert_array_equal(imagecodecs.gif_decode((tmp_path / "a.gif").read_bytes())[..., 0], frames)
    with open_image(tmp_path / "a.gif") as image:
        for t in (0, 19, 3, 11, 10, 12, 0):
            np.testing.assert_array_equal(image.read((slice(t, t + 1), slice(0, 7), slice(0, 8)))[0], frames[t])
        np.testing.assert_array_equal(image.read(), frames)


NETPBM = {
    "a.pgm": (b"P5\n# a comment\n3 2\n255\n" + bytes(range(6)), [[0, 1, 2], [3, 4, 5]]),
    "16 bits.pgm": (b"P5 2 1 65535\n\x01\x00\x00\x02", [[256, 2]]),
    "12 bits.pnm": (b"P5 2 1 4095\n\x01\x00\x00\x02", [[256, 2]]),
    "of 100.pgm": (b"P5 2 1 100\n\x07\x64", [[7, 100]]),
    "a.ppm": (b"P6 2 1 255\n" + bytes(range(6)), [[[0, 1, 2], [3, 4, 5]]]),
    "16 bits.ppm": (b"P6 1 1 65535\n\x01\x00\x00\x02\x03\x00", [[[256, 2, 768]]]),
    "text.pgm": (b"P2 2 2 255\n1 2 # a comment\n3\n255\n", [[1, 2], [3, 255]]),
    "text.ppm": (b"P3 1 2 300\n1 2 3 300 5 6", [[[1, 2, 3]], [[300, 5, 6]]]),
    "text.pbm": (b"P1 3 2\n0 1 0\n110", [[255, 0, 255], [0, 0, 255]]),
    "bits.pbm": (b"P4 3 2\n\x40\xc0", [[255, 0, 255], [0, 0, 255]]),
}


@pytest.mark.parametrize("name", NETPBM)
def test_every_kind_of_pnm_is_read(name, tmp_path):
    """Binary and text, bits, greys and colours: the numbers as they are stored."""
    content, expected = NETPBM[name]
    (tmp_path / name).write_bytes(content)
    with open_image(tmp_path / name) as image:
        pixels = image.read()
        assert pixels.dtype == (np.uint16 if np.max(expected) > 255 or "12" in name else np.uint8)
        np.testing.assert_array_equal(pixels, expected)
        np.testing.assert_array_equal(image.read((slice(0, 1), *(slice(0, n) for n in image.shape[1:]))), expected[:1])


def test_hdr_is_read(tmp_path):
    """Colours as float32, as precise as eight bits and an exponent are."""
    pixels = RANDOM.random((5, 7, 3), np.float32) * 100
    (tmp_path / "a.hdr").write_bytes(imagecodecs.rgbe_encode(pixels, header=True))
    with open_image(tmp_path / "a.hdr") as image:
        assert (image.axes, image.dtype, image.channel_names) == ("yxc", np.float32, ("red", "green", "blue"))
        np.testing.assert_allclose(image.read(), pixels, rtol=0.1, atol=0.5)


HUGE = 30_000


def empty_gif(path: Path) -> None:
    path.write_bytes(
        b"GIF89a" + struct.pack("<HHBBB", HUGE, HUGE, 0x80, 0, 0) + bytes(6) + b"," + bytes(4)
        + struct.pack("<HHB", 1, 1, 0) + b"\2\2\x44\1\0;"
    )  # fmt: skip


def empty_png(path: Path) -> None:
    header = struct.pack(">IIBBBBB", HUGE, HUGE, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + bytes(8) + b"IDAT" + bytes(4))


def empty_bmp(path: Path) -> None:
    run_length = 1
    header = struct.pack("<IiiHHIIiiII", 40, HUGE, HUGE, 1, 8, run_length, 0, 0, 0, 0, 0)
    path.write_bytes(struct.pack("<2sIHHI", b"BM", 0, 0, 0, 1078) + header + bytes(1024))


HUGE_PICTURES = {"a.gif": empty_gif, "a.png": empty_png, "a.bmp": empty_bmp}


@pytest.mark.parametrize("name", HUGE_PICTURES)
def test_huge_picture_says_from_its_header_what_decoding_takes(name, tmp_path):
    """A file of a few bytes that claims 900 megapixels is opened, not decoded, and says that it takes their memory."""
    HUGE_PICTURES[name](tmp_path / name)
    with open_image(tmp_path / name) as image:
        assert image.extents["x"] == image.extents["y"] == HUGE
        assert image.decoding.kept + image.decoding.once >= HUGE**2


BMP_SIZES = [(24, 40), (32, 40), (8, 40), (1, 40), (24, 12)]


@pytest.mark.parametrize(("bits", "header_size"), BMP_SIZES)
def test_bmp_that_claims_more_than_it_holds_is_refused_by_its_header(bits, header_size, tmp_path):
    """Uncompressed pixels have a known size, which is compared with that of the file before they are read."""
    colours = bytes(4 * 2**bits if bits <= 8 else 0)
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, HUGE, HUGE, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, HUGE, HUGE, 1, bits, 0, 0, 0, 0, 0, 0)
    start = 14 + len(header) + len(colours)
    (tmp_path / "a.bmp").write_bytes(struct.pack("<2sIHHI", b"BM", 0, 0, 0, start) + header + colours + bytes(999))
    with pytest.raises(ImageReadError, match=rf"a\.bmp' is cut off: .* and has {start + 999:,}"):
        open_image(tmp_path / "a.bmp")


@pytest.mark.parametrize(("missing", "is_whole"), [(2, True), (3, False)])
def test_last_line_of_a_bmp_may_lack_its_filling(missing, is_whole, tmp_path):
    """Lines are filled to a multiple of four; the pixels themselves must be there."""
    pixels = RANDOM.integers(0, 256, (5, 10), np.uint8)
    bmp(tmp_path / "a.bmp", pixels, 8, [(grey, grey, grey) for grey in range(256)])
    content = (tmp_path / "a.bmp").read_bytes()
    (tmp_path / "a.bmp").write_bytes(content[:-missing])
    if is_whole:
        with open_image(tmp_path / "a.bmp") as image:
            np.testing.assert_array_equal(image.read(), pixels)
    else:
        with pytest.raises(ImageReadError, match="cut off"), open_image(tmp_path / "a.bmp") as image:
            image.read()


def test_binary_pnm_takes_no_memory_but_that_of_the_region(tmp_path):
    """Its pixels are read from the file as they are needed."""
    (tmp_path / "a.pgm").write_bytes(b"P5 3 2 255\n" + bytes(6))
    with open_image(tmp_path / "a.pgm") as image:
        assert sum(image.decoding) == 0
