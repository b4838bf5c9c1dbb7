"""Problems made of errors."""

import ast
import pickle
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest

from napari_batch_prediction import problems
from napari_batch_prediction.api.train import train
from napari_batch_prediction.errors import (
    AxesError,
    ExportError,
    ImageReadError,
    OutputExistsError,
    SettingsError,
)
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.training.opening import open_training


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AxesError("no"), "axes"),
        (ImageReadError("no"), "image"),
        (OutputExistsError("no"), "exists"),
        (ExportError("no"), "output"),
        (SettingsError("no"), "settings"),
        (FileNotFoundError(2, "no"), "image"),
        (MemoryError("no"), "memory"),
        (ZeroDivisionError("no"), "unexpected"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_class_of_an_error_is_the_kind_of_its_problem(error, kind):
    """The class of an error says what a problem is about."""
    assert Problem.of(error).kind == kind


def test_facts_of_an_error_survive_pickling():
    """The setting that mends an error, and its file, reach the problem also from another process."""
    error = pickle.loads(pickle.dumps(ImageReadError("several datasets", setting="dataset", path=Path("a.h5"))))  # noqa: S301
    assert Problem.of(error) == Problem("image", "several datasets", "dataset", Path("a.h5"))
    assert isinstance(error, OSError)


def settings_in_the_code() -> Iterator[tuple[str, str]]:
    """Yield each setting that an error or a problem names, and where."""
    for module in sorted(Path(problems.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if not isinstance(node, ast.Call):
                continue
            named = [keyword.value for keyword in node.keywords if keyword.arg == "setting"]
            if isinstance(node.func, ast.Name) and node.func.id == "Problem":
                named += node.args[2:3]
            for value in named:
                if isinstance(value, ast.Constant) and value.value is not None:
                    yield str(value.value), f"{module.name}:{node.lineno}"


def test_settings_that_errors_name_exist():
    """Each is a field of a job, of its parts, or what training is given."""
    models = (BatchJob, Export, InputSettings, ObjectSettings)
    fields = {name for model in models for name in model.model_fields}
    fields |= {*signature(train).parameters, *signature(open_training).parameters}
    found = list(settings_in_the_code())
    assert len(found) > 20
    assert [place for setting, place in found if setting not in fields] == []
