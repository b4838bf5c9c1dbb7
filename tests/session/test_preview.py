"""Previews: the values of a run without its files."""

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
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.session import preview as module
from napari_batch_prediction.session.preview import (
    PreviewAdvanced,
    Previewed,
    PreviewRequest,
    choose_region,
    preview,
)

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
