"""Formats by name, and what each can hold."""

import numpy as np
import pytest

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, find_format, format_problem, format_taken

PICTURES = ["tiff", "tif", "png", "jpg", "jpeg", "bmp", "gif", "hdr", "pnm", "ppm", "pgm", "pbm"]
NAMES = [
    "compressed hdf5", "hdf5", "numpy", "single-scale OME-Zarr", "multi-scale OME-Zarr", "compressed n5", "n5",
    "multipage tiff", "multipage tiff sequence", *PICTURES, *(f"{name} sequence" for name in PICTURES),
    "csv", "ilastik csv", "ilastik hdf5", "parquet", "OME-Zarr table",
]  # fmt: skip


def test_formats_have_the_names_of_ilastik():
    """ilastik's names; only Sun raster, DVID and blockwise HDF5 are not written."""
    assert sorted(form.name for form in EXPORT_FORMATS) == sorted(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "HDF5", "Compressed HDF5", " multi-scale ome-zarr"])
def test_names_of_formats_are_found_in_any_case(name):
    """Names are found in any case."""
    assert find_format(name).name.lower() == name.strip().lower()


ALSO = {
    "h5": "compressed hdf5",
    ".h5": "compressed hdf5",
    "hdf": "compressed hdf5",
    "ome-tiff": "multipage tiff",
    "OME.TIF": "multipage tiff",
    "ome_tiff": "multipage tiff",
    "ome-zarr": "multi-scale OME-Zarr",
    "OME Zarr": "multi-scale OME-Zarr",
    "zarr": "multi-scale OME-Zarr",
    "ngff": "multi-scale OME-Zarr",
    "npy": "numpy",
    ".tif": "tif",
    "TIFF": "tiff",
    "ome-tiff sequence": "multipage tiff sequence",
}


@pytest.mark.parametrize(("name", "expected"), ALSO.items())
def test_names_as_people_type_them_are_formats(name, expected):
    """Extensions and common names stand for a format."""
    assert find_format(name).name == expected


def test_no_two_formats_have_a_name_in_common():
    """A name stands for one format."""
    names = [name.lower() for form in EXPORT_FORMATS for name in (form.name, *form.also)]
    assert len(set(names)) == len(names)


def test_format_that_could_be_another_is_told():
    """A name with several meanings says what was taken and what else there is; others say nothing."""
    assert format_taken("zarr") == (
        "The format 'zarr' is taken as 'multi-scale OME-Zarr'; there is also 'single-scale OME-Zarr'."
    )
    assert format_taken("h5") == "The format 'h5' is taken as 'compressed hdf5'; there is also 'hdf5'."
    assert [format_taken(name) for name in ("npy", "HDF5", "multi scale ome-zarr", "nothing")] == [None] * 4


@pytest.mark.parametrize("name", ["jpeg 2000", ""])
def test_unknown_format_is_refused_and_known_ones_are_listed(name):
    """An unknown format is refused and the known ones are listed."""
    with pytest.raises(
        SettingsError, match=r"unknown( \(did you mean 'jpeg'\?\))?. Known are: 'compressed hdf5', 'hdf5'"
    ):
        find_format(name)


PROBLEMS = {
    "float as PNG": (
        "png", "yxc", (9, 9, 3), "float32",
        "The format 'png' cannot hold float32, only uint8 or uint16. Formats that can: compressed hdf5, hdf5, "
        "multipage tiff, tiff, numpy, single-scale OME-Zarr. Or export as another type.",
    ),
    "two channels as PNG": (
        "png", "yxc", (9, 9, 2), "uint8", "The format 'png' cannot hold 2 channels, only 1 or 3. Formats that can:",
    ),
    "volume as PNG": (
        "png", "zyxc", (5, 9, 9, 1), "uint8",
        "The format 'png' cannot hold 3 axes besides channels (z, y, x), only 2. Formats that can: png sequence, ",
    ),
    "volume as TIFF": (
        "tiff", "zyxc", (5, 9, 9, 1), "uint8",
        "The format 'tiff' cannot hold 3 axes besides channels (z, y, x), only 2. Formats that can: multipage tiff, "
        "multipage tiff sequence, tiff sequence, compressed hdf5, hdf5, numpy.",
    ),
    "four axes as slices": (
        "png sequence", "tzyx", (2, 5, 9, 9), "uint8",
        "The format 'png sequence' cannot hold 3 axes besides channels (z, y, x), only 2. Formats that can: comp",
    ),
    "a picture as slices": (
        "png sequence", "yxc", (9, 9, 1), "uint8",
        "The format 'png sequence' needs an axis to make files along, but axes 'yxc' are those of one picture. "
        "Formats that can: png, compressed",
    ),
    "64 bits as OME-TIFF": (
        "multipage tiff", "yx", (9, 9), "uint64",
        "The format 'multipage tiff' cannot hold uint64, only uint8, uint16, uint32, int8, int16, int32, float32 or ",
    ),
    "colours as JPEG": (
        "jpg", "yxc", (9, 9, 3), "uint8", "The format 'jpg' cannot hold 3 channels, only 1. Formats that can: ",
    ),
    "too wide for JPEG": (
        "jpeg", "yx", (9, 70_000), "uint8",
        "The format 'jpeg' cannot hold 70000 pixels along an axis, only 65500. Formats that can: ",
    ),
    "an image as a table": (
        "csv", "yx", (9, 9), "float32",
        "The format 'csv' is for tables and cannot hold an image. Formats that can: compressed hdf5, ",
    ),
    "one channel as HDR": ("hdr", "yx", (9, 9), "float32", "The format 'hdr' cannot hold 1 channel, only 3. "),
}  # fmt: skip


@pytest.mark.parametrize(("name", "axes", "shape", "dtype", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_format_that_cannot_hold_the_output_says_so(name, axes, shape, dtype, message):
    """The sentence says what the format cannot hold, and which can."""
    found = format_problem(find_format(name), axes, shape, np.dtype(dtype))
    assert found is not None
    assert found.startswith(message)


FITTING = {
    "extents of 1 do not count": ("png", "tzyxc", (1, 1, 9, 9, 3), "uint8"),
    "a slice of a volume": ("tiff", "zyxc", (5, 1, 9, 4), "float64"),
    "channels as files": ("png sequence", "cyx", (7, 9, 9), "uint8"),
    "a volume of one slice": ("png sequence", "zyx", (1, 9, 9), "uint8"),
    "everything": ("multipage tiff", "tzyxc", (2, 3, 9, 9, 4), "float32"),
    "everything, 64 bits": ("numpy", "tzyxc", (2, 3, 9, 9, 4), "int64"),
    "time points as OME-TIFF": ("multipage tiff sequence", "tzyxc", (2, 3, 9, 9, 4), "float32"),
}


@pytest.mark.parametrize(("name", "axes", "shape", "dtype"), FITTING.values(), ids=FITTING)
def test_format_that_can_hold_the_output_is_not_refused(name, axes, shape, dtype):
    """What fits is not refused."""
    assert format_problem(find_format(name), axes, shape, np.dtype(dtype)) is None


COMPRESSIONS = {
    "a choice": ("tiff", "lzw", None),
    "the way of the format": ("png", None, None),
    "a sequence": ("tif sequence", "zstd", None),
    "a table": ("csv", "gzip", None),
    "no choice": (
        "png", "gzip", "The format 'png' leaves no choice of compression. Leave it to the format.",
    ),
    "another choice": (
        "tiff", "blosc",
        "The format 'tiff' cannot have the compression 'blosc', only gzip, lzw, zstd or none.",
    ),
    "compressed by name": (
        "compressed hdf5", "none", "The format 'compressed hdf5' cannot have the compression 'none', only gzip.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "compression", "message"), COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_unknown_compression_is_refused_with_those_there_are(name, compression, message):
    """The sentence says which compressions the format has. For tables it does not matter."""
    assert find_format(name).compression_problem(compression) == message


def test_tables_have_no_writer_of_images(tmp_path):
    """A table is made of a whole batch."""
    target = Target(tmp_path / "a.csv", "yx", (9, 9), np.dtype("uint8"))
    with pytest.raises(SettingsError, match=r"a\.csv cannot be written: a table is made of a whole batch"):
        find_format("csv").writer(target)


FILES = {
    "one file": ("png", "a.png", "yxc", (9, 9, 1), {}, ["a.png"]),
    "index at the end": ("png sequence", "a.b.png", "zyx", (3, 9, 9), {}, ["a.b_0.png", "a.b_1.png", "a.b_2.png"]),
    "index inside": ("bmp sequence", "z{slice_index}_a.bmp", "zyx", (2, 9, 9), {}, ["z0_a.bmp", "z1_a.bmp"]),
    "digits as said": ("png sequence", "z{slice_index:04d}.png", "zyx", (1, 9, 9), {"z": 7}, ["z0007.png"]),
    "digits of the largest": ("png sequence", "a.png", "zyx", (2, 9, 9), {"z": 9}, ["a_09.png", "a_10.png"]),
    "channels": ("png sequence", "a.png", "czyx", (2, 1, 9, 9), {"z": 9}, ["a_0.png", "a_1.png"]),
    "time": ("multipage tiff sequence", "a.tiff", "tzyx", (2, 4, 9, 9), {}, ["a_0.tiff", "a_1.tiff"]),
}


@pytest.mark.parametrize(("name", "path", "axes", "shape", "offset", "expected"), FILES.values(), ids=FILES)
def test_files_of_an_output_are_known_before_it_is_written(tmp_path, name, path, axes, shape, offset, expected):
    """The files of an output are known before it is written."""
    found = find_format(name).files(tmp_path / path, axes, shape, offset)
    assert found == tuple(tmp_path / name for name in expected)


@pytest.mark.parametrize("name", [export_format.name for export_format in EXPORT_FORMATS])
def test_format_says_which_program_opens_it(name):
    """Every format says in sentences what it is and what opens it."""
    about = find_format(name).about
    assert about.endswith(".")
    assert "open" in about or "Python" in about
