"""Outputs say how they were made, and `skip` believes only those."""

import golden
import pytest

import napari_batch_prediction as nbp
from napari_batch_prediction.export.stamp import read_metadata

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"
IMAGE = PROJECT.with_name("test2.png")

can_hold = {
    "hdf5": {}, "compressed hdf5": {"internal_path": "a/b"}, "tiff": {}, "multipage tiff": {},
    "single-scale OME-Zarr": {}, "multi-scale OME-Zarr": {"ome_zarr_version": "0.5"},
    "png": {"dtype": "uint8", "output_range": (0, 255)},
}  # fmt: skip
cannot = {"numpy": {}, "bmp": {"dtype": "uint8", "output_range": (0, 255)}}


def job(tmp_path, form, existing="skip", **settings):
    export = nbp.Export(format=form, folder=tmp_path, **settings)
    return nbp.BatchJob(classifier=PROJECT, inputs=[str(IMAGE)], exports=[export], existing=existing)


@pytest.mark.parametrize("form", can_hold)
def test_skip_what_is_the_same(form, tmp_path):
    """An output of the same classifier and settings is skipped; one of other settings is not taken for it."""
    (row,) = job(tmp_path, form, **can_hold[form]).run().rows
    assert row.status == "done", row.reason
    path = row.outputs["Probabilities"]
    name = can_hold[form].get("internal_path", "exported_data")
    assert "classifier_sha256" in read_metadata(path, name)["napari-batch-prediction"]
    (again,) = job(tmp_path, form, **can_hold[form]).run().rows
    assert again.status == "skipped"
    (other,) = job(tmp_path, form, **{**can_hold[form], "region": {"y": (0, 61)}}).run().rows
    assert other.status == "failed"
    assert "was made by another classifier or with other settings" in other.reason
    (replaced,) = job(tmp_path, form, "overwrite", **can_hold[form]).run().rows
    assert replaced.status == "done"


@pytest.mark.parametrize("form", cannot)
def test_formats_that_cannot_say(form, tmp_path):
    """Where nothing says how an output was made, it is neither skipped nor replaced."""
    (row,) = job(tmp_path, form, **cannot[form]).run().rows
    assert row.status == "done", row.reason
    assert read_metadata(row.outputs["Probabilities"], "") == {}
    (again,) = job(tmp_path, form, **cannot[form]).run().rows
    assert again.status == "failed"
    assert "does not say how it was made" in again.reason


@pytest.mark.parametrize("name", ["x.h5", "x.tiff", "x.png", "x.zarr", "x.n5", "x.npy", "x"])
def test_other_files(name, tmp_path):
    """A file of another program, or a damaged one, says nothing."""
    path = tmp_path / name
    path.write_bytes(b"something else")
    assert read_metadata(path, "exported_data") == {}
