"""Headers that claim sizes that cannot be: refused with the reason, and in nobody's way."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from empty_store import empty_store
from threshold import Threshold, plan_for, save_images

from napari_batch_prediction.formats.registry import IMAGE_FORMATS
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import iter_plan
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.running.task import make_tasks

BIG = 2**31

SHAPES = {
    "plane": ("yx", (BIG, BIG)),
    "volume": ("zyx", (2**21, 2**20, 2**20)),
    "times": ("tyx", (BIG, 2**16, 2**15)),
    "row": ("yx", (1, 2**61)),
    "column": ("yx", (2**61, 1)),
    "slices": ("zyx", (2**61, 1, 1)),
}

FORMATS = [form.name for form in IMAGE_FORMATS if "uint8" in form.dtypes and "hdr" not in form.name]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("axes", "shape"), SHAPES.values(), ids=SHAPES)
def test_size_that_cannot_be_is_refused_and_the_next_image_is_done(axes, shape, form, tmp_path):
    """Whatever the axis and the format, the image is refused by the plan, and the next one is done."""
    store = empty_store(tmp_path / "absurd.zarr", axes, shape)
    np.save(tmp_path / "good.npy", np.zeros((2, 30, 40) if "sequence" in form else (30, 40), np.uint8))
    plan = plan_for([store, tmp_path / "good.npy"], "Simple Segmentation", format=form)
    assert {problem.kind for problem in plan.rows[0].problems} <= {"mismatch", "output", "space"}
    assert [row.status for row in run_plan(plan).rows] == ["problem", "done"]


def test_more_bytes_than_a_file_can_have_are_refused_by_the_reader(tmp_path):
    """A header with more bytes than systems can count says so, whatever the region."""
    store = empty_store(tmp_path / "absurd.zarr", "zyx", (BIG, BIG, BIG))
    (row,) = plan_for([store], region={"y": (0, 10), "x": (0, 10), "z": (0, 1)}).rows
    assert row.image is None
    assert "more than any file can hold" in row.problems[0].text


def test_small_region_of_an_absurd_image_is_predicted(tmp_path):
    """Only the region counts: a small one of an image of any size is done."""
    store = empty_store(tmp_path / "sparse.zarr", "yx", (BIG, 2**30))
    plan = plan_for([store], "Simple Segmentation", format="numpy", region={"y": (BIG - 50, BIG), "x": (3, 40)})
    assert [row.status for row in run_plan(plan).rows] == ["done"]
    assert np.load(tmp_path / "sparse_Simple Segmentation.npy").shape == (50, 37, 1)


def test_two_small_regions_far_apart_are_refused_for_the_box_around_them(tmp_path):
    """What is predicted is the box around all regions, and that is what is compared."""
    store = empty_store(tmp_path / "sparse.zarr", "yx", (BIG, BIG))
    exports = [
        Export(source="Simple Segmentation", name=f"{{stem}}_{i}", region={"y": (i, i + 9), "x": (i, i + 9)})
        for i in (0, BIG - 9)
    ]
    (row,) = plan_for([store], exports=exports).rows
    assert [problem.setting for problem in row.problems] == ["region"]
    assert f"y={BIG}" in row.problems[0].text


def test_counting_over_an_absurd_image_is_refused(tmp_path):
    """A table counts over the whole image, so that its size is compared although no image is written."""
    stores = [
        empty_store(tmp_path / "plane.zarr", "yx", (BIG, BIG)),
        empty_store(tmp_path / "times.zarr", "tyx", (2 * 10**6, 8, 8)),
    ]
    plan = plan_for([*stores, *save_images(tmp_path, "good")], "Counts", folder=tmp_path)
    assert [row.status for row in run_plan(plan).rows] == ["problem", "problem", "done"]
    assert "2000000 time points" in plan.rows[1].problems[0].text


def test_tiles_of_a_large_image_are_counted_and_not_made(tmp_path, monkeypatch):
    """A task of a huge image knows the number of its tiles; none is made before it is predicted."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=2**62))
    made = []
    monkeypatch.setattr("napari_batch_prediction.engine.tiles.Tile", lambda *box: made.append(box))
    store = empty_store(tmp_path / "huge.zarr", "tyx", (2**10, 2**20, 2**20))
    image = MemoryImage("layer:a", np.zeros((8, 8), np.uint8), "yx", axes_known="user")
    plan = plan_for([store, "layer:a"], "Simple Segmentation", arrays={"layer:a": image})
    tasks = make_tasks(plan, 2)
    assert len(tasks[0].tiles) > 2**27
    assert not made
    steps = iter(tasks[0].tiles)
    next(steps)
    assert len(made) == 1


@pytest.mark.parametrize("n_asked", range(1, 9))
def test_planning_is_cancelled_in_each_of_its_steps(n_asked, tmp_path):
    """Each input is asked about when it is expanded, opened, named and checked."""
    paths = save_images(tmp_path, "a", "b")
    job = BatchJob(classifier=__file__, inputs=tuple(map(str, paths)))
    asked = []

    def should_cancel():
        asked.append(1)
        return len(asked) == n_asked

    with pytest.raises(Exception, match="cancelled"):
        for _ in iter_plan(job, Threshold(Path(__file__)), should_cancel=should_cancel):
            pass
    assert len(asked) == n_asked
