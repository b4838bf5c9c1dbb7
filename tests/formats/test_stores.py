"""Folders that are images: nothing else is replaced together with them, and they are whole when they get their name."""

from pathlib import Path

import numpy as np
import pytest

from napari_batch_prediction.errors import ExportError, OutputExistsError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.registry import find_format

FORMATS = ("single-scale OME-Zarr", "multi-scale OME-Zarr", "n5", "compressed n5")
SHAPE = (900, 800)


def store(path: Path, name: str, value: int = 7, **settings: object) -> Path:
    """Write an image of one value, with a corner of zeros."""
    values = np.full(SHAPE, value, np.uint8)
    values[:20, :20] = 0
    writer = find_format(name).writer(Target(path, "yx", SHAPE, values.dtype, **settings))
    writer.write((slice(0, SHAPE[0]), slice(0, SHAPE[1])), values)
    writer.finish()
    return path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("name", FORMATS)
def test_own_store_is_replaced(tmp_path, name, version):
    """A folder that holds nothing but an image of the format is replaced if that is asked for."""
    path = store(tmp_path / "a", name, ome_zarr_version=version)
    expected = contents(store(tmp_path / "other" / "a", name, 9, ome_zarr_version=version))
    store(path, name, 9, ome_zarr_version=version, replace=True)
    assert contents(path) == expected
    assert {item.name for item in tmp_path.iterdir()} == {"a", "other"}


@pytest.mark.parametrize("where", ["notes.txt", "s0/figure.png", "mine/drawing.tif"])
@pytest.mark.parametrize("name", FORMATS)
def test_store_with_a_file_of_others_is_left(tmp_path, name, where):
    """A folder in which somebody keeps something is not replaced, and the file is named."""
    path = store(tmp_path / "a", name)
    (path / where).parent.mkdir(exist_ok=True)
    (path / where).write_text("mine")
    before = contents(path)
    with pytest.raises(OutputExistsError, match=f"holds {path / where}, which is not part of it"):
        store(path, name, 9, replace=True)
    assert contents(path) == before


@pytest.mark.parametrize("name", FORMATS)
def test_folder_that_is_no_image_is_left(tmp_path, name):
    """A folder of the user's that has the name of an output is not replaced."""
    path = tmp_path / "a"
    path.mkdir()
    (path / "thesis.doc").write_text("mine")
    with pytest.raises(OutputExistsError, match="is not an image of this format, and is left as it is"):
        store(path, name, replace=True)
    assert (path / "thesis.doc").read_text() == "mine"


def test_link_in_a_store_is_a_file_of_others(tmp_path):
    """A link has the name of a chunk, but was not made by a writer."""
    path = store(tmp_path / "a", FORMATS[0])
    (path / "5").symlink_to(tmp_path)
    names = load("zarr.store:NAMES")
    assert names.stranger(path) == path / "5"


@pytest.mark.parametrize("name", FORMATS)
def test_store_that_lost_a_file_before_its_end_is_not_whole(tmp_path, name):
    """A file of a store that goes before the store gets its name is noticed: chunk or metadata."""
    values = np.full(SHAPE, 7, np.uint8)
    for kind in ("chunk", "metadata"):
        path = tmp_path / kind
        writer = find_format(name).writer(Target(path, "yx", SHAPE, values.dtype))
        writer.write((slice(0, SHAPE[0]), slice(0, SHAPE[1])), values)
        (temporary,) = tmp_path.glob("*.part")
        is_chunk = [item for item in temporary.rglob("*") if item.is_file() and item.name.isdigit()]
        is_metadata = [item for item in temporary.rglob("*") if item.is_file() and not item.name.isdigit()]
        (is_chunk if kind == "chunk" else is_metadata)[0].unlink()
        with pytest.raises(ExportError, match=r"is not whole: \d+ of \d+ files came"):
            writer.finish()
        writer.abort()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*FORMATS, "numpy", "compressed hdf5", "png sequence"])
def test_equal_output_of_an_earlier_part_is_kept(tmp_path, name):
    """What an earlier part of the run wrote is kept if it is equal, and left and named if it is not."""
    export_format = find_format(name)
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)

    def write(first: int) -> None:
        path = tmp_path / "a_{slice_index}"
        target = Target(path.with_suffix(export_format.extension), "zyx", values.shape, values.dtype, may_be_own=True)
        writer = export_format.writer(target)
        changed = values.copy()
        changed[0, 0, 0] = first
        try:
            writer.write(tuple(slice(0, n) for n in values.shape), changed)
            writer.finish()
        finally:
            writer.abort()

    write(1)
    before = contents(tmp_path)
    write(1)
    assert contents(tmp_path) == before
    with pytest.raises(OutputExistsError, match="is not what this run writes there, and is left as it is"):
        write(2)
    assert contents(tmp_path) == before
