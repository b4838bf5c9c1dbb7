"""Files that change while they are read: their row fails before anybody sees an output."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

import napari_batch_prediction as nbp
from napari_batch_prediction.records.events import TileDone
from napari_batch_prediction.running.changes import states

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
PIXELS = np.random.default_rng(0).integers(0, 255, (900, 600), np.uint8)


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=PIXELS, chunks=(128, 128))


def write_n5(path: Path) -> None:
    tensorstore = pytest.importorskip("tensorstore")
    metadata = {"dimensions": [600, 900], "blockSize": [100, 100], "dataType": "uint8", "compression": {"type": "gzip"}}
    store = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path / "data")}, "metadata": metadata}
    tensorstore.open(store, create=True).result().T.write(PIXELS).result()


def write_group(path: Path) -> None:
    zarr.create_group(path).create_array("a", data=PIXELS, chunks=(128, 128))


FILES: dict[str, Callable[[Path], object]] = {
    "a.npy": lambda path: np.save(path, PIXELS),
    "a.npz": lambda path: np.savez(path, PIXELS),
    "a.tif": lambda path: tifffile.imwrite(path, PIXELS),
    "a.h5": write_hdf5,
    "a.png": lambda path: Image.fromarray(PIXELS).save(path),
    "a.gif": lambda path: Image.fromarray(PIXELS).save(path),
}
STORES: dict[str, Callable[[Path], object]] = {
    "a.zarr": lambda path: zarr.create_array(path, data=PIXELS, chunks=(128, 128)),
    "v2.zarr": lambda path: zarr.create_array(path, data=PIXELS, chunks=(128, 128), zarr_format=2),
    "group.zarr": write_group,
    "a.n5": write_n5,
}


def touch(path: Path) -> None:
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))


def grow(path: Path) -> None:
    before = path.stat()
    with path.open("ab") as file:
        file.write(b"\0")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    before, other = path.stat(), path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def chunk(path: Path) -> Path:
    """Return the last chunk of a store, which is read by then or will be."""
    return max(file for file in path.rglob("*") if file.is_file() and "." not in file.name.strip("0123456789."))


def run(inputs: list[Path], change: Callable[[], object], **settings) -> nbp.Ledger:
    """Run a job with two exports; change something after its first tile."""
    folder = inputs[0].parent / "out"
    exports = (nbp.Export(folder=folder), nbp.Export(source="Simple Segmentation", folder=folder, format="numpy"))
    changes = []

    def on_event(event) -> None:
        if isinstance(event, TileDone) and not changes:
            changes.append(change())

    return nbp.BatchJob(classifier=PROJECT, inputs=[*map(str, inputs)], exports=exports, workers=1, **settings).run(
        on_event
    )


def check_failed(ledger: nbp.Ledger, folder: Path, changed: Path) -> None:
    """The first input failed because of this file, and has no outputs; the second is done."""
    first, second = ledger.rows
    assert (first.status, first.outputs) == ("failed", {})
    assert f"changed while it was read: '{changed}' is" in first.reason
    assert second.status == "done"
    assert {path.name for path in (folder / "out").iterdir() if path.suffix in (".h5", ".npy", ".part")} == {
        path.name for path in second.outputs.values()
    }


@pytest.mark.parametrize("change", [touch, grow, replace])
@pytest.mark.parametrize("name", FILES)
def test_file_that_changes_while_it_is_read_fails_alone(tmp_path, name, change):
    """Its time, its size or its inode is another at the end."""
    path, other = tmp_path / name, tmp_path / "other.npy"
    FILES[name](path)
    np.save(other, PIXELS[:100, :100])
    check_failed(run([path, other], lambda: change(path)), tmp_path, path)


@pytest.mark.parametrize("change", [touch, replace, Path.unlink])
@pytest.mark.parametrize("name", STORES)
def test_store_whose_chunk_changes_or_vanishes_fails_alone(tmp_path, name, change):
    """A chunk that is not there would be read as zeros."""
    path, other = tmp_path / name, tmp_path / "other.npy"
    STORES[name](path)
    np.save(other, PIXELS[:100, :100])
    folder = path / {"group.zarr": "a", "a.n5": "data"}.get(name, "")
    check_failed(run([path, other], lambda: change(chunk(path))), tmp_path, folder)


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_member_of_a_stack_that_changes_fails_the_stack(tmp_path, name):
    """Also one that has been read before."""
    folder = tmp_path / "stack"
    folder.mkdir()
    paths = [folder / f"{i}{Path(name).suffix}" for i in range(3)]
    for path in paths:
        (FILES | STORES)[name](path)
    member = chunk(paths[0]) if paths[0].is_dir() else paths[0]
    ledger = run([folder / f"*{Path(name).suffix}"], lambda: touch(member), stack="t")
    assert ledger.rows[0].status == "failed"
    assert f"changed while it was read: '{paths[0]}' is not what it was" in ledger.rows[0].reason


def test_what_is_added_beside_an_image_changes_nothing(tmp_path):
    """Labels in a store, other arrays and files of file managers are not the image."""
    path, other = tmp_path / "group.zarr", tmp_path / "other.npy"
    write_group(path)
    np.save(other, PIXELS[:100, :100])

    def change() -> None:
        zarr.open_group(path).create_array("b", data=PIXELS)
        (path / "a" / ".DS_Store").write_bytes(b"x")
        (path / "a" / "labels").mkdir()
        (path / "a" / "labels" / "zarr.json").write_text("{}")

    assert [row.status for row in run([path / "a", other], change).rows] == ["done", "done"]


def test_files_of_large_stores_are_not_all_looked_at(tmp_path, monkeypatch):
    """Their names and inodes are enough to notice those that vanish or are replaced."""
    monkeypatch.setattr("napari_batch_prediction.running.changes._MOST_STATES", 5)
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=PIXELS, chunks=(128, 128))
    job = nbp.BatchJob(classifier=PROJECT, inputs=[str(path)])
    (row,) = job.plan().rows
    with nbp.open_image(path) as image:
        before = states(job, row.location, image)
        touch(chunk(path))
        assert states(job, row.location, image) == before
        shutil.copy(chunk(path), path / "c" / "copy")
        assert states(job, row.location, image) != before
