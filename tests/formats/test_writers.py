"""Every format, from random tiles of several threads, read back by programs that are not this one."""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorstore
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image
from tilings import some_values, write_tiles

from napari_batch_prediction.axes import extents, reorder
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.format import FLOATS, INTEGERS, ExportFormat
from napari_batch_prediction.formats.registry import IMAGE_FORMATS, find_format, format_problem

ALL = (*INTEGERS, *FLOATS)

ARRAYS = {
    "yx": (61, 45),
    "yxc": (61, 45, 3),
    "cyx": (2, 300, 170),
    "zyxc": (7, 80, 90, 2),
    "tyxc": (3, 61, 45, 1),
    "xctzy": (60, 2, 2, 5, 70),
    "tzyxc": (2, 1, 50, 40, 3),
    "zyx": (1, 60, 40),
    "yxz": (40, 1, 6),
}


def read_h5(path: Path, axes: str, shape: tuple[int, ...]) -> NDArray:
    with h5py.File(path) as file:
        return file["exported_data"][()]


def read_zarr(path: Path, axes: str, shape: tuple[int, ...]) -> NDArray:
    return reorder(zarr.open_array(str(path / "s0"), mode="r")[...], "tczyx", axes)


def read_n5(path: Path, axes: str, shape: tuple[int, ...]) -> NDArray:
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path / "exported_data")}}
    return tensorstore.open(spec).result().read().result().T


def read_ome_tiff(path: Path, axes: str, shape: tuple[int, ...]) -> NDArray:
    """The whole five-dimensional array, as OME-XML in the file says."""
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].kind == "ome"
        full = tif.series[0].asarray(squeeze=False)
        assert tif.series[0].get_axes(squeeze=False) == "TZCYXS"
        return reorder(full[..., 0], "tzcyx", axes)


def read_picture(path: Path, axes: str, shape: tuple[int, ...]) -> NDArray:
    """Rows and columns are the extended axes in the order t z y x, then channels if there are several."""
    tiff = path.suffix in (".tif", ".tiff")
    if tiff:
        found = tifffile.imread(path)
    elif path.suffix == ".png":  # Pillow has no colours of 16 bits
        from imagecodecs import png_decode

        found = png_decode(path.read_bytes())
    elif path.suffix in (".pnm", ".ppm") and extents(axes, shape)["c"] == 3:
        found = pnm_colours(path)
    elif path.suffix == ".hdr":
        from imagecodecs import rgbe_decode

        found = rgbe_decode(path.read_bytes())
    else:
        with Image.open(path) as image:
            found = np.asarray(image.convert("L") if path.suffix == ".gif" else image)
    n = extents(axes, shape)
    long = [key for key in "tzyx" if n[key] > 1]
    stored = "".join(long) + ("c" if n["c"] > 1 else "")
    return reorder(found.reshape([n[key] for key in stored]), stored, axes)


def pnm_colours(path: Path) -> NDArray:
    kind, size, largest, data = path.read_bytes().split(b"\n", 3)
    columns, rows = map(int, size.split())
    assert kind == b"P6"
    return np.frombuffer(data, ">u2" if int(largest) > 255 else "u1").reshape(rows, columns, 3)


READERS = {
    "hdf5": read_h5,
    "compressed hdf5": read_h5,
    "numpy": lambda path, axes, shape: np.load(path, allow_pickle=False),
    "single-scale OME-Zarr": read_zarr,
    "multi-scale OME-Zarr": read_zarr,
    "n5": read_n5,
    "compressed n5": read_n5,
    "multipage tiff": read_ome_tiff,
}

LOSSY = ("jpg", "jpeg", "hdr")


def target(form: ExportFormat, folder: Path, axes: str, values: NDArray, **more: object) -> Target:
    return Target(folder / f"a{form.extension}", axes, values.shape, values.dtype, value_range=(0, 50), **more)


def read(form: ExportFormat, paths: tuple[Path, ...], axes: str, shape: tuple[int, ...]) -> NDArray:
    if form.slices is None:
        return READERS.get(form.name, read_picture)(paths[0], axes, shape)
    axis = next(i for i, n in enumerate(shape) if len(paths) == n and one_slice(form, axes, shape, i))
    part = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return np.concatenate([read(form.slices, (path,), axes, part) for path in paths], axis)


def one_slice(form: ExportFormat, axes: str, shape: tuple[int, ...], axis: int) -> bool:
    part = tuple(1 if i == axis else n for i, n in enumerate(shape))
    return (
        format_problem(form.slices, axes, part, np.dtype("uint8" if "uint8" in form.slices.dtypes else "float32"))
        is None
    )


CASES = [
    (form.name, axes, dtype)
    for form in IMAGE_FORMATS
    for axes, shape in ARRAYS.items()
    for dtype in ALL
    # Every type in one order, and every order in the two types that matter most.
    if (axes in ("yxc", "zyxc") or dtype in ("uint8", "float32"))
    and format_problem(form, axes, shape, np.dtype(dtype)) is None
]


@pytest.mark.parametrize(("name", "axes", "dtype"), CASES)
def test_values_type_and_axes_of_every_format_come_back(tmp_path, name, axes, dtype):
    """Values, type and axes come back, and nothing else is in the folder."""
    form = find_format(name)
    values = some_values(ARRAYS[axes], dtype)
    writer = form.writer(target(form, tmp_path, axes, values))
    write_tiles(writer, values)
    assert not any(path.exists() for path in writer.paths)
    writer.finish()
    writer.abort()
    assert sorted(tmp_path.iterdir()) == sorted(writer.paths)
    assert writer.paths == form.files(tmp_path / f"a{form.extension}", axes, values.shape)
    found = read(form, writer.paths, axes, values.shape)
    assert found.dtype.newbyteorder("=") == (values.dtype if values.dtype != np.bool_ else np.uint8)
    if name.removesuffix(" sequence") in LOSSY:
        # JPEG changes noise; RGBE has 8 bits for the three numbers of a pixel.
        np.testing.assert_allclose(found, values, atol=20 if dtype == "uint8" else 0.01)
    else:
        np.testing.assert_array_equal(found, values)


def test_every_format_is_tried():
    """No format is without a case."""
    assert {form.name for form in IMAGE_FORMATS} == {name for name, _, _ in CASES}


LARGE = {"yxc": (2100, 1500, 3), "zyxc": (40, 300, 301, 2)}


def digest(paths: tuple[Path, ...]) -> str:
    """A hash of all files and their names below."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(p for p in [path, *path.rglob("*")] if p.is_file()):
            found.update(str(file.relative_to(path)).encode() + file.read_bytes())
    return found.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "axes"),
    [
        (form.name, axes)
        for form in IMAGE_FORMATS
        for axes in LARGE
        if not format_problem(form, axes, LARGE[axes], np.dtype("f4"))
    ],
)
def test_same_bytes_whatever_the_tiles_and_threads(tmp_path, name, axes):
    """An image of many chunks gives the same bytes whatever the tiles, their order and the threads."""
    form = find_format(name)
    values = some_values(LARGE[axes], "float32")
    found = set()
    for seed in range(2):
        folder = tmp_path / str(seed)
        writer = form.writer(target(form, folder, axes, values, metadata={"made by": "a test"}))
        write_tiles(writer, values, seed)
        writer.finish()
        writer.abort()
        found.add(digest(writer.paths))
        if name.removesuffix(" sequence") not in LOSSY:
            np.testing.assert_array_equal(read(form, writer.paths, axes, values.shape), values)
    assert len(found) == 1
