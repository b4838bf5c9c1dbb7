"""What is found in inputs, what is set for single ones, and images in memory."""

import os
from itertools import count
from pathlib import Path

import h5py
import numpy as np
import pytest
from threshold import Threshold, random_image, save_images

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.location import parse
from napari_batch_prediction.planning.inputs.inspection import Inspected, Inspections
from napari_batch_prediction.planning.inputs.opening import open_input
from napari_batch_prediction.planning.plan import Found, iter_plan, make_plan
from napari_batch_prediction.records.record import RecordedInput

CLASSIFIER = Threshold(Path(__file__))


def job_for(*inputs: object, **settings: object) -> BatchJob:
    return BatchJob(classifier=Path(__file__), inputs=tuple(map(str, inputs)), **settings)


def test_settings_of_one_image_win_over_those_of_all(tmp_path):
    """Axes, channels and dataset of one image go before those of all; the dataset is in its output's name."""
    first, second = save_images(tmp_path, "a", "b", shape=(3, 20, 30))
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["one"] = random_image(20, 30)
        file["two/deep"] = random_image(20, 40)
    third = tmp_path / "c.h5"
    job = job_for(
        first,
        second,
        third,
        input_axes="tyx",
        input_settings={
            str(second): InputSettings(axes="cyx", channels=(1,)),
            str(third): InputSettings(axes="yx", dataset="two/deep"),
        },
    )
    rows = make_plan(job, CLASSIFIER).rows
    assert [(row.image.axes, row.image.shape) for row in rows] == [
        ("tyx", (3, 20, 30)),
        ("cyx", (1, 20, 30)),
        ("yx", (20, 40)),
    ]
    assert [row.problems for row in rows] == [(), (), ()]
    assert rows[2].outputs["Probabilities"].name == "c-two-deep_Probabilities.h5"
    with open_input(job, parse(second)) as image:
        np.testing.assert_array_equal(image.read()[0], np.load(second)[1])


def test_images_are_told_as_they_are_found(tmp_path):
    """First what the inputs stand for, then each image in its order; an image given twice counts once."""
    paths = save_images(tmp_path, "a", "b", "c")
    pattern = str(tmp_path / "*.npy")
    steps = list(iter_plan(job_for(paths[1], pattern), CLASSIFIER))
    first, *others = steps
    assert isinstance(first, Found)
    assert first.given == {str(paths[1]): (str(paths[1]),), pattern: (str(paths[0]), str(paths[2]))}
    assert all(isinstance(step, Inspected) for step in others)
    assert [step.input for step in others] == [str(paths[1]), str(paths[0]), str(paths[2])]


def test_cancelled_check_looks_at_no_further_image(tmp_path):
    """A check that is cancelled looks at no further image."""
    paths = save_images(tmp_path, "a", "b", "c")
    asked = count()
    steps = iter_plan(job_for(*paths), CLASSIFIER, should_cancel=lambda: next(asked) == len(paths) + 1)
    assert isinstance(next(steps), Found)
    assert isinstance(next(steps), Inspected)
    with pytest.raises(SettingsError, match="cancelled"):
        next(steps)


def test_header_of_an_unchanged_file_is_not_read_again(tmp_path):
    """A file that has not changed is not opened again; one that has, or with other axes, is."""
    (path,) = save_images(tmp_path, "a", shape=(3, 20, 30))
    inspections = Inspections()

    def look(**settings: object) -> tuple[str, tuple[int, ...]]:
        image = inspections.look_at(job_for(path, **settings), parse(path), CLASSIFIER, {}).image
        return image.axes, image.shape

    assert look(input_axes="tyx") == ("tyx", (3, 20, 30))
    state = path.stat()
    content = path.read_bytes()
    # The same name, time and size, but no image any more: what is remembered is believed.
    with path.open("r+b") as file:
        file.write(b"x" * len(content))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert look(input_axes="tyx") == ("tyx", (3, 20, 30))
    path.write_bytes(content)
    np.save(path, random_image(4, 20, 30))
    assert look(input_axes="tyx") == ("tyx", (4, 20, 30))
    assert look(input_axes="zyx") == ("zyx", (4, 20, 30))


def test_layer_is_looked_at_like_a_file(tmp_path):
    """A layer is looked at like a file, but no file is named for it."""
    (path,) = save_images(tmp_path, "a")
    pixels = random_image(5, 20, 30)
    arrays = {"layer:cells": MemoryImage("layer:cells", pixels, "zyx", axes_known="guess", pixel_size={"y": 0.5})}
    job = job_for(path, "layer:cells", input_settings={"layer:cells": InputSettings(axes="tyx")})
    plan = make_plan(job, CLASSIFIER, arrays=arrays)
    on_disk, layer = plan.rows
    assert on_disk.outputs
    assert (layer.image.axes, layer.image.axes_known, layer.image.pixel_size) == ("tyx", "user", {"y": 0.5})
    assert (layer.problems, layer.outputs) == ((), {})
    with open_input(job, layer.location, plan.arrays) as image:
        np.testing.assert_array_equal(image.read(), pixels)
    with open_input(job, layer.location, plan.arrays) as image:  # once more: it is not used up
        assert image.shape == (5, 20, 30)


def test_layer_without_a_viewer_is_a_problem_of_one_row(tmp_path):
    """Outside its viewer a layer is a problem of that input alone."""
    (path,) = save_images(tmp_path, "a")
    rows = make_plan(job_for(path, "layer:cells"), CLASSIFIER).rows
    assert rows[0].problems == ()
    assert tuple(map(str, rows[1].problems)) == (
        "'layer:cells' is a layer of a viewer, and can be predicted only while it is there, in that viewer. "
        "Add it to the viewer again, or save it to a file and use the file.",
    )


def test_list_that_a_pattern_matches_is_no_list(tmp_path):
    """A text file that a pattern matches is no list: it fails alone, and what is in it is no input."""
    (image,) = save_images(tmp_path, "a")
    (tmp_path / "list.txt").write_text("b.npy")
    rows = make_plan(job_for(tmp_path / "*"), CLASSIFIER).rows
    assert [row.input for row in rows] == [str(image), str(tmp_path / "list.txt")]
    assert [bool(row.problems) for row in rows] == [False, True]


def test_stack_that_is_gone_when_a_run_goes_on(tmp_path):
    """A recorded stack whose files are gone is a problem of its own, and the names of other outputs stay."""
    folders = [tmp_path / name for name in ("here", "gone")]
    for folder in folders:
        folder.mkdir()
        save_images(folder, "a", "b")
    patterns = [f"{folder}/*.npy" for folder in folders]
    job = job_for(*patterns, stack="z", exports=(Export(name="{relative}_{stem}"),))
    whole = make_plan(job, CLASSIFIER)
    for path in folders[1].iterdir():
        path.unlink()
    here, gone = make_plan(job, CLASSIFIER, earlier=[RecordedInput(pattern) for pattern in patterns]).rows
    assert here.outputs == whole.rows[0].outputs
    assert [here.input, gone.input] == patterns
    assert here.problems == ()
    assert "matches no file" in str(gone.problems[0])
