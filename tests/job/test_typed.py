"""Jobs and predictions as people type them: what is typed, what comes; and what is wrong with what is mistyped."""

import pickle
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from napari.layers import Image, Labels, Points
from threshold import Threshold, random_image, save_images, whole

import napari_batch_prediction as nbp
from napari_batch_prediction.errors import MissingLibraryError, SettingsError
from napari_batch_prediction.job.text import as_command, as_python

PIXELS = random_image(20, 30)
SEGMENTATION, BOTH = "Simple Segmentation", ["Probabilities", "Simple Segmentation"]
LABELLED = xr.DataArray(
    PIXELS, dims=("Y", "x"), coords={"Y": np.arange(20) * 0.5, "x": ("x", np.arange(30) * 0.5, {"units": "um"})}
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with two images and a classifier, which is where everything is typed."""
    save_images(tmp_path, "a", "b")
    (tmp_path / "c.ilp").write_bytes(b"any file")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("napari_batch_prediction.planning.classifier.load_classifier", Threshold)
    yield
    while _OPEN:
        _OPEN.pop().close()


_OPEN: list[nbp.Image] = []


def opened(*given, **settings) -> nbp.Image:
    _OPEN.append(nbp.open_image(*given, **settings))
    return _OPEN[-1]


def loaded() -> Threshold:
    return Threshold(Path("c.ilp"))


def trained() -> Threshold:
    classifier = loaded()
    classifier.path = None
    return classifier


FILES = {
    "a file": lambda: nbp.BatchJob("c.ilp", "a.npy"),
    "a path": lambda: nbp.BatchJob(Path("c.ilp"), Path("a.npy")),
    "by names": lambda: nbp.BatchJob(classifier="c.ilp", inputs=["a.npy"]),
    "an opened image": lambda: nbp.BatchJob("c.ilp", opened("a.npy")),
    "a loaded classifier": lambda: nbp.BatchJob(loaded(), "a.npy"),
    "one source": lambda: nbp.BatchJob("c.ilp", "a.npy", "Probabilities"),
    "one export": lambda: nbp.BatchJob("c.ilp", "a.npy", nbp.Export("Probabilities")),
    "an export as a dictionary": lambda: nbp.BatchJob("c.ilp", "a.npy", {"source": "Probabilities"}),
    "sources one by one": lambda: nbp.BatchJob("c.ilp", "a.npy", (name for name in ["Probabilities"])),
}

MANY = {
    "a pattern": lambda: nbp.BatchJob("c.ilp", "*.npy"),
    "a glob": lambda: nbp.BatchJob("c.ilp", sorted(Path().glob("*.npy"))),
    "a generator": lambda: nbp.BatchJob("c.ilp", (Path(f"{name}.npy") for name in "ab")),
    "texts and paths": lambda: nbp.BatchJob("c.ilp", ["a.npy", Path("b.npy")]),
    "an array of texts": lambda: nbp.BatchJob("c.ilp", np.array(["a.npy", "b.npy"])),
    "JSON": lambda: nbp.BatchJob.model_validate_json('{"classifier": "c.ilp", "inputs": "*.npy"}'),
    "another job's copy": lambda: nbp.BatchJob("c.ilp", "a.npy").model_copy(update={"inputs": Path("*.npy")}),
}

IN_MEMORY = {
    "an array": (lambda: PIXELS, ["array:1"]),
    "arrays": (lambda: [PIXELS, PIXELS], ["array:1", "array:2"]),
    "named arrays": (lambda: {"left": PIXELS, "right": PIXELS}, ["array:left", "array:right"]),
    "lazy": (lambda: da.from_array(PIXELS), None),
    "an xarray": (lambda: LABELLED.rename("cells"), ["array:cells"]),
    "xarrays of one name": (lambda: [LABELLED.rename("cells")] * 2, ["array:cells", "array:cells (2)"]),
    "a layer": (lambda: Image(PIXELS, name="cells"), ["layer:cells"]),
    "layers": (lambda: [Image(PIXELS, name="cells"), Labels(PIXELS, name="cells")], ["layer:cells", "layer:cells (2)"]),
    "an array among files": (lambda: ["a.npy", PIXELS], ["a.npy", "array:1"]),
}


@pytest.mark.parametrize("typed", FILES.values(), ids=FILES)
def test_one_is_as_good_as_a_list_of_one(typed):
    """However it is typed, it is the job of one file with one export."""
    assert typed() == nbp.BatchJob(classifier="c.ilp", inputs=("a.npy",), exports=(nbp.Export(),))
    assert [row.status for row in typed().run()] == ["done"]


@pytest.mark.parametrize("typed", MANY.values(), ids=MANY)
def test_many_are_many(typed):
    """Patterns, globs and lists of any kind."""
    assert [Path(row.input).name for row in typed().plan()] == ["a.npy", "b.npy"]


@pytest.mark.parametrize(("given", "names"), IN_MEMORY.values(), ids=IN_MEMORY)
def test_what_is_in_memory_is_predicted_into_memory(given, names):
    """Arrays and layers stay beside the job, whose inputs name them; results are in the rows."""
    job = nbp.BatchJob(trained() if names != ["a.npy", "array:1"] else loaded(), given(), BOTH)
    rows = [row for row in job.run() if not row.input.endswith(".npy")]
    assert names is None or [*job.inputs] == names
    for row in rows:
        assert (row.status, row.outputs) == ("done", {})
        np.testing.assert_array_equal(row.arrays["Probabilities"], whole(PIXELS))
        np.testing.assert_array_equal(row.arrays[SEGMENTATION], whole(PIXELS, SEGMENTATION)[..., 0])
    assert nbp.BatchJob.model_validate_json(job.model_dump_json()) == job


def test_job_with_an_array_goes_to_another_process_and_task_for_task_without_it():
    """A pickled job has its arrays; the job of a task, which is given them, has not."""
    job = nbp.BatchJob("c.ilp", PIXELS)
    again = pickle.loads(pickle.dumps(job))  # noqa: S301 - of the test itself
    assert (again, len(again.in_memory.arrays)) == (job, 1)
    assert not job.for_input("array:1").in_memory.arrays


def test_results_of_arrays_are_written_where_a_folder_is_given():
    """Named after the array, with a ledger; what has no folder stays in memory, and no other array is skipped."""
    exports = [nbp.Export(folder="out", format="numpy"), SEGMENTATION]
    job = nbp.BatchJob(loaded(), {"day 1/a": PIXELS}, exports)
    ledger = job.run()
    assert ledger.path is not None
    assert ledger[0].outputs == {"Probabilities": Path("out/day 1_a_Probabilities.npy").absolute()}
    np.testing.assert_array_equal(np.load(ledger[0].outputs["Probabilities"]), whole(PIXELS))
    assert [*ledger[0].arrays] == [SEGMENTATION]
    assert nbp.resume(ledger.path).count("done") == 1
    (row,) = job.model_copy(update={"existing": "skip"}).plan()
    assert "may be that of another array" in str(row.problems[0])
    assert [*nbp.BatchJob(loaded(), Image(PIXELS, name="cells"), folder="out").run()[0].outputs] == ["Probabilities"]


EXPORTS = {
    "a folder for all": (lambda: {"exports": BOTH, "folder": "out"}, ["out", "out"], "compressed hdf5"),
    "one says its own": (
        lambda: {"exports": [nbp.Export(folder="x"), SEGMENTATION], "folder": Path("out")}, ["x", "out"],
        "compressed hdf5",
    ),
    "a format for all": (lambda: {"exports": BOTH, "folder": "out", "format": "tiff"}, ["out", "out"], "tiff"),
    "neither": (lambda: {"folder": "out"}, ["out"], "compressed hdf5"),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "folders", "name"), EXPORTS.values(), ids=EXPORTS)
def test_folder_and_format_are_for_all_exports_that_do_not_say_one(settings, folders, name):
    """They are in the exports of the job, as if each said them."""
    exports = nbp.BatchJob("c.ilp", "a.npy", **settings()).exports
    assert [str(export.folder) for export in exports] == folders
    assert {export.format for export in exports} == {name}


PREDICTED = {
    "a path": lambda: "a.npy",
    "a Path": lambda: Path("a.npy"),
    "an array": lambda: PIXELS,
    "a list of lists": PIXELS.tolist,
    "lazy": lambda: da.from_array(PIXELS, chunks=7),
    "an opened image": lambda: opened("a.npy"),
    "a layer": lambda: Image(PIXELS),
    "an xarray": lambda: LABELLED,
}


@pytest.mark.parametrize("given", PREDICTED.values(), ids=PREDICTED)
def test_one_image_is_predicted_whatever_it_is(given):
    """The values are those of the array; a segmentation of a plane is a plane."""
    np.testing.assert_array_equal(loaded().predict(given()), whole(PIXELS))
    np.testing.assert_array_equal(loaded().predict(given(), source=SEGMENTATION), whole(PIXELS, SEGMENTATION)[..., 0])


def test_coordinates_of_an_xarray_come_back():
    """Dimensions keep their names and coordinates, here and in a job, also of a part; channels are named."""
    predicted = loaded().predict(LABELLED)
    (row,) = nbp.BatchJob(loaded(), LABELLED, {"region": "y=5:9"}).run()
    for values, first in ((predicted, LABELLED), (row.arrays["Probabilities"], LABELLED[5:9])):
        assert values.dims == ("Y", "x", "c")
        assert values.name == "Probabilities"
        assert [*values.c.values] == ["dark", "bright"]
        xr.testing.assert_equal(values.Y, first.Y)
    (row,) = nbp.BatchJob(loaded(), LABELLED).plan()
    assert row.image.pixel_size == {"y": 0.5, "x": 0.5}
    assert row.image.units == {"x": "micrometer"}


def test_images_settings_and_records_are_taken_as_they_are_typed():
    """One channel, a slice of a region, an open image as an array, a ledger to resume."""
    job = nbp.BatchJob("c.ilp", b"a.npy", {"region": {"y": slice(0, 5)}}, channels=0, folder="out")
    assert job == nbp.BatchJob("c.ilp", ["a.npy"], nbp.Export(region="y=0:5", folder="out"), channels=[0])
    assert nbp.BatchJob("c.ilp", "a.npy", channels="DAPI, GFP").channels == ("DAPI", "GFP")
    image = opened("a.npy", channels=0)
    assert np.array_equal(np.asarray(image), np.load("a.npy"))
    assert image.read(np.s_[:10, 5:]).shape == (10, 25)
    ledger = job.run()
    assert nbp.resume(ledger).count("done") == nbp.resume(str(ledger.path)).count("done") == 1


def test_progress_counts_tiles():
    """The last call says that all are done, in both."""
    for run in (lambda told: loaded().predict(PIXELS, progress=told), lambda told: nbp.BatchJob(loaded(), PIXELS).run(
        progress=told)):  # fmt: skip
        said: list[tuple[int, int]] = []
        run(lambda *numbers, said=said: said.append(numbers))
        assert said[-1][0] == said[-1][1] > 0


WRONG = {
    "a misspelt field": (lambda: nbp.BatchJob("c.ilp", "a", exsting="skip"), "did you mean 'existing'?"),
    "a misspelt choice": (
        lambda: nbp.BatchJob("c.ilp", "a", existing="skipx"), "error, skip or overwrite is expected, got 'skipx'",
    ),
    "no classifier": (lambda: nbp.BatchJob(inputs="a"), "classifier: is missing"),
    "a number as an input": (
        lambda: nbp.BatchJob("c.ilp", 3), "inputs: a path, a pattern or an image is expected, or a list of these, got 3"
    ),
    "a number among inputs": (lambda: nbp.BatchJob("c.ilp", ["a", 3]), "inputs, entry 2: a text is expected, got 3"),
    "a number as an export": (lambda: nbp.BatchJob("c.ilp", "a", 3), "exports: a list is expected, got 3"),
    "no exports": (lambda: nbp.BatchJob("c.ilp", "a", []), "exports: at least one entry is expected"),
    "a misspelt type": (lambda: nbp.Export(SEGMENTATION, dtype="unit8"), "got 'unit8' (did you mean 'uint8'?)"),
    "a field of another export": (lambda: nbp.BatchJob("c.ilp", "a", [{"form": 1}]), "did you mean 'format'?"),
    "a copy": (
        lambda: nbp.BatchJob("c.ilp", "a").model_copy(update={"workers": 0}), "workers: at least 1 is expected, got 0",
    ),
    "a change": (lambda: setattr(nbp.BatchJob("c.ilp", "a"), "workers", 2), "model_copy(update={'workers': ...})"),
    "axes of all": (lambda: nbp.BatchJob("c.ilp", "a", axes="yx"), "did you mean 'input_axes'?"),
    "a region of one number": (lambda: nbp.Export(region="0:5"), "'0:5' is not a region"),
    "two sources": (lambda: loaded().predict(PIXELS, source=BOTH), "A source is one of Probabilities"),
    "no threads": (lambda: loaded().predict(PIXELS, workers=0), "at least 1, got 0"),
    "no ledger": (lambda: nbp.resume(3), "is not the ledger of a run, expected a file"),
    "a formula": (lambda: nbp.load_classifier("c.ilp", "gradent"), "did you mean 'gradient'?"),
    "no JSON": (lambda: nbp.BatchJob.model_validate_json("{"), "is not JSON"),
    "JSON": (
        lambda: nbp.BatchJob.model_validate_json('{"classifier": "c.ilp", "inputs": "a", "workers": "x"}'),
        "workers: a whole number is expected, got 'x'",
    ),
    "a misspelt source": (
        lambda: nbp.BatchJob("c.ilp", "a.npy", "simple segments").plan(), "did you mean 'Simple Segmentation'?",
    ),
    "files of a classifier in no file": (
        lambda: nbp.BatchJob(trained(), "a.npy").run(), "Save the classifier first",
    ),
    "a folder of a classifier in no file": (
        lambda: nbp.BatchJob(trained(), PIXELS, folder="out").run(), "Save the classifier first",
    ),
    "a classifier of another time": (
        lambda: nbp.BatchJob.model_validate_json(nbp.BatchJob(trained(), PIXELS).model_dump_json()).run(),
        "is in no file, and only the job that was made with it has it",
    ),
    "a command without its classifier": (lambda: as_command(nbp.BatchJob(trained(), PIXELS)), "Save the classifier"),
    "Python without its array": (lambda: as_python(nbp.BatchJob("c.ilp", PIXELS)), "'array:1' is in memory. Save it"),
    "a stack that is open": (
        lambda: nbp.BatchJob("c.ilp", opened("*.npy", stack="z")), "Give that, and the axis as stack=",
    ),
    "a dictionary of paths": (lambda: nbp.BatchJob("c.ilp", {"a": "a.npy"}), "'a' is 'a.npy', expected an array"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "said"), WRONG.values(), ids=WRONG)
def test_what_is_mistyped_is_answered_in_words(typed, said):
    """The package's own error, short, with the field, and nothing of a library."""
    with pytest.raises(SettingsError) as caught:
        typed()
    assert said in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert caught.value.__cause__ is None


NO_IMAGE = {
    "complex numbers": (lambda: PIXELS * 1j, "holds complex numbers (complex128), expected integers or"),
    "paths": (lambda: ["a.npy", "b.npy"], "a BatchJob takes many"),
    "nothing": (lambda: None, "is a NoneType, expected an array, a layer, or the path of an image"),
    "a line": (lambda: PIXELS[0], "An image needs 2 to 5 dimensions, got 1"),
    "no pixels": (lambda: PIXELS[:0], "holds no pixels"),
    "points": (lambda: Points([[1, 2]], name="p"), "The layer 'p' is one of Points, expected one with pixels"),
    "dimensions without a meaning": (lambda: xr.DataArray(PIXELS, dims=("row", "x")), "'row', 'x' are not axes"),
    "a file that is gone": (lambda: "gone.npy", "There is no file 'gone.npy'"),
}


@pytest.mark.parametrize(("given", "said"), NO_IMAGE.values(), ids=NO_IMAGE)
def test_what_is_no_image_is_refused_in_words(given, said):
    """An error of the package says what came, and what was expected."""
    with pytest.raises(nbp.BatchPredictionError) as caught:
        loaded().predict(given())
    assert said in str(caught.value)


def test_bad_array_fails_alone():
    """An array that is no image is a row with that problem; the others go on."""
    ledger = nbp.BatchJob(loaded(), [PIXELS * 1j, PIXELS]).run()
    assert [row.status for row in ledger] == ["problem", "done"]
    assert "complex" in ledger[0].reason


def test_classifier_that_is_saved_later_can_write_files():
    """Saving gives a trained classifier its file, also in a job that was made before."""
    labels = np.zeros(PIXELS.shape, np.uint8)
    labels[5, 5], labels[5, 20] = 1, 2
    classifier = nbp.train(PIXELS, labels, features="gaussian:1", trees=2)
    job = nbp.BatchJob(classifier, "a.npy", folder="out")
    with pytest.raises(SettingsError, match="Save the classifier first"):
        job.plan()
    path = classifier.save("mine.ilp")
    assert (classifier.path, classifier.describe().path) == (path, path)
    assert nbp.BatchJob(classifier, "a.npy", folder="out") == job.plan().job
    assert job.run().count("done") == 1


def test_classifier_that_changed_since_it_was_loaded_is_refused():
    """What is in memory would not be what the ledger says."""
    job = nbp.BatchJob(loaded(), PIXELS)
    Path("c.ilp").write_bytes(b"another file")
    with pytest.raises(SettingsError, match="has changed since it was loaded"):
        job.run()


def test_plans_ledgers_and_classifiers_say_what_they_are(monkeypatch):
    """They iterate, have a length and a text, and a ledger is a data frame where pandas is there."""
    job = nbp.BatchJob("c.ilp", ["a.npy", "gone.npy"], BOTH, folder="out")
    plan, ledger = job.plan(), job.run()
    assert (len(plan), len(ledger)) == (2, 2)
    assert [row.input for row in plan] == [row.input for row in ledger] == ["a.npy", "gone.npy"]
    assert repr(plan) == "<Plan: 2 inputs, 1 with problems>"
    assert "There is no file 'gone.npy'" in str(plan)
    assert repr(ledger) == "<Ledger: 2 inputs: 1 done, 1 with a problem>"
    assert "2 inputs: 1 done, 1 with a problem." in str(ledger)
    assert "Classes:   dark, bright" in str(loaded())
    table = ledger.to_dataframe()
    assert [*table.columns] == ["input", "status", "reason", "seconds", *BOTH]
    assert table["Probabilities"].tolist() == [str(ledger[0].outputs["Probabilities"]), ""]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(MissingLibraryError, match="pip install pandas"):
        ledger.to_dataframe()


@pytest.mark.parametrize("model", [nbp.BatchJob, nbp.Export, nbp.InputSettings])
def test_help_shows_every_field(model):
    """With its description in the docstring, and its name in the signature."""
    import inspect

    parameters = inspect.signature(model).parameters
    for name, field in model.model_fields.items():
        assert name in parameters
        assert f"{name}\n    {field.description[:40]}" in inspect.getdoc(model)
