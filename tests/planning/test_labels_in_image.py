"""Segmentations as labels of the OME-Zarr image they were made from."""

import subprocess
import sys

import golden
import numpy as np
import pytest
import zarr

import napari_batch_prediction as nbp
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.zarr.writer import OmeZarrWriter
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


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("level", ["s0", "scale0/image"])
@pytest.mark.parametrize("named", ["", "plate/cells", "plate/cells/LEVEL"])
def test_image_below_the_store_that_is_named_gets_its_labels(named, level, version, tmp_path):
    """The labels go into the image that is read, whether the store, the image or its level is named."""
    pixels = golden.read(PROJECT.with_name("test2.png"))
    image = {
        "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
        "datasets": [{"path": level, "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}],
    }
    root = zarr.create_group(str(tmp_path / "all.zarr"), zarr_format=2 if version == "0.4" else 3)
    group = root.create_group("plate/cells")
    group.create_array(level, data=pixels)
    facts = {"multiscales": [{**image, "version": "0.4"}]}
    group.attrs.update(facts if version == "0.4" else {"ome": {"version": "0.5", "multiscales": [image]}})
    row = job(f"{tmp_path}/all.zarr/{named.replace('LEVEL', level)}".rstrip("/"), name="seg").run().rows[0]
    assert row.status == "done", row.reason
    labels = zarr.open_group(str(tmp_path / "all.zarr"), mode="r")["plate/cells/labels"]
    assert (labels.attrs if version == "0.4" else labels.attrs["ome"])["labels"] == ["seg"]
    assert labels["seg/s0"].shape[-2:] == pixels.shape


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
    assert [each["label-value"] for each in about["properties"]] == [1, 2, 3]
    assert [each["class"] for each in about["properties"]] == [*nbp.load_classifier(PROJECT).classes]
    np.testing.assert_array_equal(label["s0"][:], expected)
    np.testing.assert_array_equal(root["0"][:], pixels)
    with nbp.open_image(path) as again:
        np.testing.assert_array_equal(again.read(), pixels)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("axes", "of_labels"), [("tyx", "tyx"), ("zcyx", "tczyx"), ("cyx", "yx"), ("tczyx", "tzyx"), ("xy", "tczyx")]
)
def test_labels_have_the_axes_of_their_image(axes, of_labels, version, tmp_path):
    """All but `c`, as other programs pair them by axes; all five if those of the image are in another order."""
    pixels = golden.read(PROJECT.with_name("test2.png"))
    shape = [{"x": pixels.shape[1], "y": pixels.shape[0]}.get(key, 1) for key in axes]
    kinds = {"t": "time", "c": "channel"}
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1] * len(axes)}]}
    image = {"axes": [{"name": key, "type": kinds.get(key, "space")} for key in axes], "datasets": [level]}
    path = tmp_path / "cells.zarr"
    group = zarr.create_group(str(path), zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=(pixels.T if axes == "xy" else pixels).reshape(shape))
    facts = {"multiscales": [{**image, "version": "0.4"}]}
    group.attrs.update(facts if version == "0.4" else {"ome": {"version": "0.5", "multiscales": [image]}})
    (row,) = job(path, name="seg").run()
    assert (row.status, row.reason) == ("done", "")
    with nbp.open_image(path / "labels/seg") as labels:
        assert labels.axes == of_labels
        expected = nbp.load_classifier(PROJECT).predict(pixels, "yx", "Simple Segmentation")
        np.testing.assert_array_equal(labels.read().squeeze(), expected)


def test_second_labels_are_added(image):
    """The list keeps what stands in it; labels of the same name are not replaced unasked."""
    path, _, version = image
    assert job(path, name="first").run().rows[0].status == "done"
    assert job(path, name="second").run().rows[0].status == "done"
    labels = zarr.open_group(str(path), mode="r")["labels"]
    facts = labels.attrs if version == "0.4" else labels.attrs["ome"]
    assert facts["labels"] == ["first", "second"]
    assert "exists" in job(path, name="first").run().rows[0].reason


@pytest.mark.parametrize("name", ["seg", "deep/er/seg"])
@pytest.mark.parametrize("there", ["", "labels"], ids=["new", "there"])
def test_failed_labels_leave_no_folders_in_the_image(image, name, there, monkeypatch):
    """The folders that were made for them go, those that were there before stay, even empty."""
    path, _, _ = image
    (path / there).mkdir(exist_ok=True)
    before = sorted(path.rglob("*"))

    def fail(writer):
        raise OSError("no more")

    monkeypatch.setattr(OmeZarrWriter, "_seal", fail)
    assert job(path, name=name).run().rows[0].status == "failed"
    assert sorted(path.rglob("*")) == before


# Between reading the list and writing it there is time for another process.
REGISTER = """
import sys, time
from pathlib import Path
from napari_batch_prediction.formats.zarr import labels
contents = labels._contents
labels._contents = lambda folder: (contents(folder), time.sleep(0.05))[0]
print("ready", flush=True)
sys.stdin.readline()
for i in range(4):
    label = Path(sys.argv[1], "labels", f"{sys.argv[2]}{i}")
    label.mkdir(parents=True)
    labels.register(label)
"""


def test_processes_that_write_labels_at_once_lose_none(image):
    """The list has the labels of both, and nothing else is left in the image."""
    path, _, version = image
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in "ab"
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    labels = zarr.open_group(str(path), mode="r")["labels"]
    facts = labels.attrs if version == "0.4" else labels.attrs["ome"]
    assert sorted(facts["labels"]) == [f"{name}{i}" for name in "ab" for i in range(4)]
    assert not [*path.rglob("*.part")]


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


# zarr-python warns that Zarr 3 does not know copies of metadata in groups.
COPIES = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")

MICROMETERS = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
PIXELS = golden.read(PROJECT.with_name("test2.png"))


def level(path, size, start=None):
    steps = [{"type": "scale", "scale": [size, size]}]
    return {
        "path": path,
        "coordinateTransformations": steps + ([{"type": "translation", "translation": start}] if start else []),
    }


def ome_image(group, version, datasets, axes=MICROMETERS, pixels=PIXELS, **more):
    """Make a group an image of as many levels as there are datasets."""
    described = {"axes": axes, "datasets": datasets, **more}
    if version == "0.4":
        group.attrs["multiscales"] = [{**described, "version": "0.4"}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [described]}
    for i, entry in enumerate(datasets):
        group.create_array(entry["path"], data=pixels[:: 2**i, :: 2**i], chunks=(32, 32))


def new_group(path, version):
    return zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)


def facts(group):
    """What a group holds of OME's metadata."""
    attributes = group.attrs.asdict()
    return attributes.get("ome", attributes)


def opened(path, **options):
    return zarr.open_group(str(path), mode="r", **options)


def placed(group):
    """Scale and translation of the first level along y and x."""
    steps = facts(group)["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    return {step["type"]: step[step["type"]][-2:] for step in steps}


VERSIONS = pytest.mark.parametrize("version", ["0.4", "0.5"])


@VERSIONS
@pytest.mark.parametrize("unit", [True, False], ids=["with unit", "without unit"])
def test_labels_lie_where_the_image_does(version, unit, tmp_path):
    """Size of a pixel, position and unit are those of the image; a unit is not needed."""
    axes = MICROMETERS if unit else [{"name": name, "type": "space"} for name in "yx"]
    whole = [{"type": "scale", "scale": [2, 2]}, {"type": "translation", "translation": [1, 0]}]
    ome_image(
        new_group(tmp_path / "a.zarr", version),
        version,
        [level("0", 0.5, [100, 200])],
        axes,
        coordinateTransformations=whole,
    )
    assert job(tmp_path / "a.zarr", name="seg").run().rows[0].status == "done"
    label = opened(tmp_path / "a.zarr/labels/seg")
    assert placed(label) == {"scale": [1, 1], "translation": [201, 400]}
    assert [axis.get("unit") for axis in facts(label)["multiscales"][0]["axes"][-2:]] == [axes[0].get("unit")] * 2


@VERSIONS
def test_labels_of_a_region_and_of_a_level_lie_where_those_do(version, tmp_path):
    """A region starts inside the image; a coarser level has its own size and position."""
    levels = [level("0", 0.5, [100, 200]), level("1", 1, [100.25, 200.25])]
    ome_image(new_group(tmp_path / "a.zarr", version), version, levels, pixels=np.tile(PIXELS, (2, 3)))
    assert job(tmp_path / "a.zarr", name="part", region={"y": (10, 40), "x": (20, 40)}).run().rows[0].status == "done"
    assert placed(opened(tmp_path / "a.zarr/labels/part")) == {"scale": [0.5, 0.5], "translation": [105, 210]}
    assert job(tmp_path / "a.zarr/1", name="coarse").run().rows[0].status == "done"
    assert placed(opened(tmp_path / "a.zarr/labels/coarse")) == {"scale": [1, 1], "translation": [100.25, 200.25]}


@VERSIONS
@pytest.mark.parametrize("form", ["single-scale OME-Zarr", "multi-scale OME-Zarr"])
@pytest.mark.parametrize("n", [1, 3, 9])
def test_labels_have_as_many_levels_as_the_image(version, form, n, tmp_path):
    """The specification wants equal numbers, whatever the format would make by itself; the scales are true."""
    ome_image(new_group(tmp_path / "a.zarr", version), version, [level(str(i), 0.5 * 2**i) for i in range(n)])
    assert job(tmp_path / "a.zarr", name="seg", format=form).run().rows[0].status == "done"
    label = opened(tmp_path / "a.zarr/labels/seg")
    datasets = facts(label)["multiscales"][0]["datasets"]
    assert len(datasets) == n
    first = label[datasets[0]["path"]]
    assert first.shape[-2:] == PIXELS.shape
    last = label[datasets[-1]["path"]]
    assert last.shape[-2:] == tuple(-(-extent // 2 ** (n - 1)) for extent in PIXELS.shape)
    step = 2 ** (n - 1)
    np.testing.assert_array_equal(last[:], first[..., ::step, ::step])


@VERSIONS
def test_metadata_and_labels_of_others_stay(version, tmp_path):
    """Whatever else stands in the group of labels is there afterwards."""
    root = new_group(tmp_path / "a.zarr", version)
    ome_image(root, version, [level("0", 1)])
    ome_image(root.create_group("labels/nuclei"), version, [level("0", 1)])
    listed = {"labels": ["nuclei"], "more": 1}
    root["labels"].attrs.update({"my-pipeline": {"run": 7}, **(listed if version == "0.4" else {"ome": listed})})
    before = {path: path.read_bytes() for path in (tmp_path / "a.zarr/labels/nuclei").rglob("*") if path.is_file()}
    assert job(tmp_path / "a.zarr", name="seg").run().rows[0].status == "done"
    labels = opened(tmp_path / "a.zarr/labels")
    assert labels.attrs["my-pipeline"] == {"run": 7}
    assert (facts(labels)["labels"], facts(labels)["more"]) == (["nuclei", "seg"], 1)
    assert all(path.read_bytes() == content for path, content in before.items())


@VERSIONS
@pytest.mark.parametrize("content", ["{", '"text"', '{"labels": 5, "attributes": {"labels": 5}}', "[1"])
def test_list_that_cannot_be_read_is_not_replaced(version, content, tmp_path):
    """The plan says that the list of labels is damaged; nothing is written over it."""
    ome_image(new_group(tmp_path / "a.zarr", version), version, [level("0", 1)])
    path = tmp_path / "a.zarr/labels" / (".zattrs" if version == "0.4" else "zarr.json")
    path.parent.mkdir()
    path.write_text(content)
    (row,) = job(tmp_path / "a.zarr", name="seg").plan().rows
    assert any("Mend it first" in problem.text for problem in row.problems)
    assert path.read_text() == content
    assert [*path.parent.iterdir()] == [path]


@VERSIONS
def test_name_with_folders_is_a_path_among_the_labels(version, tmp_path):
    """Labels may lie in groups; the list has their path, and their source leads to the image."""
    ome_image(new_group(tmp_path / "a.zarr", version), version, [level("0", 1), level("1", 2)])
    assert job(tmp_path / "a.zarr", name="runs/first/seg").run().rows[0].status == "done"
    labels = opened(tmp_path / "a.zarr/labels")
    assert facts(labels)["labels"] == ["runs/first/seg"]
    label = labels["runs"]["first"]["seg"]
    assert facts(label)["image-label"]["source"] == {"image": "../../../../"}
    assert len(facts(label)["multiscales"][0]["datasets"]) == 2
    with nbp.open_image(tmp_path / "a.zarr/labels/runs/first/seg") as image:
        assert image.extents["x"] == PIXELS.shape[1]


@pytest.mark.parametrize("name", ["../seg", "{folder}/../../other/seg"])
def test_name_that_leads_out_of_the_labels_is_refused(name, tmp_path):
    """What lies elsewhere is not labels of this image."""
    ome_image(new_group(tmp_path / "a.zarr", "0.4"), "0.4", [level("0", 1)])
    (row,) = job(tmp_path / "a.zarr", name=name).plan().rows
    assert any("not among the labels" in problem.text for problem in row.problems)


@COPIES
@VERSIONS
@pytest.mark.parametrize("where", ["", "A/1/0"], ids=["image", "in a plate"])
def test_copies_of_metadata_know_the_labels(version, where, tmp_path):
    """Programs that read copies in the groups above see the labels, and all else that they saw before."""
    root = new_group(tmp_path / "a.zarr", version)
    ome_image(root.require_group(where) if where else root, version, [level("0", 1), level("1", 2)])
    new = root.create_group("other")
    new.attrs["mine"] = 1
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    image = f"{tmp_path}/a.zarr/{where}".rstrip("/")
    for name in ("seg", "runs/seg"):
        assert job(image, name=name).run().rows[0].status == "done"
        copied = opened(tmp_path / "a.zarr", use_consolidated=True)
        inside = copied[where] if where else copied
        assert name in facts(inside["labels"])["labels"]
        np.testing.assert_array_equal(inside[f"labels/{name}/s1"], opened(f"{image}/labels/{name}")["s1"])
        assert copied["other"].attrs["mine"] == 1
        assert inside["0"].shape == PIXELS.shape
    members = {path: node.metadata.to_dict() for path, node in copied.members(max_depth=None)}
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    again = opened(tmp_path / "a.zarr", use_consolidated=True).members(max_depth=None)
    assert members == {path: node.metadata.to_dict() for path, node in again}


@COPIES
@VERSIONS
def test_copies_forget_labels_that_were_replaced(version, tmp_path):
    """Levels that the new labels do not have are not in the copies any more."""
    root = new_group(tmp_path / "a.zarr", version)
    ome_image(root, version, [level("0", 1)])
    ome_image(root.create_group("labels/seg"), version, [level("s0", 1), level("s5", 2)])
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    overwriting = job(tmp_path / "a.zarr", name="seg").model_copy(update={"existing": "overwrite"})
    assert overwriting.run().rows[0].status == "done"
    copied = opened(tmp_path / "a.zarr", use_consolidated=True)["labels/seg"]
    assert sorted(copied) == ["s0"]


@COPIES
@VERSIONS
def test_labels_of_this_program_are_an_input(version, tmp_path):
    """Labels that were written into an image with copies of its metadata can be predicted themselves."""
    ome_image(new_group(tmp_path / "a.zarr", version), version, [level("0", 1)])
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    assert job(tmp_path / "a.zarr", name="seg").run().rows[0].status == "done"
    again = nbp.BatchJob(
        classifier=PROJECT, inputs=[f"{tmp_path}/a.zarr/labels/seg"], exports=[nbp.Export(folder=tmp_path / "o")]
    )
    assert again.run().rows[0].status == "done"


@VERSIONS
@pytest.mark.parametrize("where", ["", "A/1/0"], ids=["image", "in a plate"])
def test_record_lies_beside_the_store(version, where, tmp_path):
    """Ledger and summary are beside the outermost store, which holds nothing but Zarr."""
    root = new_group(tmp_path / "data/a.zarr", version)
    ome_image(root.require_group(where) if where else root, version, [level("0", 1)])
    assert job(f"{tmp_path}/data/a.zarr/{where}".rstrip("/"), name="seg").run().rows[0].status == "done"
    assert sorted(path.suffix for path in (tmp_path / "data").iterdir()) == [".csv", ".jsonl", ".zarr"]
    strangers = [path for path in (tmp_path / "data/a.zarr").rglob("*") if path.suffix in (".csv", ".jsonl")]
    assert strangers == []


def test_labels_into_version_06_are_refused(tmp_path):
    """Labels of 0.5 in an image of 0.6 would be two versions in one image."""
    root = new_group(tmp_path / "a.zarr", "0.5")
    root.create_array("0", data=PIXELS)
    way = {"type": "scale", "scale": [1, 1], "input": "0", "output": "intrinsic"}
    image = {
        "coordinateSystems": [{"name": "intrinsic", "axes": MICROMETERS}],
        "datasets": [{"path": "0", "coordinateTransformations": [way]}],
    }
    root.attrs["ome"] = {"version": "0.6", "multiscales": [image]}
    (row,) = job(tmp_path / "a.zarr", name="seg").plan().rows
    assert any("OME-Zarr 0.6, into which labels cannot be written" in problem.text for problem in row.problems)
