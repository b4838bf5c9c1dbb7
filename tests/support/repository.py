"""Folders of the repository, and the environment of programs that are to find the package in it."""

import os
from pathlib import Path

import napari_batch_prediction

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
GOLDEN = TESTS / "golden"
SAMPLES = TESTS / "sample"
DOCS = ROOT / "docs"

# The folder that the package was imported from, so that another process imports the same.
SOURCE = Path(napari_batch_prediction.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}
