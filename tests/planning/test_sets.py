"""Sets of files in a plan: one row for an image in several files."""

from pathlib import Path

import numpy as np
import pytest
from ome_files import image_xml, text, write_pages, write_set
from threshold import Threshold

from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspected, Inspections
from napari_batch_prediction.planning.plan import Found, iter_plan, make_plan

PLANES = np.random.default_rng(0).integers(0, 256, (3, 20, 30), np.uint8)
NAMES = ["s_0.ome.tif", "s_1.ome.tif", "s_2.ome.tif"]


def plan_for(*inputs, **settings):
    job = BatchJob(classifier=__file__, inputs=tuple(map(str, inputs)), exports=(Export(),), **settings)
    return make_plan(job, Threshold(Path(__file__)))


@pytest.mark.parametrize("named", ["pattern", "folder", "files", "last first"])
def test_set_of_files_is_predicted_once(named, tmp_path):
    """However its files are named, a set has one row, whose warning names them."""
    paths = write_set(tmp_path, PLANES, "t", NAMES)
    inputs = {"pattern": [tmp_path / "*.tif"], "folder": [tmp_path], "files": paths, "last first": paths[::-1]}[named]
    plan = plan_for(*inputs)
    assert [row.image.shape for row in plan.rows] == [(3, 20, 30)]
    assert plan.n_problems == 0
    (warning,) = plan.rows[0].warnings
    assert warning.severity == "warning"
    assert all(name in str(warning) for name in NAMES)


def test_positions_are_predicted_each_from_its_file(tmp_path):
    """Files of one position each have a row each, without a warning."""
    body = "".join(image_xml([(0, 0, 0, 0, name)], (20, 30), f"Pos{i}") for i, name in enumerate(NAMES))
    for i, name in enumerate(NAMES):
        write_pages(tmp_path / name, [PLANES[i]], text(body, name))
    plan = plan_for(tmp_path)
    assert [row.location.path.name for row in plan.rows] == NAMES
    assert not any(row.warnings or row.problems for row in plan.rows)


def test_set_without_a_file_is_each_of_the_others(tmp_path):
    """Files of an incomplete set are predicted each, with a warning that names what is missing."""
    paths = write_set(tmp_path, PLANES, "t", NAMES)
    paths[2].unlink()
    plan = plan_for(tmp_path)
    assert [row.image.shape for row in plan.rows] == [(20, 30)] * 2
    assert all(NAMES[2] in str(row.warnings[0]) for row in plan.rows)


def test_two_sets_in_one_folder_are_two_images(tmp_path):
    """Sets do not take each other's files."""
    write_set(tmp_path, PLANES, "t", NAMES)
    write_set(tmp_path, PLANES, "z", [f"other {name}" for name in NAMES])
    assert [row.image.axes for row in plan_for(tmp_path).rows] == ["zyx", "tyx"]


def test_chosen_dataset_of_a_part_stays(tmp_path):
    """A dataset that is chosen in a file of a set is predicted besides the set."""
    paths = write_set(tmp_path, PLANES, "t", NAMES)
    chosen = {str(paths[1]): InputSettings(dataset="0")}
    assert len(plan_for(*paths[:2], input_settings=chosen).rows) == 2
    assert len(plan_for(paths[0], f"{paths[1]}/0").rows) == 2


def test_files_of_a_set_are_never_replaced(tmp_path):
    """An output with the name of a part is a problem, though the part has no row."""
    write_set(tmp_path, PLANES, "t", [f"{name}f" for name in NAMES])
    export = Export(name="s_1.ome", format="multipage tiff")
    job = BatchJob(classifier=__file__, inputs=(str(tmp_path),), exports=(export,), existing="overwrite")
    (row,) = make_plan(job, Threshold(Path(__file__))).rows
    assert any("never replaced" in str(problem) for problem in row.problems)


def test_images_are_told_again_without_parts(tmp_path):
    """The window first lists all files, then those that are images of their own."""
    paths = write_set(tmp_path, PLANES, "t", NAMES)
    job = BatchJob(classifier=__file__, inputs=(str(tmp_path),), exports=(Export(),))
    steps = [*iter_plan(job, Threshold(Path(__file__)))]
    found = [step.given[str(tmp_path)] for step in steps if isinstance(step, Found)]
    assert found == [tuple(map(str, paths)), (str(paths[0]),)]
    assert [step.input for step in steps if isinstance(step, Inspected)] == [str(paths[0])]


def test_set_that_becomes_whole_is_noticed(tmp_path):
    """A missing file that is there at the next check makes the set one image."""
    paths = write_set(tmp_path, PLANES, "t", NAMES)
    last = paths[2].read_bytes()
    paths[2].unlink()
    job = BatchJob(classifier=__file__, inputs=(str(paths[0]),), exports=(Export(),))
    inspections, classifier = Inspections(), Threshold(Path(__file__))
    shapes = []
    for _ in range(2):
        *_, inspected = iter_plan(job, classifier, inspections=inspections)
        shapes.append(inspected.image.shape)
        paths[2].write_bytes(last)
    assert shapes == [(20, 30), (3, 20, 30)]
