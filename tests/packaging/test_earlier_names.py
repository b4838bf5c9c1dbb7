"""Modules that scripts import under the names they had before."""

import importlib

import pytest


@pytest.mark.parametrize(
    ("earlier", "now", "names"),
    [
        ("batch.events", "records.events", ["BatchFinished", "FileStarted", "TileDone"]),
        ("batch.run", "running.run", ["iter_run", "run_plan"]),
        ("batch.recorder", "running.recorder", ["_new_path"]),
    ],
)
def test_earlier_names_are_the_same_things(earlier: str, now: str, names: list[str]) -> None:
    """A name from before is the very thing that has another place now."""
    old, new = (importlib.import_module(f"napari_batch_prediction.{module}") for module in (earlier, now))
    assert [getattr(old, name) for name in names] == [getattr(new, name) for name in names]
