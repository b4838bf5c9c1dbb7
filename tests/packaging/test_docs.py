"""What README and docs say can be done is done here, on the shipped sample."""

import re
import shlex
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from repository import ROOT

from napari_batch_prediction.cli import main

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


def python_blocks():
    """Return the blocks of Python of all pages."""
    block = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(text, id=page.name) for page in PAGES for text in block.findall(page.read_text(encoding="utf-8"))
    ]


def commands():
    """Return the command lines of all pages that call this package."""
    lines = [line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    return sorted({line for line in lines if re.match(r"napari-batch-prediction +(run|check|info) ", line)})


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """The working directory, with ``cells.ilp``, ``data/a.tif``, ``colonies.ilp``, ``plates/a.png``; returns a.tif."""
    with as_file(files("napari_batch_prediction") / "samples" / "nuclei") as nuclei:
        shutil.copy(nuclei / "nuclei.ilp", tmp_path / "cells.ilp")
        with Image.open(nuclei / "nuclei_01.png") as picture:
            image = np.asarray(picture)[:100, :120]
    with as_file(files("napari_batch_prediction") / "samples" / "colonies") as colonies:
        shutil.copy(colonies / "colonies.ilp", tmp_path)
        (tmp_path / "plates").mkdir()
        with Image.open(colonies / "colonies_03.png") as picture:
            picture.crop((0, 0, 90, 80)).save(tmp_path / "plates" / "a.png")
    (tmp_path / "data").mkdir()
    tifffile.imwrite(tmp_path / "data" / "a.tif", image)
    monkeypatch.chdir(tmp_path)
    return image


@pytest.mark.parametrize("code", python_blocks())
def test_python_examples_run_as_they_stand(code, sample, capsys):
    """The examples run as they stand, and leave probabilities of every class for every pixel."""
    names = {"image": sample}
    exec(code, names)  # noqa: S102 - the project's own pages
    assert names["probabilities"].shape == (100, 120, 3)
    assert [row.status for row in names["ledger"].rows] == ["done"]
    assert Path("data/a_Probabilities.h5").is_file()
    assert "a.tif done" in capsys.readouterr().out


@pytest.mark.parametrize("line", commands())
def test_command_lines_succeed_as_they_stand(line, sample):
    """The command lines succeed as they stand."""
    assert main(shlex.split(line)[1:]) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page):
    """Files that a page links to exist."""
    targets = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if not t.startswith("https://") and not (page.parent / t).exists()] == []


def test_there_are_examples():
    """The tests above have something to run."""
    assert len(python_blocks()) >= 2
    assert len(commands()) >= 3
