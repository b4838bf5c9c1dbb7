"""The types of the package reach those who use it."""

import subprocess
import sys
from importlib.resources import files

import pytest

import napari_batch_prediction as nbp
from napari_batch_prediction.job.keywords import ExportKeywords, JobKeywords


def test_package_says_that_it_has_types():
    """The package says that it has types: without this file, tools take every public name for Any."""
    assert files("napari_batch_prediction").joinpath("py.typed").is_file()


def test_type_checkers_know_every_setting():
    """What type checkers are told is every field that is given by name."""
    positional = {"classifier", "inputs", "exports"}
    assert JobKeywords.__annotations__.keys() == {*nbp.BatchJob.model_fields, *nbp.BatchJob.also} - positional
    assert ExportKeywords.__annotations__.keys() == nbp.Export.model_fields.keys() - {"source"}


@pytest.mark.slow
def test_misspelt_field_is_found(tmp_path):
    """A type checker sees a misspelt field of a job, and that a job can be run."""
    (tmp_path / "user.py").write_text(
        "import napari_batch_prediction as nbp\n"
        "job = nbp.BatchJob(classifier='a.ilp', inputs=['b.tif'], exports=[nbp.Export()])\n"
        "ledger = job.run()\n"
        "reveal_type(ledger)\n"
        "nbp.BatchJob(classifer='a.ilp', inputs=['b.tif'])\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert 'Revealed type is "napari_batch_prediction.records.ledger.Ledger"' in done.stdout
    assert "classifer" in done.stdout
