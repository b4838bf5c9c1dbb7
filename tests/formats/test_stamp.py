"""Outputs say how they were made, and `skip` believes only those."""

import json
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest

import napari_batch_prediction as nbp
from napari_batch_prediction.formats.stamp import read_metadata, read_stamp

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
    assert other.status == "problem"
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
    assert again.status == "problem"
    assert "does not say how it was made" in again.reason


@pytest.mark.parametrize("name", ["x.h5", "x.tiff", "x.png", "x.zarr", "x.n5", "x.npy", "x"])
def test_files_of_other_programs_have_no_stamp(name, tmp_path):
    """A file of another program, or a damaged one, says nothing."""
    path = tmp_path / name
    path.write_bytes(b"something else")
    assert read_metadata(path, "exported_data") == {}


def stamped(path: Path, text: str | bytes) -> Path:
    """Write a file with a stamp of this text."""
    with h5py.File(path, "w") as file:
        file["exported_data"] = np.zeros((3, 4), np.uint8)
        file["exported_data"].attrs["napari-batch-prediction"] = text
    return path


GOOD = {
    "source": "Probabilities", "classes": ["A", "B"], "class_colors": [[1, 2, 3], [4, 5, 255]], "is_labels": False,
    "value_range": [0, 1], "settings": {"region": {"y": [3, None], "c": [1, 2]}, "output_range": None}, "more": 1,
}  # fmt: skip
RUBBISH = {
    "empty": "", "not JSON": "{", "no object": "[1]", "number": "7", "bytes": b"\xff\xfe", "deep": "[" * 60_000,
    "nothing in it": "{}",
    "colour too large": GOOD | {"class_colors": [[1, 2, 3], [4, 5, 256]]},
    "colour missing": GOOD | {"class_colors": [[1, 2, 3]]},
    "colour of two": GOOD | {"class_colors": [[1, 2], [4, 5]]},
    "classes are a text": GOOD | {"classes": "AB"},
    "range is not a number": GOOD | {"value_range": [0, float("nan")]},
    "range is endless": GOOD | {"value_range": [0, float("inf")]},
    "region is negative": GOOD | {"settings": {"region": {"y": [-3, None]}}},
    "axis that is none": GOOD | {"settings": {"region": {"q": [3, None]}}},
    "settings are a list": GOOD | {"settings": []},
}  # fmt: skip


def test_stamp_says_what_values_mean(tmp_path):
    """A stamp says what values mean and where they begin."""
    stamp = read_stamp(stamped(tmp_path / "a.h5", json.dumps(GOOD)), "exported_data")
    assert stamp is not None
    assert (stamp.source, stamp.classes, stamp.is_labels) == ("Probabilities", ("A", "B"), False)
    assert stamp.class_colors == ((1, 2, 3), (4, 5, 255))
    assert stamp.value_range == (0, 1)
    assert stamp.start == {"y": 3, "c": 1}


@pytest.mark.parametrize("name", ["a.hdf5", "a.H5"])
def test_stamp_in_a_file_that_was_renamed(name, tmp_path):
    """A stamp is read from every extension of its format."""
    assert read_stamp(stamped(tmp_path / name, json.dumps(GOOD)), "exported_data") is not None


@pytest.mark.parametrize("name", ["labels", "a.png", "a.gif", "a.v2"])
def test_stamp_of_labels_in_an_image(name, tmp_path):
    """Labels in an OME-Zarr image are a folder, whatever their name looks like."""
    (tmp_path / name).mkdir()
    (tmp_path / name / ".zattrs").write_text(json.dumps({"napari-batch-prediction": {"napari-batch-prediction": "x"}}))
    assert read_metadata(tmp_path / name, "") == {"napari-batch-prediction": "x"}


@pytest.mark.parametrize("name", RUBBISH)
def test_damaged_stamp_is_none(name, tmp_path):
    """A stamp that is damaged, changed by hand or of another version is none."""
    rubbish = RUBBISH[name]
    text = json.dumps(rubbish) if isinstance(rubbish, dict) else rubbish
    assert read_stamp(stamped(tmp_path / "a.h5", text), "exported_data") is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".zattrs", "[]"),
        (".zattrs", '{"napari-batch-prediction": 7}'),
        ("zarr.json", '{"attributes": [1]}'),
        ("zarr.json", "{"),
    ],
)
def test_damaged_stamp_in_zarr_is_none(name, text, tmp_path):
    """So is one in a Zarr store whose attributes are not what they should be."""
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / name).write_text(text)
    assert read_stamp(tmp_path / "a.zarr") is None
