"""Exports take the settings in the project, if the job says so."""

import numpy as np
import pytest
from counting_writer import write_counting
from ilp_writer import put, write_project

from napari_batch_prediction import cli
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.stored import read_job, write_job
from napari_batch_prediction.job.text import as_command
from napari_batch_prediction.planning.classifier import stored_text
from napari_batch_prediction.planning.plan import make_plan


def stored(file, group="Prediction Export"):
    for name, value in {
        "ExportDtype": b"uint16", "InputMin": 0.0, "InputMax": 1.0, "ExportMin": 0, "ExportMax": 65535,
        "OutputFormat": b"tiff", "OutputFilenameFormat": b"{dataset_dir}/{nickname}_p.tiff",
    }.items():  # fmt: skip
        put(file, f"{group}/{name}", value)


@pytest.fixture
def job(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 30), np.uint8))
    project = write_project(tmp_path / "p.ilp", stored)
    return BatchJob(classifier=project, inputs=(str(tmp_path / "a.npy"),), export_settings="project")


def planned(job):
    return [export.settings for export in make_plan(job).exports]


def test_settings_of_the_project_fill_what_an_export_leaves_open(job, tmp_path):
    """Type, ranges, format and name are those of the project; the plan's job has them, so that a ledger has."""
    (export,) = planned(job)
    assert (export.dtype, export.input_range, export.output_range) == ("uint16", (0, 1), (0, 65535))
    assert (export.format, export.name, export.folder) == ("tiff", "{nickname}_p", None)
    plan = make_plan(job)
    assert [path for row in plan.rows for path in row.outputs.values()] == [tmp_path / "a_p.tiff"]
    assert (plan.job.exports, plan.job.export_settings) == ((export,), None)
    assert planned(job.model_copy(update={"export_settings": None})) == [Export()]


EXPLICIT = {
    "another format": (Export(format="png"), ("png", "uint16", (0, 65535))),
    "the default format": (Export(format="compressed hdf5"), ("compressed hdf5", "uint16", (0, 65535))),
    "another type": (Export(dtype="float32"), ("tiff", "float32", None)),
    "another type and range": (Export(dtype="uint8", output_range=(0, 255)), ("tiff", "uint8", (0, 255))),
    "no type": (Export(dtype=None), ("tiff", None, None)),
}


@pytest.mark.parametrize("case", EXPLICIT)
def test_what_an_export_says_wins(case, job):
    """Also where it says the default, and after the job was written as JSON or as a command."""
    export, expected = EXPLICIT[case]
    job = job.model_copy(update={"exports": (export,)})
    for same in (job, read_job(write_job(job))):
        (found,) = planned(same)
        assert (found.format, found.dtype, found.output_range) == expected
    assert ("--job" in as_command(job)) == (case in ("the default format", "no type"))


def test_tables_have_no_settings_of_images(tmp_path):
    """A table stays as it is; the density beside it takes the settings of a counting project."""
    project = write_counting(tmp_path / "count.ilp", lambda f: stored(f, "Density Export"))
    np.save(tmp_path / "a.npy", np.zeros((40, 50), np.uint8))
    exports = (Export(source="Density"), Export(source="Counts", format="csv"))
    job = BatchJob(classifier=project, inputs=(str(tmp_path / "a.npy"),), exports=exports, export_settings="project")
    density, counts = planned(job)
    assert (density.format, density.dtype) == ("tiff", "uint16")
    assert counts == exports[1]


def test_settings_that_cannot_be_used_are_an_error_that_names_them(job):
    """A stored setting that no export can have is refused with its place, unless the export says its own."""
    write_project(job.classifier, lambda f: put(f, "Prediction Export/OutputFormat", b"dvid"))
    with pytest.raises(SettingsError, match="dvid"):
        make_plan(job)
    own = job.model_copy(update={"exports": (Export(format="tiff"),)})
    assert planned(own)[0].format == "tiff"


def test_info_and_the_command_line_have_them(job, capsys):
    """`info` shows the settings as options; `--export-settings project` takes them."""
    assert cli.main(["info", str(job.classifier)]) == 0
    text = stored_text(load_classifier(job.classifier).describe())
    assert text == ("--format tiff --name {nickname}_p --dtype uint16 --input-range 0.0 1.0 --output-range 0.0 65535.0")
    assert f"Export settings:  {text}" in capsys.readouterr().out
    assert cli.main(["check", str(job.classifier), *job.inputs, "--export-settings", "project"]) == 0
    assert "a_p.tiff" in capsys.readouterr().out
    own = ["--export-settings", "project", "--format", "numpy"]
    assert cli.main(["check", str(job.classifier), *job.inputs, *own]) == 0
    assert "a_p.npy" in capsys.readouterr().out
