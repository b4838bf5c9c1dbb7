"""The types of the package reach those who use it."""

import subprocess
import sys
from importlib.resources import files

import pytest


def test_package_says_that_it_has_types():
    """The package says that it has types: without this file, tools take every public name for Any."""
    assert files("napari_batch_prediction").joinpath("py.typed").is_file()


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
