"""The check before the run: what is found, and what is said about it."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from threshold import Threshold, files_in, plan_for, save_images

from napari_batch_prediction.errors import AxesError, SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.running.run import run_plan
from napari_batch_prediction.widgets.exports.names import first_image, names


def problems(plan) -> list[tuple[str, ...]]:
    return [tuple(map(str, row.problems)) for row in plan.rows]


def test_good_inputs_have_outputs_and_nothing_is_written(tmp_path):
    """Axes, shape and type of every input are known, every output has its name, and nothing is written."""
    paths = save_images(tmp_path, "b.1", "a", shape=(20, 30, 1))
    before = files_in(tmp_path)
    plan = plan_for(paths, "probabilities", "Simple Segmentation")
    assert [row.input for row in plan.rows] == [str(path) for path in paths]
    assert [(row.image.axes, row.image.axes_known, row.image.shape, str(row.image.dtype)) for row in plan.rows] == [
        ("yxc", "guess", (20, 30, 1), "uint8")
    ] * 2
    assert plan.rows[0].outputs == {
        "Probabilities": tmp_path / "b.1_Probabilities.h5",
        "Simple Segmentation": tmp_path / "b.1_Simple Segmentation.h5",
    }
    assert plan.n_problems == 0
    assert files_in(tmp_path) == before


def test_source_exported_in_two_ways_keeps_them_apart(tmp_path):
    """A source that is exported in two ways keeps both outputs apart."""
    job = BatchJob(
        classifier=__file__,
        inputs=tuple(map(str, save_images(tmp_path, "a"))),
        exports=(Export(), Export(name="{stem}_plain", format="hdf5")),
    )
    plan = make_plan(job, Threshold(Path(__file__)))
    assert plan.rows[0].outputs == {
        "Probabilities": tmp_path / "a_Probabilities.h5",
        "Probabilities (2)": tmp_path / "a_plain.h5",
    }


def test_axes_of_the_user_are_those_of_every_input(tmp_path):
    """Axes that the user gives are those of every input."""
    plan = plan_for(save_images(tmp_path, "a", shape=(3, 20, 30)), input_axes="tyx")
    assert (plan.rows[0].image.axes, plan.rows[0].image.axes_known) == ("tyx", "user")


def test_file_that_cannot_run_has_a_problem_of_its_own(tmp_path):
    """A missing, a damaged and an unfitting file have a problem each; the good one has none."""
    good, damaged = save_images(tmp_path, "good", "damaged")
    damaged.write_bytes(b"this is no array")
    np.save(tmp_path / "colour.npy", np.zeros((20, 30, 3), np.uint8))
    plan = plan_for([good, tmp_path / "missing.npy", damaged, tmp_path / "colour.npy"])
    good_ones, missing, broken, colour = problems(plan)
    assert good_ones == ()
    assert missing == (f"There is no file '{tmp_path / 'missing.npy'}'. Check its name and folder.",)
    assert broken[0].startswith(f"Cannot read '{damaged}' as NumPy: ")
    assert colour == ("The image has 3 channels. Expected 1.",)
    assert plan.rows[2].image is None
    assert plan.rows[3].image.shape == (20, 30, 3)
    assert plan.n_problems == 3


def test_words_in_a_path_are_not_what_mends_a_problem(tmp_path):
    """What is wrong with an image names the setting that mends it, and a folder called after another does not."""
    for folder in ("datasets", "axes_test", "two_channel"):
        (tmp_path / folder).mkdir()
    (empty,) = save_images(tmp_path, "axes_test/a")
    (torn,) = save_images(tmp_path, "two_channel/a")
    empty.write_bytes(b"")
    torn.write_bytes(torn.read_bytes()[:-9])
    (volume,) = save_images(tmp_path, "axes_test/b", shape=(2, 3, 4, 5, 6, 7))
    plan = plan_for([tmp_path / "datasets" / "scan1.png", empty, torn, volume])
    assert [[problem.setting for problem in row.problems] for row in plan.rows] == [[None], [None], [None], ["axes"]]


COLLISIONS = {
    "two extensions": (("a.png", "a.tif"), {}),
    "two folders into one": (("p/1.npy", "q/1.npy"), {"folder": "out"}),
    "only the case differs": (("cells.npy", "Cells.npy"), {}),
    "only the composition of letters differs": (("caf\u00e9.npy", "cafe\u0301.npy"), {}),
    "a name without the input": (("a.npy", "b.npy"), {"name": "result"}),
}


@pytest.mark.parametrize(("names", "settings"), COLLISIONS.values(), ids=COLLISIONS)
def test_two_inputs_with_one_output_are_refused(tmp_path, names, settings):
    """Both inputs are refused, and each names the other. They need not exist for that."""
    paths = [tmp_path / name for name in names]
    settings = {key: tmp_path / value if key == "folder" else value for key, value in settings.items()}
    plan = plan_for(paths, **settings)
    for row, other in zip(plan.rows, reversed(paths), strict=True):
        assert f"is also the output of {other}. Use a name that tells them apart" in row.problems[-1].text


def test_equal_names_are_kept_apart_by_a_mirrored_tree(tmp_path):
    """Equal names in several folders are kept apart by a mirrored tree."""
    plan = plan_for(save_images(tmp_path, "p/1", "q/1"), folder=tmp_path / "out", name="{relative}/{stem}")
    assert plan.n_problems == 0
    assert [row.outputs["Probabilities"] for row in plan.rows] == [
        tmp_path / "out/p/1.h5",
        tmp_path / "out/q/1.h5",
    ]


def test_two_exports_with_one_output_are_refused(tmp_path):
    """Exports that a template does not tell apart are refused."""
    plan = plan_for(save_images(tmp_path, "a"), "Probabilities", "Features", name="{stem}")
    assert f"{tmp_path / 'a.h5'} is also the output of another export of it" in plan.rows[0].problems[0].text


def test_output_that_is_an_input_is_refused(tmp_path):
    """Neither an input nor the classifier is ever an output, whatever may be replaced and through whatever link."""
    (image,) = save_images(tmp_path, "a")
    classifier = tmp_path / "p.ilp"
    classifier.touch()
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)

    def problem(name: str, *inputs: Path) -> str:
        job = BatchJob(
            classifier=classifier,
            inputs=tuple(map(str, inputs)),
            exports=(Export(name=name, folder=tmp_path / "link"),),
            existing="overwrite",
        )
        return make_plan(job, Threshold(classifier)).rows[0].problems[0].text

    other = tmp_path / "a2.h5"
    other.touch()
    assert f"a2.h5 is the input {other}, which is never replaced" in problem("{stem}2", image, other)
    (tmp_path / "c.h5").symlink_to(classifier)
    assert f"c.h5 is the classifier {classifier}" in problem("c", image)


def test_existing_output_is_refused_skipped_or_replaced(tmp_path):
    """An output that exists is a problem, a reason to skip, or nothing, as the user says."""
    paths = save_images(tmp_path, "a", "b")
    (tmp_path / "a_Probabilities.h5").touch()
    refused = plan_for(paths)
    assert problems(refused) == [
        (
            f"{tmp_path / 'a_Probabilities.h5'} exists. Remove what exists, choose another name, "
            "or allow skipping or overwriting.",
        ),
        (),
    ]
    skipping = plan_for(paths, existing="skip")
    assert "does not say how it was made" in skipping.rows[0].problems[0].text
    assert (skipping.rows[1].problems, skipping.rows[1].skip) == ((), False)
    replacing = plan_for(paths, existing="overwrite")
    assert [(row.problems, row.skip) for row in replacing.rows] == [((), False), ((), False)]
    partly = plan_for(paths, "Probabilities", "Features", existing="skip")
    assert [row.skip for row in partly.rows] == [False, False]


@pytest.mark.parametrize("form", ["hdf5", "tiff", "numpy", "png", "multi-scale OME-Zarr", "n5"])
def test_link_that_leads_nowhere_is_no_output_to_skip(form, tmp_path):
    """A link to a file or folder that is gone is not what this job would write: the image is not called skipped."""
    paths = save_images(tmp_path, "a")
    (output,) = plan_for(paths, "Simple Segmentation", format=form).rows[0].outputs.values()
    output.symlink_to(tmp_path / "gone")
    (row,) = plan_for(paths, "Simple Segmentation", format=form, existing="skip").rows
    assert not row.skip
    assert row.problems
    assert output.is_symlink()


def test_output_that_cannot_be_written_is_found_before(tmp_path):
    """A folder that is a file, an output that is a folder, and a name that is too long are found before the run."""
    paths = save_images(tmp_path, "a")
    (tmp_path / "file").touch()
    (tmp_path / "a_Features.h5").mkdir()
    inside_a_file = plan_for(paths, folder=tmp_path / "file" / "deep").rows[0].problems
    assert len(inside_a_file) == 1
    assert "cannot be made" in inside_a_file[0].text
    assert f"{tmp_path / 'file'} is not a folder" in inside_a_file[0].text
    assert "is a folder" in plan_for(paths, "Features", existing="overwrite").rows[0].problems[0].text
    assert "longer than 255 bytes" in plan_for(paths, name="{stem}" + "é" * 130).rows[0].problems[0].text


WRONG_JOBS = {
    "source": ({"source": "Watershed"}, SettingsError, "cannot export 'Watershed'"),
    "format": ({"format": "jpeg 2000"}, SettingsError, "format 'jpeg 2000' is unknown"),
    "placeholder": ({"name": "{name}"}, SettingsError, r"holds \{name\}, which is unknown"),
    "dataset": ({"internal_path": "/"}, SettingsError, "dataset inside the HDF5 file needs a name"),
    "axes": ({"input_axes": "yyx"}, AxesError, "'yyx' are not valid"),
}


@pytest.mark.parametrize(("settings", "kind", "message"), WRONG_JOBS.values(), ids=WRONG_JOBS)
def test_setting_wrong_for_every_input_is_an_error_of_the_job(tmp_path, settings, kind, message):
    """What is wrong for every input is an error of the job, not of its rows."""
    settings = dict(settings)
    sources = [settings.pop("source")] if "source" in settings else []
    with pytest.raises(kind, match=message):
        plan_for(save_images(tmp_path, "a"), *sources, **settings)


def test_job_without_inputs_is_refused(tmp_path):
    """A job without inputs, or whose pattern matches nothing, is an error."""
    with pytest.raises(SettingsError, match="There is no input"):
        plan_for([])
    with pytest.raises(SettingsError, match=r"\*\.tif' matches no file"):
        plan_for([tmp_path / "*.tif"])


def test_input_that_stands_for_nothing_is_a_problem_of_one_row(tmp_path):
    """A pattern or folder without an image is a row with the reason; the others are planned as without it."""
    (path,) = save_images(tmp_path, "a")
    (tmp_path / "empty").mkdir()
    alone = plan_for([path], name="{folder}/{relative}_{source}").rows[0].outputs
    first, *lost = plan_for(
        [path, tmp_path / "nothing/*.tif", tmp_path / "empty"], name="{folder}/{relative}_{source}"
    ).rows
    assert (first.problems, first.outputs) == ((), alone)
    assert [row.input for row in lost] == [f"{tmp_path / 'nothing/*.tif'}", f"{tmp_path / 'empty'}"]
    assert [(row.image, row.outputs) for row in lost] == [(None, {})] * 2
    (pattern,), (folder,) = (row.problems for row in lost)
    assert "matches no file" in pattern.text
    assert "holds no image that can be read" in folder.text
    ledger = run_plan(plan_for([path, tmp_path / "nothing/*.tif"]))
    assert [(row.status, row.reason) for row in ledger.rows] == [("done", ""), ("problem", pattern.text)]


def test_five_hundred_headers_are_opened_once_each(tmp_path):
    """Five hundred files: every header is opened once, and no file stays open."""
    open_before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    plan = plan_for(save_images(tmp_path, *(f"{i:03}" for i in range(500)), shape=(3, 4)))
    open_after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    assert (len(plan.rows), plan.n_problems) == (500, 0)
    assert open_after <= open_before


@pytest.mark.slow
def test_equal_images_share_what_they_have_in_common(tmp_path):
    """A plan of thousands of images is few objects: what the garbage collection looks through stops the window."""
    few, many = 100, 400
    paths = save_images(tmp_path, *(f"{i:03}" for i in range(many)), shape=(3, 4))
    sources = ("Probabilities", "Simple Segmentation", "Features")
    plan_for(paths[:few], *sources)
    counts = []
    for n in (few, many):
        gc.collect()
        before = len(gc.get_objects())
        plan = plan_for(paths[:n], *sources)
        gc.collect()
        counts.append(len(gc.get_objects()) - before)
        assert {len(row.outputs) for row in plan.rows} == {3}
        del plan
    # The row, its location, and the two objects of that path.
    assert counts[1] - counts[0] <= 4 * (many - few) + few


def test_outputs_through_a_link_to_one_folder(tmp_path):
    """Two exports are told that they write the same file, though their folders have different names."""
    (path,) = save_images(tmp_path, "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out", target_is_directory=True)
    folders = (tmp_path / "out", tmp_path / "link")
    plan = plan_for([path], exports=tuple(Export(folder=folder) for folder in folders))
    assert ["also the output of another export of it" in problem for problem in problems(plan)[0]] == [True, True]


def test_names_of_the_first_image_are_of_one_that_can_be_predicted(tmp_path):
    """An image that cannot be read is no first file; without any other it is, so that names can be chosen."""
    (good,) = save_images(tmp_path, "b")
    bad = tmp_path / "a.npy"
    bad.write_bytes(b"no array")
    for paths, stem in (([bad, good], "b"), ([bad], "a")):
        plan = plan_for(paths)
        assert [path.stem for path in names(first_image(plan), plan.job.exports, None)] == [f"{stem}_Probabilities"]


@pytest.mark.parametrize("folder", [None, "tables"], ids=["beside the images", "a folder"])
def test_preview_of_a_table_of_a_folder_that_is_one_image(tmp_path, folder):
    """The window names the table that the run will write, before the settings are those of the plan."""
    save_images(tmp_path / "frames", "1", "2")
    exports = (Export(source="Counts", format="csv", folder=None if folder is None else tmp_path / folder),)
    plan = plan_for([tmp_path / "frames"], exports=exports, stack="t")
    (table,) = plan.tables.values()
    assert table.parent == (tmp_path / "frames" if folder is None else tmp_path / folder)
    elsewhere = plan_for([tmp_path / "frames"], "Probabilities", stack="t")
    assert names(first_image(elsewhere), exports, None) == names(first_image(plan), exports, None) == [table]
