"""Space on the disk: an output that cannot be held is refused, and in nobody's way."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from empty_store import empty_store
from threshold import Threshold, plan_for, save_images

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning import space
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.running.run import run_plan

ONE = 20 * 30
"""Bytes of the segmentation of an image as these tests save them."""

SEGMENTATION = "Simple Segmentation"


@pytest.fixture
def free(monkeypatch):
    """Return a function that says how many bytes are free on every disk."""

    def set_free(n_bytes: int) -> None:
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(space.shutil, "disk_usage", lambda folder: usage._replace(free=n_bytes))

    return set_free


def verdicts(plan) -> list[str]:
    """Return "no" for each image with a problem of space, "may" for a warning, else "yes"."""
    assert {problem.kind for row in plan.rows for problem in (*row.problems, *row.warnings)} <= {"space"}
    return ["no" if row.problems else "may" if row.warnings else "yes" for row in plan.rows]


def images(folder: Path, *heights: int) -> list[Path]:
    """Write images that are so many times as high as others."""
    return [save_images(folder, f"im{i}", shape=(20 * height, 30))[0] for i, height in enumerate(heights)]


CASES = {
    "plain": ("hdf5", 2.5, (1, 1, 1), ["yes", "yes", "no"]),
    "one too large": ("hdf5", 2.5, (3, 1, 1), ["no", "yes", "yes"]),
    "too large for the rest": ("numpy", 2.5, (1, 2, 1), ["yes", "no", "yes"]),
    "compressed": ("compressed hdf5", 2.5, (1, 1, 1), ["yes", "yes", "may"]),
    "one too large, compressed": ("tiff", 2.5, (3, 1, 1), ["may", "yes", "yes"]),
    "too large however compressed": ("multi-scale OME-Zarr", 0.004, (1, 10, 1), ["may", "no", "may"]),
    "sequence waits uncompressed": ("png sequence", 1.5, (2, 1, 1), ["no", "yes", "may"]),
}


@pytest.mark.parametrize(("form", "times", "heights", "expected"), CASES.values(), ids=CASES)
def test_only_what_can_be_written_takes_space(form, times, heights, expected, tmp_path, free):
    """An output that does not fit counts for itself alone; those after it that fit are planned as without it."""
    paths = images(tmp_path, *heights)
    free(int(times * ONE))
    axes = "zyxc" if "sequence" in form else None
    assert verdicts(plan_for(paths, SEGMENTATION, format=form, output_axes=axes)) == expected


def test_outputs_of_an_image_are_counted_together(tmp_path, free):
    """An image whose outputs do not fit together is refused as a whole; the next is planned."""
    paths = images(tmp_path, 2, 1)
    free(int(2.5 * ONE))
    exports = tuple(Export(source=SEGMENTATION, format="hdf5", name=f"{{stem}}_{i}") for i in range(2))
    assert verdicts(plan_for(paths, exports=exports)) == ["no", "yes"]


def test_each_disk_has_its_own_space(tmp_path, monkeypatch):
    """Outputs in several folders are counted for the disk of each."""
    (path,) = images(tmp_path, 1)
    usage, real = shutil.disk_usage("/"), os.stat
    monkeypatch.setattr(
        space.shutil, "disk_usage", lambda folder: usage._replace(free=0 if Path(folder).name == "full" else 10**9)
    )

    def stat(file, *arguments, **options):
        state = list(real(file, *arguments, **options))
        state[2] = 99 if Path(os.fsdecode(file)).name == "full" else 1
        return os.stat_result(state)

    (tmp_path / "full").mkdir()
    monkeypatch.setattr(Path, "stat", lambda self, **options: stat(self, **options))
    exports = tuple(Export(source=SEGMENTATION, format="hdf5", folder=folder) for folder in (None, tmp_path / "full"))
    plan = plan_for([path], exports=exports)
    assert verdicts(plan) == ["no"]
    assert plan.rows[0].problems[0].path == tmp_path / "full"


def test_format_limit_is_in_nobodys_way(tmp_path, free):
    """An image that its format cannot hold takes no space."""
    store = empty_store(tmp_path / "wide.zarr", "yx", (3, 70_000))
    (path,) = images(tmp_path, 1)
    free(int(1.5 * ONE))
    plan = plan_for([store, path], SEGMENTATION, format="bmp")
    assert [[problem.kind for problem in row.problems] for row in plan.rows] in ([["output"], []], [["space"], []])


@pytest.mark.parametrize("existing", ["skip", "overwrite"])
def test_outputs_that_exist_are_not_counted_twice(existing, tmp_path, free):
    """Outputs that stay take no space, and those that are replaced give theirs back."""
    paths = images(tmp_path, 1, 1, 1)
    assert run_plan(plan_for(paths, SEGMENTATION, format="hdf5")).count("done") == 3
    paths += images(tmp_path / "new", 1)
    size = paths[0].with_name("im0_Simple Segmentation.h5").stat().st_size
    free(int(1.5 * ONE) if existing == "skip" else 2 * ONE)
    assert size > ONE
    plan = plan_for(paths, SEGMENTATION, format="hdf5", existing=existing)
    assert verdicts(plan) == ["yes"] * 4


def test_skipped_output_beside_one_to_write_takes_no_space(tmp_path, free):
    """Of two outputs, the one that exists and stays takes no space."""
    (path,) = images(tmp_path, 1)
    exports = tuple(Export(source=SEGMENTATION, format="hdf5", name=f"{{stem}}_{i}") for i in range(2))
    assert run_plan(plan_for([path], exports=exports[:1])).count("done") == 1
    free(int(1.5 * ONE))
    assert verdicts(plan_for([path], exports=exports, existing="skip")) == ["yes"]
    both = tuple(export.model_copy(update={"folder": tmp_path / "new"}) for export in exports)
    assert verdicts(plan_for([path], exports=both)) == ["no"]


def test_resumed_run_needs_space_for_the_rest_alone(tmp_path, free):
    """What an earlier part of the run has done is there already."""
    from napari_batch_prediction.records.record import RecordedInput

    paths = images(tmp_path, 1, 1)
    export = Export(source=SEGMENTATION, format="hdf5")
    job = BatchJob(classifier=__file__, inputs=tuple(map(str, paths)), exports=(export,))
    classifier = Threshold(Path(__file__))
    first = run_plan(make_plan(job.model_copy(update={"inputs": (str(paths[0]),)}), classifier)).rows[0]
    earlier = [RecordedInput(str(path)) for path in paths]
    free(int(1.5 * ONE))
    plan = make_plan(
        job.model_copy(update={"existing": "overwrite"}),
        classifier,
        earlier,
        decide=lambda before: first if before.input == first.input else None,
    )
    assert [row.kept is not None for row in plan.rows] == [True, False]
    assert verdicts(plan) == ["yes", "yes"]


def test_folder_whose_disk_cannot_be_asked_is_left_to_the_run(tmp_path, monkeypatch):
    """A disk that does not say how much is free prevents nothing."""

    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(space.shutil, "disk_usage", refuse)
    assert verdicts(plan_for(images(tmp_path, 1), SEGMENTATION, format="hdf5")) == ["yes"]


def test_message_says_what_is_missing(tmp_path, free):
    """The message names the disk, the bytes that are missing and the way out."""
    store = empty_store(tmp_path / "huge.zarr", "yx", (10**6, 10**6))
    free(10**9)
    (row,) = plan_for([store], SEGMENTATION, format="hdf5").rows
    assert [problem.text for problem in row.problems] == [
        f"The disk of {tmp_path} is too small for the outputs of this image: 999 GB are missing. Choose another "
        "folder, a smaller region, or a compressed format."
    ]
    (row,) = plan_for([store], SEGMENTATION, format="hdf5", region={"y": (0, 10), "x": (5, 20)}).rows
    assert not row.problems
    assert np.prod(row.plans[0].transform.shape) == 150
