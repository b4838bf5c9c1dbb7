"""Segmentations as labels of the OME-Zarr image they were made from."""

import golden
import numpy as np
import pytest
import zarr

import napari_batch_prediction as nbp
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.exports.names import first_image, names

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"


@pytest.fixture(params=["0.4", "0.5"])
def image(request, tmp_path):
    """An OME-Zarr image, written by hand to the specification, and its pixels."""
    pixels = golden.read(PROJECT.with_name("test2.png"))
    v2 = request.param == "0.4"
    facts = {
        "multiscales": [
            {
                "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
                "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}],
                **({"version": "0.4"} if v2 else {}),
            }
        ]
    }
    path = tmp_path / "cells.zarr"
    facts = facts if v2 else {"ome": {"version": "0.5", **facts}}
    root = zarr.create_group(str(path), zarr_format=2 if v2 else 3, attributes=facts)
    root.create_array("0", data=pixels, chunks=(32, 32))
    return path, pixels, request.param


def job(image, **settings):
    export = {"source": "Simple Segmentation", "format": "multi-scale OME-Zarr", "into_image": True, **settings}
    return nbp.BatchJob(classifier=PROJECT, inputs=[str(image)], exports=[nbp.Export(**export)])


def test_labels_stand_in_the_group_of_the_image(image):
    """The labels stand in the image's own group and list, with colours and their source; the image is as before."""
    path, pixels, version = image
    row = job(path).run().rows[0]
    assert row.status == "done", row.reason
    root = zarr.open_group(str(path), mode="r")
    labels = root["labels"]
    facts = labels.attrs if version == "0.4" else labels.attrs["ome"]
    assert facts["labels"] == ["cells_Simple Segmentation"]
    label = labels["cells_Simple Segmentation"]
    about = (label.attrs if version == "0.4" else label.attrs["ome"])["image-label"]
    assert about["source"] == {"image": "../../"}
    assert [color["label-value"] for color in about["colors"]] == [1, 2, 3]
    expected = nbp.load_classifier(PROJECT).predict(pixels, "yx", "Simple Segmentation")
    np.testing.assert_array_equal(label["s0"][0, 0, 0], expected[..., 0])
    np.testing.assert_array_equal(root["0"][:], pixels)
    with nbp.open_image(path) as again:
        np.testing.assert_array_equal(again.read(), pixels)


def test_second_labels_are_added(image):
    """The list keeps what stands in it; labels of the same name are not replaced unasked."""
    path, _, version = image
    assert job(path, name="first").run().rows[0].status == "done"
    assert job(path, name="second").run().rows[0].status == "done"
    labels = zarr.open_group(str(path), mode="r")["labels"]
    facts = labels.attrs if version == "0.4" else labels.attrs["ome"]
    assert facts["labels"] == ["first", "second"]
    assert "exists" in job(path, name="first").run().rows[0].reason


def test_image_that_is_no_ome_zarr_cannot_hold_labels(tmp_path):
    """An image that is no OME-Zarr cannot hold labels."""
    (row,) = job(PROJECT.with_name("test2.png")).plan().rows
    assert any("is not an OME-Zarr image" in problem.text for problem in row.problems)


@pytest.mark.parametrize("settings", [{"source": "Probabilities"}, {"format": "hdf5"}])
def test_source_that_is_no_segmentation_is_refused_as_labels(settings):
    """Only a segmentation in OME-Zarr."""
    with pytest.raises(SettingsError, match="cannot go into the image"):
        job(PROJECT.with_name("test2.png"), **settings).plan()


@pytest.mark.parametrize("level", ["", "/0"], ids=["image", "level of an image"])
def test_preview_of_labels_in_an_image_inside_a_store(tmp_path, level):
    """The window names the file that the run will write, before and after the settings are those of the plan."""
    pixels = golden.read(PROJECT.with_name("test2.png"))
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]
    axes = [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    facts = {"multiscales": [{"axes": axes, "datasets": datasets, "version": "0.4"}]}
    path = tmp_path / "plate.zarr"
    image = zarr.create_group(str(path), zarr_format=2).create_group("A/1/0", attributes=facts)
    image.create_array("0", data=pixels, chunks=(32, 32))
    elsewhere = job(f"{path}/A/1/0{level}", into_image=False).plan()
    plan = job(f"{path}/A/1/0{level}", name="{stem}_x").plan()
    (output,) = plan.rows[0].outputs.values()
    assert output.parent == path / "A/1/0/labels"
    assert not plan.n_problems
    info = plan.rows[0].image
    for checked in (elsewhere, plan):
        assert names(first_image(checked), plan.job.exports, ImageAxes(info.axes, info.extents)) == [output]
