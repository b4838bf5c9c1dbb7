"""The examples in the docstrings of all public names, run on sample data."""

import doctest
import inspect
import shutil
from pathlib import Path

import pytest

import napari_batch_prediction as nbp
from napari_batch_prediction.demo.samples import NUCLEI


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for path in (*NUCLEI.images[:2], NUCLEI.project):
        shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize("name", nbp.__all__)
def test_examples_of_a_public_name_give_what_they_say(name, folder, monkeypatch):
    """Every public name has an example, and its output is what stands there."""
    monkeypatch.chdir(folder)
    text = inspect.getdoc(getattr(nbp, name))
    assert "Examples\n--------\n>>> " in text
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert result.failed == 0, "".join(said)
