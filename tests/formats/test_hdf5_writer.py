"""HDF5 files from tiles: whatever the tiles, their order and the threads, the file is the same."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_batch_prediction.errors import ExportError, OutputExistsError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format

FORMATS = ("hdf5", "compressed hdf5")

ARRAYS = {
    "2D": ("yxc", (700, 401, 2), "float32"),
    "one chunk": ("yxc", (30, 41, 3), "float32"),
    "channels first": ("cyx", (3, 400, 500), "float32"),
    "volume": ("zyxc", (40, 64, 64, 2), "float32"),
    "labels": ("yxc", (900, 900, 1), "uint8"),
    "time series": ("tyxc", (3, 401, 390, 2), "float32"),
    "all axes in another order": ("xctzy", (60, 2, 2, 50, 70), "float32"),
}


def some_values(shape: tuple[int, ...], dtype: str) -> NDArray:
    rng = np.random.default_rng(0)
    return (rng.integers(0, 50, shape) / (50 if dtype == "float32" else 1)).astype(dtype)


def random_tiles(shape: tuple[int, ...], rng: np.random.Generator) -> list[tuple[slice, ...]]:
    """Cut every axis at a few random places."""

    def parts(extent: int) -> Iterator[slice]:
        cuts = sorted({0, extent, *rng.integers(extent, size=rng.integers(4)).tolist()})
        yield from (slice(a, b) for a, b in pairwise(cuts))

    tiles = list(product(*(list(parts(extent)) for extent in shape)))
    rng.shuffle(tiles)
    return tiles


def write(path: Path, form: str, values: NDArray, axes: str, tiles: list[tuple[slice, ...]]) -> bytes:
    target = Target(path, axes, values.shape, values.dtype, value_range=(0.0, 1.0), replace=True)
    writer = find_format(form).writer(target)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda tile: writer.write(tile, values[tile]), tiles))
    assert not path.exists() or path.stat().st_size == 0
    writer.finish()
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("axes", "shape", "dtype"), ARRAYS.values(), ids=ARRAYS)
def test_tiles_in_any_order_from_threads_give_the_same_file(tmp_path, form, axes, shape, dtype):
    """Any tiles in any order from several threads give the values, and the same file byte for byte."""
    values = some_values(shape, dtype)
    files = set()
    for seed in range(6):
        tiles = random_tiles(shape, np.random.default_rng(seed))
        path = tmp_path / f"{seed}.h5"
        files.add(write(path, form, values, axes, tiles))
        with h5py.File(path) as file:
            np.testing.assert_array_equal(file["exported_data"], values)
    assert len(files) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{seed}.h5" for seed in range(6)]


@pytest.mark.parametrize("form", FORMATS)
def test_dataset_and_attributes_are_those_of_ilastik(tmp_path, form):
    """Dataset, attributes, labels, chunks, compression: as in ilastik's files."""
    values = some_values((400, 400, 2), "float32")
    path = tmp_path / "a.h5"
    write(path, form, values, "yxc", [(slice(0, 400), slice(0, 400), slice(0, 2))])
    with h5py.File(path) as file:
        assert list(file) == ["exported_data"]
        dataset = file["exported_data"]
        assert [dimension.label for dimension in dataset.dims] == ["y", "x", "c"]
        assert dataset.chunks == (358, 357, 1)
        assert dataset.compression == ("gzip" if form == "compressed hdf5" else None)
        assert dataset.compression_opts == (1 if form == "compressed hdf5" else None)
        assert not dataset.shuffle
        assert set(dataset.attrs) == {"DIMENSION_LABELS", "axistags", "display_mode", "drange"}
        assert dataset.attrs["display_mode"] == "grayscale"
        assert dataset.attrs["drange"].tolist() == [0, 1]
        assert dataset.attrs["drange"].dtype == np.float32
        assert [tag["key"] for tag in json.loads(dataset.attrs["axistags"])["axes"]] == ["y", "x", "c"]


def test_pixel_sizes_and_units_are_written_where_known(tmp_path):
    """Pixel sizes and units are written where known; the range is left out where it is not; the dataset's name."""
    path = tmp_path / "a.h5"
    target = Target(
        path,
        "tyxc",
        (1, 3, 4, 1),
        np.dtype(np.uint8),
        pixel_size={"t": 240.0, "y": 0.5, "x": 0.25},
        units={"y": "um", "x": "um"},
        internal_path="volume/data",
    )
    writer = find_format("hdf5").writer(target)
    writer.write(tuple(slice(0, n) for n in target.shape), np.ones(target.shape, np.uint8))
    writer.finish()
    with h5py.File(path) as file:
        attributes = file["volume/data"].attrs
        sizes = {tag["key"]: tag["resolution"] for tag in json.loads(attributes["axistags"])["axes"]}
        assert sizes == {"t": 240, "y": 0.5, "x": 0.25, "c": 0}
        assert json.loads(attributes["axis_units"]) == {"t": "", "y": "um", "x": "um"}
        assert "drange" not in attributes


def small(path: Path, *, replace: bool = False) -> tuple[Target, NDArray, tuple[slice, ...]]:
    target = Target(path, "yx", (4, 5), np.dtype(np.float32), replace=replace)
    return target, np.ones((4, 5), np.float32), (slice(0, 4), slice(0, 5))


def test_nothing_before_the_first_write(tmp_path):
    """No folder and no file appear before there is something to write, nor after an abort."""
    target, values, everything = small(tmp_path / "new" / "a.h5")
    writer = find_format("hdf5").writer(target)
    writer.abort()
    assert list(tmp_path.iterdir()) == []
    writer.write(everything, values)
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".part"]
    writer.abort()
    assert list((tmp_path / "new").iterdir()) == []


def test_file_with_a_part_missing_never_gets_its_name(tmp_path):
    """A file of which a part is missing never gets its name."""
    target, values, _ = small(tmp_path / "a.h5")
    writer = find_format("hdf5").writer(target)
    writer.write((slice(0, 2), slice(0, 5)), values[:2])
    with pytest.raises(ExportError, match=r"a\.h5 is not whole: 0 of 1 chunks came"):
        writer.finish()
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_file_that_appears_meanwhile_is_kept_unless_it_may_be_replaced(tmp_path):
    """A file that appears during the run is kept, unless it may be replaced."""
    path = tmp_path / "a.h5"
    for replace, expected in ((False, b"theirs"), (True, None)):
        target, values, everything = small(path, replace=replace)
        writer = find_format("hdf5").writer(target)
        writer.write(everything, values)
        path.write_bytes(b"theirs")
        if replace:
            writer.finish()
        else:
            with pytest.raises(OutputExistsError, match="appeared while it was being computed"):
                writer.finish()
        writer.abort()
        assert list(tmp_path.iterdir()) == [path]
        assert expected is None or path.read_bytes() == expected
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["exported_data"], values)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    """A file in the place of a folder is an ExportError that names the folder."""
    (tmp_path / "taken").write_text("a file")
    target, values, everything = small(tmp_path / "taken" / "a.h5")
    with pytest.raises(ExportError, match=r"folder .*taken cannot be made"):
        find_format("hdf5").writer(target).write(everything, values)


def test_longest_name_of_a_file_is_written(tmp_path):
    """A name of 255 bytes, the most that file systems take, is written: the temporary one is no longer."""
    path = tmp_path / ("é" * 126 + ".h5")
    target, values, everything = small(path)
    writer = find_format("hdf5").writer(target)
    writer.write(everything, values)
    writer.finish()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
