"""Tables of objects inside OME-Zarr images: read back by the layout, in both versions."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from threshold import plan_for, random_image

from napari_batch_prediction import Export, ObjectSettings
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr import writer_metadata
from napari_batch_prediction.formats.zarr.metadata import OmeImage
from napari_batch_prediction.formats.zarr.tables import AnnDataReader
from napari_batch_prediction.formats.zarr.writer_metadata import describe
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import FileAt
from napari_batch_prediction.running.run import run_plan

BRIGHT = ObjectSettings("bright")
INTO = (
    Export("Objects", format="zarr", into_image=True, name="cells"),
    Export("Object Table", format="OME-Zarr table"),
)


def ome_zarr(folder, version):
    """Write an OME-Zarr image of bright squares by hand; return it with its pixels."""
    pixels = np.kron(random_image(8, 9), np.ones((7, 7), np.uint8))
    path = folder / f"a_{version}.zarr"
    group = zarr.create_group(path, zarr_format=3 if version == "0.5" else 2)
    array = group.create_array("0", shape=pixels.shape, chunks=(32, 32), dtype="uint8")
    array[...] = pixels
    axes = [{"name": key, "type": "space", "unit": "micrometer"} for key in "yx"]
    scale = [{"type": "scale", "scale": [0.5, 0.5]}]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}], "name": "a"}
    if version == "0.5":
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    else:
        group.attrs["multiscales"] = [{**image, "version": version}]
    return path, pixels


def table_of(path):
    """Return the columns of an AnnData group, put together by the rules of its layout."""
    group = zarr.open_group(path, mode="r")
    names = group["var/_index"][:].tolist()
    columns = {name: group["X"][:, i] for i, name in enumerate(names)}
    obs = group["obs"]
    for name in obs.attrs["column-order"]:
        columns[name] = obs[name]["categories"][:][obs[name]["codes"][:]]
    return columns | {"label": obs[obs.attrs["_index"]][:].astype(int)}, dict(group.attrs)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_and_table_are_in_the_image(tmp_path, version):
    """The table is beside the labels that it is about, in the list of tables, with the numbers of the job in memory."""
    path, pixels = ome_zarr(tmp_path, version)
    plan = plan_for([path], exports=INTO, objects=BRIGHT)
    ledger = run_plan(plan)
    assert [(row.status, row.reason) for row in ledger] == [("done", "")]
    table = path / "tables" / f"{path.stem}_Object Table"
    assert ledger[0].outputs["Object Table"] == table
    columns, attributes = table_of(table)
    image = MemoryImage("a", pixels, "yx", axes_known="user", pixel_size={"y": 0.5, "x": 0.5},
                        units=dict.fromkeys("yx", "micrometer"))  # fmt: skip
    (row,) = BatchJob(plan.classifier, image, "Object Table", objects=BRIGHT).run()
    wanted = row.arrays["Object Table"]
    assert set(columns) == set(wanted)
    for name, column in wanted.items():
        np.testing.assert_array_equal(columns[name], column.astype(columns[name].dtype), err_msg=name)
    assert set(columns["unit"]) == {"micrometer"}
    reader = AnnDataReader(table)
    (part,) = reader.parts(["area", "pixels"], ["unit"])
    np.testing.assert_array_equal(part["area"], wanted["area"])
    np.testing.assert_array_equal(part["pixels"], wanted["pixels"])
    assert part["unit"].tolist() == wanted["unit"].tolist()
    assert set(reader.columns) == set(wanted) - {"label"}
    with pytest.raises(ValueError, match="its column unit has texts"):
        list(reader.parts(["unit"]))
    assert attributes["region"] == {"path": "../labels/cells"}
    assert (attributes["type"], attributes["backend"], attributes["instance_key"]) == (
        "feature_table",
        "anndata",
        "label",
    )
    listed = zarr.open_group(path / "tables", mode="r").attrs["tables"]
    assert listed == [table.name]
    (labels,) = (array[:] for _, array in zarr.open_group(path / "labels" / "cells", mode="r").arrays())
    np.testing.assert_array_equal(np.unique(labels)[1:], columns["label"])
    assert not list(path.rglob("*.part*"))


def properties_of(path, version):
    """Return what the metadata of labels say of each."""
    attributes = zarr.open_group(path, mode="r").attrs
    about = (attributes if version == "0.4" else attributes["ome"])["image-label"]
    assert all(about.values())
    return about.get("properties")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_say_what_is_in_the_table(tmp_path, monkeypatch, version):
    """The metadata of the labels have the table's numbers and texts of each object, if there are not too many."""
    path, _ = ome_zarr(tmp_path, version)
    (row,) = run_plan(plan_for([path], exports=INTO, objects=BRIGHT))
    columns, _ = table_of(row.outputs["Object Table"])
    found = properties_of(row.outputs["Objects"], version)
    assert [each["label-value"] for each in found] == columns["label"].tolist()
    for name in {*columns} - {"label"}:
        assert [each[name] for each in found] == columns[name].tolist(), name
    for most, there in ((len(found), True), (len(found) - 1, False)):
        monkeypatch.setattr(writer_metadata, "MOST_PROPERTIES", most)
        (row,) = run_plan(plan_for([path], exports=INTO, objects=BRIGHT, existing="overwrite"))
        assert (properties_of(row.outputs["Objects"], version) == found) is there


def test_labels_without_a_table_or_at_several_times_say_nothing(tmp_path):
    """Without a table nothing is measured, and numbers that begin anew have no one meaning."""
    path, pixels = ome_zarr(tmp_path, "0.4")
    (row,) = run_plan(plan_for([path], exports=INTO[:1], objects=BRIGHT))
    assert properties_of(row.outputs["Objects"], "0.4") is None
    group = zarr.open_group(path)
    del group["0"]
    group.create_array("0", data=np.stack([pixels, pixels]))
    (image,) = group.attrs["multiscales"]
    axes = [{"name": "t", "type": "time"}, *image["axes"]]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}]}
    group.attrs["multiscales"] = [{**image, "axes": axes, "datasets": [level]}]
    (row,) = run_plan(plan_for([path], exports=INTO, objects=BRIGHT, existing="overwrite"))
    assert (row.status, row.reason) == ("done", "")
    assert properties_of(row.outputs["Objects"], "0.4") is None
    assert set(table_of(row.outputs["Object Table"])[0]["time"]) == {0, 1}


def test_numbers_that_are_not_finite_are_left_out_of_labels():
    """JSON has none."""
    target = Target(Path("a/labels/b"), "yx", (8, 9), np.dtype("uint32"), image=Path("a"), is_labels=True)
    columns = {"label": np.array([3, 4]), "area": np.array([np.nan, 2.5]), "n": np.array([1, 2]),
               "class": np.array(["", "b"], object), "most": np.array([np.inf, -np.inf])}  # fmt: skip
    image = describe(target, [(1, 1, 1, 8, 9)], "yx", columns)
    assert OmeImage.parse(image.attributes()) == image
    first, second = {"label-value": 3, "n": 1, "class": ""}, {"label-value": 4, "area": 2.5, "n": 2, "class": "b"}
    assert image.label_properties == (first, second)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_arrays_of_a_table_are_no_images(tmp_path, version):
    """A store with one image below its root still has one once a table is in this image."""
    path, _ = ome_zarr(tmp_path, version)
    store = tmp_path / "all.zarr"
    zarr.create_group(store, zarr_format=3 if version == "0.5" else 2)
    path.rename(store / "cells")
    for _ in range(2):
        (row,) = run_plan(plan_for([store], exports=INTO, objects=BRIGHT, existing="overwrite"))
        assert (row.status, row.reason) == ("done", "")
    assert FileAt.of(store).datasets() == ["cells", "cells/labels/cells"]


def test_other_tables_stay_in_the_list(tmp_path):
    """A table that is there stays, and is replaced only if the job says so."""
    path, _ = ome_zarr(tmp_path, "0.4")
    (path / "tables" / "own").mkdir(parents=True)
    (path / "tables" / ".zgroup").write_text('{"zarr_format": 2}')
    (path / "tables" / ".zattrs").write_text(json.dumps({"tables": ["own"], "more": 1}))
    run_plan(plan_for([path], exports=INTO[1:], objects=BRIGHT))
    attributes = json.loads((path / "tables" / ".zattrs").read_text())
    assert attributes == {"tables": ["own", f"{path.stem}_Object Table"], "more": 1}
    again = plan_for([path], exports=INTO[1:], objects=BRIGHT)
    assert "exists" in str(again[0].problems[0])
    (row,) = run_plan(plan_for([path], exports=INTO[1:], objects=BRIGHT, existing="overwrite"))
    assert (row.status, row.reason) == ("done", "")
    assert "region" not in table_of(row.outputs["Object Table"])[1]


def test_an_image_without_objects_has_an_empty_table(tmp_path):
    """No object gives a table without rows."""
    path, _ = ome_zarr(tmp_path, "0.5")
    zarr.open_group(path)["0"][...] = 0
    (row,) = run_plan(plan_for([path], exports=INTO, objects=BRIGHT))
    assert (row.status, row.reason, row.count) == ("done", "", 0)
    assert len(table_of(row.outputs["Object Table"])[0]["label"]) == 0


def test_what_is_no_table_of_an_image_is_refused(tmp_path):
    """Other tables, and images that are no OME-Zarr, are refused with what to do."""
    path, _ = ome_zarr(tmp_path, "0.4")
    with pytest.raises(SettingsError, match="Only a table of objects goes into an image"):
        plan_for([path], exports=(Export("Areas", format="OME-Zarr table"),), objects=BRIGHT)
    with pytest.raises(SettingsError, match="Only a table of objects goes into an image"):
        plan_for([path], exports=(Export("Object Table", into_image=True),), objects=BRIGHT)
    np.save(tmp_path / "b.npy", random_image(20, 30))
    (row,) = plan_for([tmp_path / "b.npy"], exports=INTO[1:], objects=BRIGHT)
    assert "is not an OME-Zarr image, so that tables cannot go into it" in str(row.problems[0])
