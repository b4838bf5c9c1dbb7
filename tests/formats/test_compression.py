"""Compression: values come back whatever it is, and the files are compressed as they say."""

import hashlib
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorstore
import tifffile
import zarr
from numpy.typing import NDArray
from tilings import some_values, write_tiles

from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import IMAGE_FORMATS, find_format

SHAPES = {"yxc": (300, 170, 2), "zyxc": (6, 300, 170, 2)}


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Every way of every format; both versions of OME-Zarr; 8-bit pixels where a format has no others."""
    for form in IMAGE_FORMATS:
        axes = "zyxc" if form.slices else "yxc"
        versions = ("0.4", "0.5") if form.extension == ".zarr" else ("0.4",)
        for way, version, dtype in product(form.compressions, versions, ("uint8", "float32")):
            yield form.name, way, version, axes, dtype


CASES = list(cases())
IDS = [f"{name}-{way}-{version}-{dtype}" for name, way, version, _, dtype in CASES]


def write(folder: Path, name: str, axes: str, dtype: str, seed: int = 0, **more: object) -> tuple[Path, ...]:
    values = some_values(SHAPES[axes], dtype)
    form = find_format(name)
    writer = form.writer(Target(folder / f"a{form.extension}", axes, values.shape, values.dtype, **more))
    write_tiles(writer, values, seed)
    writer.finish()
    writer.abort()
    return writer.paths


def files(paths: tuple[Path, ...]) -> list[Path]:
    return sorted(file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def digest(paths: tuple[Path, ...]) -> str:
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files(paths))).hexdigest()


def stored(path: Path, version: str) -> tuple[str, NDArray]:
    """How a file says its values are compressed, and the values, read by another program."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            data = file["exported_data"]
            return data.compression or "none", data[()]
    if path.suffix == ".n5":
        spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path / "exported_data")}}
        kind = json.loads((path / "exported_data" / "attributes.json").read_text())["compression"]["type"]
        return {"raw": "none"}.get(kind, kind), tensorstore.open(spec).result().read().result().T
    if path.suffix == ".zarr":
        if version == "0.4":
            compressor = json.loads((path / "s0" / ".zarray").read_text())["compressor"]
            kind = compressor["id"] if compressor else "none"
        else:
            codecs = json.loads((path / "s0" / "zarr.json").read_text())["codecs"]
            kind = next((one["name"] for one in codecs if one["name"] != "bytes"), "none")
        return kind, zarr.open_array(str(path / "s0"), mode="r")[...]
    with tifffile.TiffFile(path) as tif:
        kinds = {"NONE": "none", "ADOBE_DEFLATE": "gzip"}
        found = {page.compression.name for page in tif.pages}
        assert len(found) == 1
        kind = found.pop()
        return kinds.get(kind, kind.lower()), tif.asarray()


@pytest.mark.parametrize(("name", "way", "version", "axes", "dtype"), CASES, ids=IDS)
def test_compressed_values_are_read_by_another_program(tmp_path, name, way, version, axes, dtype):
    """The file says how it is compressed, and another program reads the values that were written."""
    paths = write(tmp_path, name, axes, dtype, compression=way, ome_zarr_version=version)
    values = some_values(SHAPES[axes], dtype)
    found = [stored(path, version) for path in paths]
    assert {kind for kind, _ in found} == {way}
    form = find_format(name)
    if form.extension == ".zarr":
        np.testing.assert_array_equal(found[0][1], values.transpose(2, 0, 1)[None, :, None])
    elif name == "multipage tiff":
        np.testing.assert_array_equal(found[0][1], values.transpose(2, 0, 1))
    elif name == "multipage tiff sequence":
        np.testing.assert_array_equal(np.stack([one for _, one in found]), values.transpose(0, 3, 1, 2))
    else:
        np.testing.assert_array_equal(np.stack([one for _, one in found]) if form.slices else found[0][1], values)


@pytest.mark.parametrize(("name", "way", "version", "axes", "dtype"), CASES, ids=IDS)
def test_files_are_as_small_as_they_say(tmp_path, name, way, version, axes, dtype):
    """What is compressed is smaller than the values, what is not is not; equal content gives equal files."""
    first = write(tmp_path / "1", name, axes, dtype, 1, compression=way, ome_zarr_version=version)
    second = write(tmp_path / "2", name, axes, dtype, 2, compression=way, ome_zarr_version=version)
    assert digest(first) == digest(second)
    n_bytes = sum(file.stat().st_size for file in files(first))
    assert (n_bytes < some_values(SHAPES[axes], dtype).nbytes) == (way != "none")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_no_time_in_gzip(tmp_path, version):
    """The place for the time in the head of each chunk is empty, or the same job would give other files later."""
    (path,) = write(tmp_path, "multi-scale OME-Zarr", "yxc", "uint8", compression="gzip", ome_zarr_version=version)
    heads = [file.read_bytes()[:8] for file in files((path,)) if file.read_bytes().startswith(b"\x1f\x8b")]
    assert heads
    assert {head[4:] for head in heads} == {bytes(4)}


DEFAULTS = [(name, version, axes) for name, way, version, axes, dtype in CASES if dtype == "uint8"]


@pytest.mark.parametrize(("name", "version", "axes"), dict.fromkeys(DEFAULTS))
def test_first_compression_is_the_default(tmp_path, name, version, axes):
    """If nothing is said, the first way of a format is taken: the files are the same, byte by byte."""
    way = find_format(name).compressions[0]
    given = write(tmp_path / "1", name, axes, "uint8", compression=way, ome_zarr_version=version)
    assert digest(given) == digest(write(tmp_path / "2", name, axes, "uint8", ome_zarr_version=version))


def test_large_planes_of_tiff_are_in_tiles_however_compressed(tmp_path):
    """Large planes are in tiles, whatever the compression."""
    values = some_values((2100, 1500, 2), "float32")
    for way in find_format("tiff").compressions:
        path = tmp_path / f"{way}.tiff"
        writer = find_format("tiff").writer(Target(path, "yxc", values.shape, values.dtype, compression=way))
        write_tiles(writer, values)
        writer.finish()
        with tifffile.TiffFile(path) as tif:
            assert tif.pages.first.is_tiled
            np.testing.assert_array_equal(tif.asarray(), values)
