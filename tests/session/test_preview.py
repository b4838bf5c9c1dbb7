"""Previews: the values of a run without its files."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from golden import ROOT as GOLDEN

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import BatchPredictionError, ImageMismatchError, ImageReadError, SettingsError
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.in_memory import InMemory
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.session import preview_choice as module
from napari_batch_prediction.session.preview import (
    PreviewAdvanced,
    Previewed,
    PreviewRequest,
    preview,
)
from napari_batch_prediction.session.preview_choice import choose_region

BOTH = ("Probabilities", "Simple Segmentation")
SIGHT = {"z": (2, 5), "y": (7, 30), "x": (11, 40)}
CASES = {
    "2D": ("a_2d_u8", "test1.png", BOTH, SIGHT, {}),
    "3D": ("d_3d_u8", "test1.h5/data", BOTH, SIGHT, {}),
    "one slice of 3D": ("d_3d_u8", "test1.h5/data", BOTH, {"z": (3, 4)}, {}),
    "time": ("f_2dt_u8", "test1.h5/data", BOTH, {**SIGHT, "t": (1, 2)}, {}),
    "channels chosen": ("a_2d_u8", "channels.npy", BOTH, SIGHT, {"input_axes": "yxc", "channels": (2,)}),
    "autocontext": (
        "i_autocontext_2d_u8",
        "test1.png",
        ("Probabilities Stage 2", "Simple Segmentation Stage 1", "Uncertainty Stage 2"),
        SIGHT,
        {},
    ),
    "counting": ("h1_count_2d_u8", "test1.png", ("Density", "Counts"), SIGHT, {}),
}


def done(request: PreviewRequest, should_cancel=lambda: False):
    """The progress of a preview, and its result."""
    steps, told = preview(request, should_cancel), []
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return told, end.value
        if isinstance(step, PreviewAdvanced):
            told.append(step)


def a_job(folder: Path, *images: str, sources=BOTH, **settings) -> BatchJob:
    exports = tuple(Export(source=name, folder=folder / "out", format="csv") if name == "Counts"
                    else Export(source=name, folder=folder / "out") for name in sources)  # fmt: skip
    inputs = tuple(str(folder / image) for image in images)
    return BatchJob(classifier=folder / "project.ilp", inputs=inputs, exports=exports, **settings)


@pytest.fixture
def folder(tmp_path, request):
    """A copy of a golden case, and an image of three channels."""
    name = getattr(request, "param", "a_2d_u8")
    for file in (GOLDEN / name).iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    np.save(tmp_path / "channels.npy", np.random.default_rng(1).integers(0, 250, (50, 60, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "image", "sources", "sight", "settings"), CASES.values(), ids=CASES, indirect=["folder"]
)
def test_values_are_those_of_a_run(folder, image, sources, sight, settings, monkeypatch):
    """Whole or in part, each value of a preview is bit for bit the one that a run writes for the same pixel."""
    job = a_job(folder, image, sources=sources, **settings)
    ledger = job.run()
    request = PreviewRequest(location=job.inputs[0], job=job, in_memory=InMemory(None, {}), sight=sight)
    for most in (module.WHOLE, 0):
        monkeypatch.setattr(module, "WHOLE", most)
        told, result = done(request)
        assert isinstance(result, Previewed)
        assert told[-1].n_done == told[-1].n_tiles
        assert result.is_whole == bool(most)
        assert not result.is_cut
        assert not result.row.outputs
        for export in result.exports:
            with open_image(f"{ledger.rows[0].outputs[export.name]}/exported_data") as file:
                written, axes = file.read(), file.axes
            inside = [result.region[key] for key in "tzyx"]
            part = reorder(written, axes, "ctzyx")[(slice(None), *(slice(*ends) for ends in inside))]
            np.testing.assert_array_equal(reorder(result.values[export.name], axes, "ctzyx"), part)
        if most:
            assert result.row.counts == ledger.rows[0].counts
    assert {key: result.region[key] for key in sight if key in axes} == {
        key: sight[key] for key in sight if key in axes
    }


def test_layer_is_previewed_as_a_run_predicts_it(folder):
    """An image in memory is previewed like a file."""
    pixels = np.load(folder / "channels.npy")[..., 0]
    image = MemoryImage("layer:cells", pixels, "yx", axes_known="file")
    job = BatchJob(classifier=folder / "project.ilp", inputs=("layer:cells",))
    classifier = load_classifier(folder / "project.ilp")
    _, result = done(
        PreviewRequest(location="layer:cells", job=job, in_memory=InMemory(classifier, {"layer:cells": image}))
    )
    np.testing.assert_array_equal(result.values["Probabilities"], classifier.predict(pixels, "yx"))


FAULTS = {
    "gone": ("gone.png", ImageReadError, {}),
    "channels": ("channels.npy", ImageMismatchError, {"input_axes": "yxc"}),
    "memory": ("test1.png", SettingsError, {"memory": 2**29}),
}


@pytest.mark.parametrize(("image", "error", "settings"), FAULTS.values(), ids=FAULTS)
def test_image_that_cannot_be_predicted_says_why(folder, image, error, settings, monkeypatch):
    """The reason is that of the plan."""
    monkeypatch.setattr("napari_batch_prediction.planning.memory.process_bytes", lambda: 2**30)
    job = a_job(folder, image, **settings)
    with pytest.raises(error) as raised:
        done(PreviewRequest(location=job.inputs[0], job=job, in_memory=InMemory(None, {})))
    assert isinstance(raised.value, BatchPredictionError)
    assert str(raised.value).split(". ")[0][:30] in str(job.plan().rows[0].problems[0])


def test_cancelled_preview_is_nothing(folder):
    """It ends without a result, and nothing is written."""
    job = a_job(folder, "test1.png")
    before = sorted(folder.iterdir())
    request = PreviewRequest(location=job.inputs[0], job=job, in_memory=InMemory(None, {}))
    assert done(request, should_cancel=lambda: True) == ([], None)
    assert sorted(folder.iterdir()) == before


LARGE = {"t": 1, "c": 3, "z": 1, "y": 40_000, "x": 30_000}
STACK = {"t": 7, "c": 1, "z": 300, "y": 2000, "x": 2000}
REGIONS = {
    "small": ({"t": 2, "c": 1, "z": 3, "y": 40, "x": 30}, {"z": (1, 2)}, {"z": (0, 3), "t": (0, 2)}, False),
    "in sight": (LARGE, {"y": (5, 900), "x": (7, 1000)}, {"y": (5, 900), "x": (7, 1000)}, False),
    "slice": (STACK, {"t": (3, 4), "z": (9, 10)}, {"t": (3, 4), "z": (9, 10), "y": (0, 2000)}, False),
    "too large": (LARGE, {}, {"y": (17_635, 22_364), "x": (13_226, 16_773)}, True),
    "volume too large": (STACK, {"t": (3, 4)}, {"t": (3, 4)}, True),
}


@pytest.mark.parametrize(("sizes", "sight", "expected", "is_cut"), REGIONS.values(), ids=REGIONS)
def test_region_is_what_is_in_sight_as_far_as_memory_goes(sizes, sight, expected, is_cut):
    """Small images are whole; of others what is in sight; of what is too large its middle, in the same proportions."""
    region, cut = choose_region(sizes, sight, 16)
    assert cut == is_cut
    assert {key: region[key] for key in expected} == expected
    n_pixels = np.prod([stop - start for start, stop in region.values()])
    assert n_pixels <= module.MOST_BYTES // 16
    if is_cut:
        assert n_pixels > module.MOST_BYTES // 16 * 0.9


OBJECTS = {
    "2D": ("a_2d_u8", "test1.png", "Objects", {}),
    "3D": ("d_3d_u8", "test1.h5/data", "Objects", {}),
    "of a table": ("a_2d_u8", "test1.png", "Object Table", {}),
    "with classes": ("n_objclass_2d_pred_hyst", "test2_raw.h5", "Object Identities", {"prediction_maps": "pred"}),
    "classes of labels": ("p_objclass_2dt_label", "test2_raw.h5", "Object Predictions", {"label_image": "lab"}),
    "of pixels": ("j_objclass_2d_u8", "test1.png", "Object Identities", {}),
}


@pytest.mark.parametrize(("folder", "image", "source", "second"), OBJECTS.values(), ids=OBJECTS, indirect=["folder"])
def test_objects_of_a_preview_are_those_of_a_run(folder, image, source, second):
    """Their labels, and the table of their numbers, although it is not exported."""
    beside = {field: str(folder / f"test2_{name}.h5") for field, name in second.items()}
    is_classified = source not in ("Objects", "Object Table")
    settings = {} if is_classified else {"objects": ObjectSettings("1", smoothing=0, min_size=5)}
    exports = (Export(source=source, format="csv" if source == "Object Table" else "compressed hdf5"),)
    job = BatchJob(folder / "project.ilp", folder / image, exports, **settings, **beside)
    plan = job.plan()
    request = PreviewRequest(
        location=job.inputs[0], job=job, in_memory=InMemory(None, {}), sight=SIGHT, beside=plan.rows[0].beside
    )
    told, result = done(request)
    assert told[-1].n_done == told[-1].n_tiles
    assert result.is_whole
    assert not result.problem
    assert not result.row.outputs
    labels = "Object Identities" if "Object Identities" in plan.classifier.sources else "Objects"
    both = (Export(source=labels), Export(source="Object Table", format="csv"))
    ledger = job.model_copy(update={"exports": both}).run()
    with open_image(f"{ledger.rows[0].outputs[labels]}/exported_data") as file:
        written, axes = file.read(), file.axes
    assert result.row.counts == ledger.rows[0].counts
    assert sum(result.row.counts) == result.objects.n_objects > 0
    if labels in result.values:
        np.testing.assert_array_equal(reorder(result.values[labels], axes, "ctzyx"), reorder(written, axes, "ctzyx"))
    with ledger.tables["Object Table"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*result.objects] == [*rows[0]][1:]
    for name, column in result.objects.items():
        if column.dtype == object:
            assert column.tolist() == [row[name] for row in rows]
        else:
            expected = np.array([float(row[name] or "nan") for row in rows], column.dtype)
            np.testing.assert_array_equal(column, expected, err_msg=name)


@pytest.mark.parametrize("folder", ["f_2dt_u8"], indirect=True)
def test_objects_of_a_long_series_are_those_of_the_time_point_in_sight(folder, monkeypatch):
    """All time points are previewed if they fit in memory, else the one that is looked at."""
    settings = ObjectSettings("1", smoothing=0, min_size=5)
    job = BatchJob(folder / "project.ilp", folder / "test1.h5/data", (Export(source="Objects"),), objects=settings)
    request = PreviewRequest(
        location=job.inputs[0], job=job, in_memory=InMemory(None, {}), sight={"t": (1, 2), "y": (5, 9)}
    )
    _, all_times = done(request)
    extents = {key: stop for key, (_, stop) in all_times.region.items()}
    assert extents["t"] > 1
    assert all_times.is_whole
    n_pixels = extents["z"] * extents["y"] * extents["x"]
    each = 4 * len(all_times.classifier.classes) + 4 + module._BYTES_BETWEEN
    monkeypatch.setattr(module, "MOST_BYTES", n_pixels * each)
    _, one = done(request)
    assert one.region == {**all_times.region, "t": (1, 2)}
    assert not one.problem
    assert one.row.counts == all_times.row.counts[1:2]
    assert {*one.objects["time"]} == {1}
    # In the time point that is looked at, and in no other.
    np.testing.assert_array_equal(one.values["Objects"][0], all_times.values["Objects"][1])
    assert len(one.values["Objects"]) == 1
    monkeypatch.setattr(module, "MOST_BYTES", n_pixels * each - 1)
    _, none = done(request)
    assert none.objects is None
    assert [*none.values] == ["Probabilities"]
    assert none.problem.startswith("Objects are made of whole images, and this one takes ")
    assert none.problem.endswith("run it to see them.")


@pytest.mark.parametrize("folder", ["n_objclass_2d_pred_hyst"], indirect=True)
def test_objects_that_do_not_fit_and_are_made_of_no_pixels_are_refused(folder, monkeypatch):
    """There is nothing else to be shown of them."""
    maps = str(folder / "test2_pred.h5")
    exports = (Export(source="Object Predictions"),)
    job = BatchJob(folder / "project.ilp", folder / "test2_raw.h5", exports, prediction_maps=maps)
    beside = job.plan().rows[0].beside
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    request = PreviewRequest(location=job.inputs[0], job=job, in_memory=InMemory(None, {}), beside=beside)
    with pytest.raises(SettingsError, match=r"this one takes .* run it"):
        done(request)


@pytest.mark.parametrize("folder", ["f_2dt_u8"], indirect=True)
def test_other_settings_of_objects_predict_no_pixels_again(folder, monkeypatch):
    """The objects are those that would be made anew; all else that has changed is predicted again."""
    classifier = load_classifier(folder / "project.ilp")
    tiles = []
    predict = type(classifier).predict_tile
    monkeypatch.setattr(
        type(classifier), "predict_tile", lambda self, *rest: (tiles.append(1), predict(self, *rest))[1]
    )
    first, other = (ObjectSettings("1", smoothing=s, min_size=5) for s in (0, 1.5))
    job = BatchJob(folder / "project.ilp", folder / "test1.h5/data", (Export(source="Objects"),), objects=first)

    def previewed(job, before=None, sight=SIGHT, **more):
        tiles.clear()
        given = InMemory(classifier, {})
        request = {"location": job.inputs[0], "job": job, "in_memory": given, "sight": sight, "before": before}
        _, result = done(PreviewRequest(**(request | more)))
        return result, len(tiles)

    before, n = previewed(job)
    assert n > 0
    changed = job.model_copy(update={"objects": other})
    anew, n = previewed(changed)
    assert n > 0
    again, n = previewed(changed, before)
    assert n == 0
    assert again.row.counts == anew.row.counts != before.row.counts
    assert [*again.values] == [*anew.values] == ["Probabilities", "Objects"]
    for name, values in anew.values.items():
        np.testing.assert_array_equal(again.values[name], values)
    for name, column in anew.objects.items():
        np.testing.assert_array_equal(again.objects[name], column)
    # Another classifier, other exports, and another image.
    assert previewed(changed, before, in_memory=InMemory(None, {}))[1] > 0
    more = changed.model_copy(update={"exports": (Export(source="Objects"), Export(source="Uncertainty"))})
    assert previewed(more, before)[1] > 0
    image = folder / "test1.h5"
    os.utime(image, ns=(1, 1))
    assert previewed(changed, before)[1] > 0
    cancelled = PreviewRequest(location=job.inputs[0], job=job, in_memory=InMemory(classifier, {}), before=anew)
    assert done(cancelled, lambda: True) == ([], None)
