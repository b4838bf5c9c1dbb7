"""Names that no file can have: NUL, halves of characters, too long. One in an input fails that input alone."""

import json
import os
from pathlib import Path

import golden
import h5py
import numpy as np
import pytest
from threshold import Threshold, plan_for, save_images

import napari_batch_prediction as nbp
from napari_batch_prediction.cli import main
from napari_batch_prediction.job.text import as_command, as_python
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.records.record import RecordedInput
from napari_batch_prediction.running.run import run_plan

PROJECT = golden.ROOT / "a_2d_u8" / "project.ilp"

NAMES = {
    "NUL": "x\0y",
    "half of a character": "x\ud800y",
    "other half": "x\udfffy",
    "name too long": "x" * 300,
    "characters of many bytes": "é" * 200,
    "path too long": "/".join(["x" * 200] * 40),
    "very long": "x/" * 500_000,
    "home of nobody": "~nobody-of-this-name/x",
    "only dots": "/".join([".."] * 3000),
}

PATTERNS = {
    "a file": "{}.npy",
    "a pattern": "{}*.npy",
    "a dataset": "{}.h5/data",
    "in a file": "data.h5/{}",
    "a list": "{}.txt",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an image and a file with datasets, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    save_images(Path(), "good")
    with h5py.File("data.h5", "w") as file:
        file["a"] = file["b"] = np.zeros((20, 30), np.uint8)
    return tmp_path


def statuses(plan) -> list[str]:
    ledger = run_plan(plan)
    assert all(not row.trace for row in ledger.rows)
    assert ledger.path is not None
    assert len(read_record(ledger.path).inputs) == len(ledger.rows)
    return [row.status for row in ledger.rows]


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_such_an_input_fails_alone(name, pattern, folder):
    """Beside a good image, named first, and in a list: the other is done, with a ledger and its table."""
    text = pattern.format(name)
    assert statuses(plan_for([text, "good.npy"])) == ["problem", "done"]
    Path("list.txt").write_text(f"{text}\ngood.npy\n", encoding="utf-8", errors="surrogatepass")
    if "\ud800" not in text and "\udfff" not in text:  # else the list is no text in UTF-8
        assert statuses(plan_for(["list.txt"], existing="overwrite")) == ["problem", "done"]
        Path("list.csv").write_text(f"path,n\n{text},1\ngood.npy,2\n", encoding="utf-8")
        assert statuses(plan_for(["list.csv"], existing="overwrite")) == ["problem", "done"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_such_an_input_of_a_record_fails_alone(name, folder):
    """The same in the inputs of an earlier run, which may come from anywhere."""
    job = nbp.BatchJob(classifier=__file__, inputs=("good.npy",), exports=(nbp.Export(folder=folder / "out"),))
    earlier = [RecordedInput(name), RecordedInput("good.npy")]
    plan = make_plan(job, Threshold(Path(__file__)), earlier)
    assert [bool(row.problems) for row in plan.rows] == [True, False]


@pytest.mark.parametrize("stack", [None, "z"])
@pytest.mark.parametrize("name", [*NAMES.values(), "*\0", "*\ud800"])
def test_such_a_dataset_of_one_image_fails_alone(name, stack, folder):
    """The dataset that is chosen for one image."""
    settings = {"data.h5": nbp.InputSettings(dataset=name)}
    assert statuses(plan_for(["data.h5", "good.npy"], input_settings=settings, stack=stack)) == ["problem", "done"]


def test_cell_of_a_list_that_is_too_long_fails_alone(folder):
    """A cell of more than Python's csv reads is an input that does not exist; the lines after it are read."""
    Path("list.csv").write_text(f'path,n\n{"y" * 200_000},1\n"{"z" * 140_000}",1\ngood.npy,2\n')
    assert statuses(plan_for(["list.csv"])) == ["problem", "problem", "done"]


def test_entries_of_a_list_fail_alone(folder):
    """A pattern in a list that matches nothing leaves the others; if nothing is left, the list is refused."""
    Path("list.txt").write_text("*.nothing\ngood.npy\nempty_folder/**\n")
    assert statuses(plan_for(["list.txt"])) == ["problem", "done", "problem"]
    Path("list.txt").write_text("*.nothing\n")
    with pytest.raises(nbp.BatchPredictionError, match="matches no file"):
        plan_for(["list.txt"])


@pytest.mark.parametrize("name", [name for name in NAMES.values() if "~" not in name])
@pytest.mark.parametrize("field", ["folder", "name", "internal_path"])
@pytest.mark.parametrize("form", ["compressed hdf5", "n5", "multi-scale OME-Zarr", "png sequence", "numpy"])
def test_such_a_setting_of_an_export_is_refused_before_anything_runs(name, field, form, folder):
    """A folder, a name or a dataset that cannot be is an error of the whole job, or a problem of each image."""
    settings = {"dtype": "uint8", "output_range": (0, 255)} if "png" in form else {}
    if field == "internal_path" and form not in ("compressed hdf5", "n5"):
        settings["format"] = "n5"
    if field == "folder" and set(name) <= {".", "/"}:
        name = "x" * 300 + name
    error = None
    try:
        plan = plan_for(["good.npy"], **{"format": form, field: name, **settings})
    except nbp.BatchPredictionError as raised:
        error = raised
    if error is not None:
        assert error.setting == field
        assert len(str(error)) < 1000
    else:
        assert plan.rows[0].problems
        assert [row.status for row in run_plan(plan).rows] == ["problem"]


@pytest.mark.parametrize("name", [name for name in NAMES.values() if "~" not in name])
def test_such_a_record_or_classifier_is_refused(name, folder):
    """The ledger, the classifier, and the ledger to be resumed are errors of the whole job."""
    with pytest.raises(nbp.BatchPredictionError) as record:
        run_plan(plan_for(["good.npy"], ledger=name))
    with pytest.raises(nbp.BatchPredictionError) as classifier:
        nbp.BatchJob(classifier=name, inputs=["good.npy"]).run()
    with pytest.raises(nbp.BatchPredictionError) as loaded:
        nbp.load_classifier(name)
    with pytest.raises(nbp.BatchPredictionError) as resumed:
        nbp.resume(Path(name))
    assert all(len(str(error.value)) < 3000 for error in (record, classifier, loaded, resumed))
    with pytest.raises(nbp.BatchPredictionError):
        nbp.open_image(name)


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_input_without_a_name_is_not_the_current_folder(name, folder):
    """An empty text, as of a variable without a value, fails alone and does not stand for all images here."""
    with pytest.raises(nbp.BatchPredictionError, match="is empty"):
        plan_for([name])
    assert statuses(plan_for([name, "good.npy"])) == ["problem", "done"]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "sub", "good.npy/record"])
def test_record_that_would_be_a_folder_is_refused(name, folder):
    """A folder, and a file inside a file, are refused as such before anything is predicted."""
    Path("sub").mkdir()
    with pytest.raises(nbp.BatchPredictionError, match=r"is a folder|good\.npy is a file") as raised:
        run_plan(plan_for(["good.npy"], ledger=name))
    assert raised.value.setting == "ledger"
    assert not [*folder.glob("*Probabilities*")]


def test_record_leaves_room_for_the_table_beside_it(folder):
    """A ledger whose table would have too long a name is refused before the run, not after it."""
    with pytest.raises(nbp.BatchPredictionError, match="no room"):
        plan_for(["good.npy"], ledger="r" * 250)
    plan = plan_for(["good.npy"], ledger="r" * 230 + ".ledger.jsonl")
    assert [row.status for row in run_plan(plan).rows] == ["done"]
    assert Path("r" * 230 + ".csv").is_file()


def test_record_of_a_classifier_with_a_long_name_has_a_name(folder):
    """A classifier with a name as long as can be gives its ledger a shorter one."""
    long = folder / ("c" * 250 + ".ilp")
    long.write_bytes(b"")
    job = nbp.BatchJob(classifier=long, inputs=("good.npy",))
    assert [row.status for row in run_plan(make_plan(job, Threshold(long))).rows] == ["done"]


def test_table_with_too_long_a_name_is_refused_before_the_run(folder):
    """The table of a batch, whose name is that of its classifier."""
    long = folder / ("c" * 250 + ".ilp")
    long.write_bytes(b"")
    job = nbp.BatchJob(classifier=long, inputs=("good.npy",), exports=(nbp.Export(source="Counts", format="csv"),))
    with pytest.raises(nbp.BatchPredictionError, match="longer than 255 bytes"):
        make_plan(job, Threshold(long))


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "x" * 5000, "a/b", ".."])
def test_layer_of_any_name_is_predicted_in_memory(name, folder):
    """A layer's name is no path."""
    from napari_batch_prediction.images.memory import MemoryImage

    arrays = {f"layer:{name}": MemoryImage(f"layer:{name}", np.zeros((20, 30), np.uint8), "yx", axes_known="user")}
    plan = plan_for([f"layer:{name}", "good.npy", "layer:gone\0"], arrays=arrays)
    assert statuses(plan) == ["done", "done", "problem"]


@pytest.mark.skipif(os.name == "nt", reason="names are not bytes there")
def test_name_that_is_no_text_is_predicted(folder):
    """Bytes that are not UTF-8 are a name like any other, in Python, in a job's text and in its ledger."""
    name = os.fsdecode(b"caf\xe9.npy")
    np.save("good.npy", np.zeros((60, 70), np.uint8))
    Path("good.npy").rename(name)
    job = nbp.BatchJob(classifier=PROJECT, inputs=(name,), exports=(nbp.Export(folder=folder / "out"),))
    assert "udce9" in as_python(job)
    assert as_command(job)
    ledger = job.run()
    assert [(row.status, row.reason) for row in ledger.rows] == [("done", "")]
    assert [row.status for row in nbp.resume(ledger.path).rows] == ["done"]
    settings = job.model_copy(update={"input_settings": {name: nbp.InputSettings(axes="yx")}, "existing": "overwrite"})
    words = as_command(settings)
    assert "--job" in words


@pytest.mark.parametrize("name", [name for name in NAMES.values() if "\0" not in name and "~" not in name])
def test_command_line_says_so_in_words(name, folder, capsys):
    """Everywhere the command line takes a path."""
    job = json.dumps({"classifier": str(PROJECT), "inputs": [name, "good.npy"], "exports": [{"folder": "out"}]})
    commands = {
        "input": ["run", str(PROJECT), name, "good.npy", "--folder", "out"],
        "check": ["check", str(PROJECT), name, "good.npy", "--folder", "out"],
        "classifier": ["run", name, "good.npy"],
        "info": ["info", name],
        "resume": ["resume", name],
        "job": ["run", "--job", job],
        "file of a job": ["run", "--job", name],
        "record": ["run", str(PROJECT), "good.npy", "--folder", "out", "--ledger", name],
        "folder": ["run", str(PROJECT), "good.npy", "--folder", name + "x" * 300],
        "demo": ["demo", name],
    }
    for what, words in commands.items():
        assert main(words) in (1, 2), what
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err, what
        assert "Unexpected" not in said.out + said.err, what
