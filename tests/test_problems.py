"""Problems made of errors."""

import pickle
from pathlib import Path

import pytest

from napari_batch_prediction.errors import (
    AxesError,
    ExportError,
    ImageReadError,
    OutputExistsError,
    SettingsError,
)
from napari_batch_prediction.problems import Problem


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
def test_kind_of_an_error(error, kind):
    """The class of an error says what a problem is about."""
    assert Problem.of(error).kind == kind


def test_facts_of_an_error_survive_pickling():
    """The setting that mends an error, and its file, reach the problem also from another process."""
    error = pickle.loads(pickle.dumps(ImageReadError("several datasets", setting="dataset", path=Path("a.h5"))))  # noqa: S301
    assert Problem.of(error) == Problem("image", "several datasets", "dataset", Path("a.h5"))
    assert isinstance(error, OSError)
