"""How often the disk is asked for each image of a plan: thousands of images may lie on a slow network."""

import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from threshold import Threshold

from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.plan import iter_plan

CLASSIFIER = Threshold(Path(__file__))

# Fewer than this many questions for each image, besides listing folders and opening files.
LIMIT = 5

FEW, MANY = 10, 110


def make_files(folder: Path, n: int) -> list[Path]:
    """Write images and HDF5 files with two datasets each."""
    folder.mkdir()
    for i in range(n):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / f"im{i}.png")
        with h5py.File(folder / f"s{i}.h5", "w") as file:
            file["volume/data"] = file["other"] = np.zeros((8, 8), np.uint8)
    return sorted(folder.iterdir())


INPUTS = {
    "a pattern": lambda files: [f"{files[0].parent}/*.png"],
    "a folder": lambda files: [f"{files[0].parent}/"],
    "all below": lambda files: [f"{files[0].parent}/**/*.png"],
    "files": lambda files: [str(file) for file in files if file.suffix == ".png"],
    "datasets": lambda files: [f"{file}/volume/data" for file in files if file.suffix == ".h5"],
    "datasets by pattern": lambda files: [f"{files[0].parent}/*.h5/volume/data"],
}


@pytest.fixture
def asked(monkeypatch) -> Iterator[list[str]]:
    """What the system was asked about; all of pathlib and os.path comes to these two functions."""
    calls: list[str] = []
    for name in ("stat", "lstat"):
        real = getattr(os, name)

        def ask(path, *arguments, _real=real, **options):
            calls.append(str(path))
            return _real(path, *arguments, **options)

        monkeypatch.setattr(os, name, ask)
    return calls


def questions(inputs: list[str], asked: list[str]) -> tuple[int, int, int]:
    """Return the number of images, the questions until all of them were looked at, and those of the whole plan."""
    asked.clear()
    images = until_inspected = 0
    for step in iter_plan(BatchJob(classifier=Path(__file__), inputs=tuple(inputs)), CLASSIFIER):
        if isinstance(step, Inspected):
            images, until_inspected = images + 1, len(asked)
    return images, until_inspected, len(asked)


@pytest.fixture(params=INPUTS)
def for_each_image(request, tmp_path, asked) -> tuple[float, float]:
    """The questions for each further image: until all are looked at, and for the whole plan."""
    few, many = (INPUTS[request.param](make_files(tmp_path / str(n), n)) for n in (FEW, MANY))
    first, second = questions(few, asked), questions(many, asked)
    assert second[0] - first[0] >= MANY - FEW
    n = second[0] - first[0]
    return (second[1] - first[1]) / n, (second[2] - first[2]) / n


def test_images_are_looked_at_with_few_questions(for_each_image):
    """To list, identify and read an image the disk is asked less than five times."""
    assert for_each_image[0] < LIMIT


def test_plans_are_made_with_few_questions(for_each_image):
    """The whole plan asks less than five times for each image."""
    assert for_each_image[1] < LIMIT
