"""Classified objects in batches: equal to ilastik, with second images that are found, or predicted meanwhile."""

import csv
import shutil
from types import SimpleNamespace

import golden
import golden_objects
import h5py
import numpy as np
import psutil
import pytest
from golden_objects import OBJECTS, SOURCES, case_job
from ilp_writer import axistags, put

from napari_batch_prediction import BatchJob, Export
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ProjectError, SettingsError
from napari_batch_prediction.images.arrays import array_image
from napari_batch_prediction.planning import objects as planning_objects
from napari_batch_prediction.running.resume import plan_resume


def read(path):
    with h5py.File(path) as file:
        return file["exported_data"][:]


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.golden
@pytest.mark.parametrize("in_files", [False, True], ids=["in memory", "in files"])
@pytest.mark.parametrize("case", OBJECTS)
def test_batch_is_equal_to_ilastik(tmp_path, monkeypatch, case, in_files):
    """Objects pixel by pixel, their classes, and probabilities to 1e-6, whether parts wait in memory or in files."""
    if in_files:
        monkeypatch.setattr(planning_objects, "MOST_IN_MEMORY", 0)
    ledger = case_job(case, tmp_path, workers=2).run()
    assert [(row.status, row.reason) for row in ledger] == [("done", "")] * 2
    for i, row in enumerate(ledger, start=1):
        for source, most in zip(SOURCES, (0, 0, 1e-6), strict=True):
            wanted = golden.read(golden.ROOT / case / "expected" / f"test{i}_{source}.h5")
            got = read(row.outputs[source])
            assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
            assert np.abs(got.astype(float) - wanted).max() <= most
        assert row.count == sum(len(time.table["object_id"]) for time in golden_objects.objects(case, f"test{i}"))


@pytest.mark.golden
@pytest.mark.parametrize("layout", ["ilastik csv", "ilastik hdf5"])
@pytest.mark.parametrize("case", OBJECTS)
def test_tables_as_those_of_ilastik(tmp_path, case, layout):
    """One table for each image with ilastik's columns, as text or in HDF5: every number within 1e-5."""
    ledger = case_job(case, tmp_path, Export("Object Table", format=layout, name="{stem}_table")).run()
    for i, row in enumerate(ledger, start=1):
        times = list(golden_objects.objects(case, f"test{i}"))
        theirs = {title: [text for time in times for text in time.table[title]] for title in times[0].table}
        path = row.outputs["Object Table"]
        if layout == "ilastik csv":
            table = lines(path)
            ours = {title: [line[title] for line in table] for title in table[0]}
        else:
            with h5py.File(path) as file:
                table = file["table"][:]
            ours = {title: table[title].astype(str).tolist() for title in table.dtype.names}
        assert list(ours)[:5] == ["object_id", "timestep", "labelimage_oid", "User Label", "Predicted Class"]
        for title in ("object_id", "timestep", "labelimage_oid", "User Label", "Predicted Class"):
            assert ours[title] == theirs[title]
        for title in set(theirs) - {"Predicted Class", "User Label"}:
            got, wanted = (np.array(each[title], float) for each in (ours, theirs))
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(wanted), initial=0))


@pytest.mark.golden
def test_table_of_the_batch_has_classes_and_probabilities(tmp_path):
    """The table of this program has the class of each object, the probabilities, and the number in a label image."""
    case = "p_objclass_2dt_label"
    ledger = case_job(case, tmp_path, "Object Table").run()
    rows = lines(ledger.tables["Object Table"])
    for i, row in enumerate(ledger, start=1):
        own = [line for line in rows if line["image"] == row.input]
        times = list(golden_objects.objects(case, f"test{i}"))
        theirs = {title: [text for time in times for text in time.table[title]] for title in times[0].table}
        pairs = {"label": "labelimage_oid", "time": "timestep", "original_label": "original_oid",
                 "pixels": "Size in pixels", "centroid_x": "Center of the object_0"}  # fmt: skip
        for ours, title in pairs.items():
            wanted = np.array(theirs[title], float)
            np.testing.assert_allclose([float(line[ours]) for line in own], wanted, rtol=1e-6)
        assert [line["class"] for line in own] == theirs["Predicted Class"]
        for name in load_classifier(golden.ROOT / case / "project.ilp").classes:
            wanted = np.array(theirs[f"Probability of {name}"], float)
            np.testing.assert_allclose([float(line[f"probability_{name}"]) for line in own], wanted, atol=1e-6)


@pytest.mark.golden
def test_pixels_and_objects_come_from_one_pass(tmp_path):
    """The combined workflow gives the pixels' probabilities beside the objects, each tile predicted once."""
    case = "j_objclass_2d_u8"
    job = case_job(case, tmp_path, "Object Predictions", "Pixel Probabilities", "Simple Segmentation")
    plan = job.plan()
    pixels = plan.classifier.pixels
    calls = []
    predict = pixels.predict_tile
    pixels.predict_tile = lambda block, inner, sources: calls.append(sources) or predict(block, inner, sources)
    ledger = job.run()
    assert [row.status for row in ledger] == ["done", "done"]
    assert {tuple(names) for names in calls} == {("Probabilities", "Simple Segmentation")}
    for source in ("Object Predictions", "Simple Segmentation"):
        wanted = golden.read(golden.ROOT / case / "expected" / f"test2_{source}.h5")
        np.testing.assert_array_equal(read(ledger[1].outputs[source]), wanted)
    wanted = golden.read(golden.ROOT / case / "expected" / "test2_Pixel Probabilities.h5")
    np.testing.assert_allclose(read(ledger[1].outputs["Probabilities"]), wanted, atol=1e-6)


@pytest.mark.parametrize("method", [0, 1, 3])
@pytest.mark.parametrize(("channel", "core"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_objects_of_any_channels(tmp_path, method, channel, core):
    """Objects are made of the channels that the project names; one threshold has no cores."""
    shutil.copy(golden.ROOT / "j_objclass_2d_u8" / "project.ilp", tmp_path / "p.ilp")
    with h5py.File(tmp_path / "p.ilp", "r+") as file:
        for name, value in (("CurOperator", method), ("Channel", channel), ("CoreChannel", core), ("MinSize", 3)):
            put(file, f"ThresholdTwoLevels/{name}", value)
        put(file, "ThresholdTwoLevels/HighThreshold", 0.7)
    image = golden.read(golden.ROOT / "j_objclass_2d_u8" / "test1.png")
    classifier = load_classifier(tmp_path / "p.ilp")
    wanted = classifier.objects(image, "yx")
    (row,) = BatchJob(classifier, array_image(image, "yx"), ["Object Identities", "Object Table"]).run()
    assert (row.status, row.reason) == ("done", "")
    np.testing.assert_array_equal(row.arrays["Object Identities"], wanted.labels)
    assert row.count == wanted.table.n_objects > 0


def test_second_images_by_template_and_on_the_command_line(tmp_path):
    """A template finds them, in Python, in JSON and as an option; what is missing is a problem of its image alone."""
    case = golden.ROOT / "n_objclass_2d_pred_hyst"
    for name in ("a", "b"):
        shutil.copy(case / "test1_raw.h5", tmp_path / f"{name}.h5")
    shutil.copy(case / "test1_pred.h5", tmp_path / "a_Probabilities.h5")
    job = BatchJob(
        case / "project.ilp", [tmp_path / "a.h5", tmp_path / "b.h5"], "Object Identities", folder=tmp_path / "out",
        prediction_maps="{stem}_Probabilities.h5",
    )  # fmt: skip
    plan = job.plan()
    assert [bool(row.problems) for row in plan] == [False, True]
    assert "b_Probabilities.h5" in str(plan[1].problems[0])
    ledger = job.run()
    assert [row.status for row in ledger] == ["done", "problem"]
    wanted = golden.read(case / "expected" / "test1_Object Identities.h5")
    np.testing.assert_array_equal(read(ledger[0].outputs["Object Identities"]), wanted)
    shutil.copy(case / "test1_pred.h5", tmp_path / "b_Probabilities.h5")
    again = plan_resume(ledger.path)
    assert [row.is_to_run for row in again] == [False, True]


def test_arrays_with_second_images_in_memory():
    """An array and the array beside it give results in memory, as the classifier does."""
    case = golden.ROOT / "o_objclass_3d_binary"
    classifier = load_classifier(case / "project.ilp")
    raw, mask = golden.read(case / "test1_raw.h5"), golden.read(case / "test1_seg.h5")
    axes = "zyxc"[: raw.ndim]
    job = BatchJob(
        classifier, array_image(raw, axes), ["Object Identities", "Object Table"],
        segmentation_image=array_image(mask, "zyxc"[: mask.ndim]),
    )  # fmt: skip
    (row,) = job.run()
    assert (row.status, row.reason) == ("done", "")
    wanted = golden.read(case / "expected" / "test1_Object Identities.h5")[..., 0]
    np.testing.assert_array_equal(row.arrays["Object Identities"], wanted)
    assert row.arrays["Object Table"].n_objects == wanted.max() == row.count


def test_probabilities_predicted_meanwhile(tmp_path):
    """A project of Pixel Classification in place of probability images gives what its exported probabilities give."""
    pixels = golden.ROOT / "d_3d_u8"
    case = golden.ROOT / "q_objclass_3d_pred_ipht"
    (image,) = [path for path in pixels.glob("test1.*") if path.suffix != ".json"]
    (made,) = BatchJob(pixels / "project.ilp", image, "Probabilities", folder=tmp_path).run()
    exports = ["Object Identities", "Object Predictions", "Object Table"]
    settings = {"folder": tmp_path, "existing": "overwrite"}
    (stored,) = BatchJob(
        case / "project.ilp", image, exports, prediction_maps=made.outputs["Probabilities"], **settings
    ).run()
    assert (stored.status, stored.reason) == ("done", "")
    wanted = {name: read(stored.outputs[name]) for name in exports[:2]}
    (meanwhile,) = BatchJob(
        case / "project.ilp", image, exports, prediction_maps=pixels / "project.ilp", **settings
    ).run()
    assert (meanwhile.status, meanwhile.reason) == ("done", "")
    for name, values in wanted.items():
        np.testing.assert_array_equal(read(meanwhile.outputs[name]), values)
    assert meanwhile.count == stored.count > 0


MAPS = golden.ROOT / "n_objclass_2d_pred_hyst"
COUNTING = golden.ROOT / "h1_count_2d_u8" / "project.ilp"

refused = {
    "none": ({}, "The image of probabilities of each image is missing. Name it: a file,"),
    "another": ({"label_image": "x.tif"}, "The label image of each image is given, but the classifier"),
    "no pixels": ({"prediction_maps": COUNTING}, "expected a project of Pixel Classification"),
    "no project": ({"prediction_maps": "gone.ilp"}, "There is no project file gone.ilp"),
    "a project for one": (
        {"input_settings": {str(MAPS / "test1_raw.h5"): {"prediction_maps": COUNTING}}},
        "is a project, which predicts the image of probabilities of all images",
    ),
}


@pytest.mark.parametrize(("settings", "message"), refused.values(), ids=refused)
def test_second_images_that_cannot_be_are_refused(settings, message):
    """The plan says which second image a classifier takes, and how it is named."""
    job = BatchJob(MAPS / "project.ilp", MAPS / "test1_raw.h5", "Object Identities", **settings)
    try:
        problem = job.plan()[0].problems[0]
    except (SettingsError, ProjectError) as error:
        problem = error
    assert message in str(problem)
    assert problem.setting == ("label_image" if "label_image" in settings else "prediction_maps")


def test_problem_of_a_second_image_names_its_setting(tmp_path):
    """Probabilities of another size: the problem is said of the setting that names them."""
    case = golden.ROOT / "n_objclass_2d_pred_hyst"
    np.save(tmp_path / "small.npy", np.zeros((5, 6, 2), np.float32))
    maps = tmp_path / "small.npy"
    (row,) = BatchJob(case / "project.ilp", case / "test1_raw.h5", "Object Identities", prediction_maps=maps).plan()
    (problem,) = row.problems
    assert "The image of probabilities" in str(problem)
    assert "not of the size of the image" in str(problem)
    assert problem.setting == "prediction_maps"


@pytest.mark.parametrize(
    ("dtype", "value_range", "warns"),
    [("u2", None, True), ("u2", (0, 65535), False), ("u1", None, False), ("f4", None, False)],
)
def test_probabilities_of_unknown_range_are_told(tmp_path, dtype, value_range, warns):
    """Whole numbers are no probabilities, if the file does not say which of them is 1."""
    case = golden.ROOT / "n_objclass_2d_pred_hyst"
    shape = golden.read(case / "test1_pred.h5").shape
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        maps = file.create_dataset("data", data=np.zeros(shape, dtype))
        if value_range is not None:
            maps.attrs["drange"] = value_range
    job = BatchJob(
        case / "project.ilp", case / "test1_raw.h5", "Object Identities", folder=tmp_path,
        prediction_maps=tmp_path / "maps.h5",
    )  # fmt: skip
    (row,) = job.plan()
    assert row.problems == ()
    told = [warning for warning in row.warnings if "which value stands for 1" in str(warning)]
    assert [(warning.setting, warning.severity) for warning in told] == [("prediction_maps", "warning")] * warns


@pytest.mark.parametrize("settings", [{"object_class": "1"}, {"threshold": 0.6}, {"fill_holes": True}])
def test_settings_of_objects_are_refused_where_the_project_has_its_own(settings):
    """They would change nothing."""
    case = golden.ROOT / "j_objclass_2d_u8"
    job = BatchJob(case / "project.ilp", case / "test1.png", "Object Identities", objects=settings)
    with pytest.raises(SettingsError, match="by the settings of its project") as error:
        job.plan()
    assert error.value.setting == next(iter(settings))
    BatchJob(case / "project.ilp", case / "test1.png", "Simple Segmentation", objects=settings).plan()


def test_pixel_classifier_takes_no_second_image():
    """A classifier of pixels refuses images for objects."""
    case = golden.ROOT / "a_2d_u8"
    settings = {"objects": {"object_class": "1"}, "label_image": "x.tif"}
    job = BatchJob(case / "project.ilp", case / "test1.png", "Objects", **settings)
    with pytest.raises(SettingsError, match="takes no second image"):
        job.plan()


@pytest.mark.golden
@pytest.mark.parametrize(
    ("limit", "message"), [("4GiB", "making objects of the whole image"), (None, "Making its objects takes")]
)
def test_what_needs_the_whole_image_is_refused_by_the_plan_if_it_does_not_fit(tmp_path, monkeypatch, limit, message):
    """Objects that grow from cores and keep apart; with one threshold instead, the same image is done part by part."""
    shape = (600, 600, 600)
    for name, channels, dtype in (("raw", (), "u1"), ("pred", (2,), "f4")):
        with h5py.File(tmp_path / f"a_{name}.h5", "w") as file:
            data = file.create_dataset("data", (*shape, *channels), dtype, chunks=(50, 50, 50, *channels))
            data.attrs["axistags"] = axistags("zyxc"[: data.ndim])
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2**32, available=2**32))
    project = tmp_path / "project.ilp"
    for method, is_refused in ((3, True), (0, False)):
        shutil.copy(golden.ROOT / "q_objclass_3d_pred_ipht" / "project.ilp", project)
        with h5py.File(project, "r+") as file:
            file["ThresholdTwoLevels/CurOperator"][()] = method
        maps = {"prediction_maps": tmp_path / "a_pred.h5"}
        (row,) = BatchJob(project, tmp_path / "a_raw.h5", SOURCES, folder=tmp_path, memory=limit, **maps).plan()
        assert [message in str(problem) for problem in row.problems] == [True] * is_refused, row.problems
