"""Results that are folders, and what somebody has put into them since."""

from pathlib import Path

import golden
import numpy as np
import pytest
import tensorstore
import zarr

import napari_batch_prediction as nbp

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
PICTURE = PROJECT.with_name("test2.png")


def job(folder: Path, **settings: str) -> nbp.BatchJob:
    export = nbp.Export(source="Simple Segmentation", folder=folder, name="a", **settings)
    return nbp.BatchJob(classifier=PROJECT, inputs=[str(PICTURE)], exports=[export], existing="overwrite")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def add_labels(store: Path, name: str, version: str) -> None:
    root = zarr.open_group(store, mode="r+", zarr_format=2 if version == "0.4" else 3)
    root.create_array(name, data=np.ones((4, 5), "u1"))


def add_dataset(store: Path, name: str, _: str) -> None:
    metadata = {"dimensions": [5, 4], "blockSize": [5, 4], "dataType": "uint8", "compression": {"type": "gzip"}}
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(store / name)}, "metadata": metadata}
    tensorstore.open(spec | {"create": True}).result()[...] = 1


CASES = {
    "labels 0.4": ({"format": "multi-scale OME-Zarr", "ome_zarr_version": "0.4"}, "labels/mine", add_labels),
    "labels 0.5": ({"format": "multi-scale OME-Zarr", "ome_zarr_version": "0.5"}, "labels/mine", add_labels),
    "an array": ({"format": "single-scale OME-Zarr"}, "more", add_labels),
    "N5": ({"format": "n5"}, "volumes/labels", add_dataset),
}


@pytest.mark.parametrize(("settings", "name", "add"), CASES.values(), ids=CASES)
def test_result_that_holds_work_of_others_is_not_replaced(settings, name, add, tmp_path):
    """A result is replaced if that is asked for; not with labels in it, which are named."""
    wanted = job(tmp_path, **settings)
    for _ in range(2):
        assert wanted.run().rows[0].status == "done"
    (store,) = (path for path in tmp_path.iterdir() if path.is_dir())
    add(store, name, settings.get("ome_zarr_version", "0.4"))
    before = contents(store)
    (row,) = wanted.plan().rows
    (problem,) = row.problems
    assert str(store / name.split("/")[0]) in problem.text
    assert "is not part of it" in problem.text
    assert wanted.run().rows[0].status == "problem"
    assert contents(store) == before


def test_labels_written_into_a_result_are_not_lost(tmp_path):
    """Labels of this program in a result of this program are kept as well."""
    assert job(tmp_path, format="single-scale OME-Zarr").run().rows[0].status == "done"
    export = nbp.Export(source="Simple Segmentation", format="single-scale OME-Zarr", into_image=True, name="seg")
    more = nbp.BatchJob(classifier=PROJECT, inputs=[str(tmp_path / "a.zarr")], exports=[export])
    assert more.run().rows[0].status == "done"
    before = contents(tmp_path / "a.zarr")
    assert job(tmp_path, format="single-scale OME-Zarr").run().rows[0].status == "problem"
    assert contents(tmp_path / "a.zarr") == before
