"""The golden cases: projects, images, and what ilastik itself exported."""

import json
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import tifffile
from PIL import Image
from repository import GOLDEN

ROOT = GOLDEN


def _cases(manifest: str) -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in ROOT.glob(f"*/{manifest}")))


# Pixel Classification; the other workflows' manifests are named after them.
CASES = _cases("manifest.json")
AUTOCONTEXT = _cases("autocontext.json")
COUNTING = _cases("counting.json")


class Run(NamedTuple):
    """One image that ilastik predicted."""

    image: Path
    source: str
    output: Path


def manifest(case: str) -> dict:
    """What a case is, and what was run."""
    (path,) = (ROOT / case).glob("*.json")
    return json.loads(path.read_text())


def axes(case: str) -> str:
    """Axes of the images of a case."""
    return manifest(case)["axes"]


def runs(case: str) -> list[Run]:
    """Exports of whole images in ilastik's default axes and dtype."""
    found = []
    for run in manifest(case)["runs"]:
        if run.get("tag") not in (None, "simple_segmentation", "uncertainty", "features"):
            continue
        for image, output in zip(run["inputs"], run["outputs"], strict=True):
            path = ROOT / case / image.replace(".h5/data", ".h5")
            found.append(Run(path, run["export_source"], ROOT / case / output))
    return found


def read(path: Path) -> np.ndarray:
    """Read an image or an export, independently of the package."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["exported_data" if "exported_data" in file else "data"][()]
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return np.asarray(Image.open(path))


def as_in_file(values: np.ndarray, axes: str) -> np.ndarray:
    """Return the values of an image with these axes with the channel that a file has also for a single value."""
    if values.ndim > len(axes.replace("c", "")):
        return values
    return np.expand_dims(values, axes.index("c") if "c" in axes else -1)
