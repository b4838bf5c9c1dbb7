"""Whole commands, from the start of the process to the finished file, against the times of ilastik."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from inputs import Setting, boxes, feature_rows, read_image
from PIL import Image
from timing import Spread, spread
from vigra_client import VigraWorker

from napari_batch_prediction.classifiers.load import load_classifier


class Ilastik(NamedTuple):
    """ilastik's figures: seconds for the whole and for the forest, and peak memory in MB."""

    wall: float
    forest: float
    memory: float


class Work(NamedTuple):
    """One command, and the number of samples for vigra along z, y and x of each image."""

    name: str
    project: str
    images: tuple[str, ...]
    samples: tuple[int, int, int]
    ilastik: Ilastik
    target: float | None


# Measured with ilastik 1.4.3.dev28 headless on 2 cores (Zen 3) with 2 threads: Probabilities to HDF5, the best of
# three runs. The figures stand in the README of the folder with these projects and images.
ILASTIK_THREADS = 2
WORKS = (
    Work("2048 x 2048, 49 features", "p2d_all.ilp", ("big2048.png",), (1, 4, 4), Ilastik(20.8, 12.9, 1347), 6.0),
    Work("2048 x 2048, 26 features", "p2d_typ.ilp", ("big2048.png",), (1, 4, 4), Ilastik(20.9, 15.1, 913), None),
    Work(
        "8 images 1024 x 1024, 49 features",
        "p2d_all.ilp",
        tuple(f"b1024_{i}.png" for i in range(8)),
        (1, 1, 2),
        Ilastik(37.7, 26.9, 646),
        9.0,
    ),
    Work("128 x 256 x 256, 61 features", "p3d_all.ilp", ("vol128.h5/data",), (2, 2, 2), Ilastik(54.4, 35.8, 3074), 8.0),
)

ILASTIK_FORMAT = "hdf5"
FORMATS = (ILASTIK_FORMAT, "compressed hdf5")
MEMORY_TARGET = 700.0

SAMPLE_2D, SAMPLE_3D = (1, 128, 128), (32, 32, 32)
SMALL = 40


class Measured(NamedTuple):
    """Seconds by the clock and of the processor, and peak memory in MB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class WholeRow:
    """One command, written to one format.

    Attributes
    ----------
    name, format
        Which.
    wall, start_up, cpu
        Medians in seconds: the command; the same command with a tiny image; the command's processor time.
    memory
        Peak memory in MB, the largest of all runs.
    ilastik
        What ilastik took on its machine.
    factor
        How many times as long vigra's forest takes here as it took ilastik there; None without vigra.
    raw, calibrated
        How many times as fast as ilastik: as it was there, and as it would be here.
    target
        For ``calibrated``.
    """

    name: str
    format: str
    wall: float
    start_up: float
    cpu: float
    memory: float
    ilastik: Ilastik
    factor: Spread | None
    raw: Spread
    calibrated: Spread | None
    target: float | None


def measure(setting: Setting) -> list[WholeRow]:
    """Measure all commands."""
    if setting.perf is None:
        setting.left_out.append("whole commands: no folder with projects and images for speed; name it with --perf")
        return []
    rows = []
    with ExitStack() as stack:
        vigras: list[VigraWorker] = []
        if setting.vigra:
            # As many as ilastik had threads.
            others = [stack.enter_context(VigraWorker()) for _ in range(1, ILASTIK_THREADS)]
            vigras = [setting.vigra, *others]
        for work in WORKS:
            rows += _measure(setting, setting.perf, work, vigras)
    return rows


def _measure(setting: Setting, perf: Path, work: Work, vigras: Sequence[VigraWorker]) -> list[WholeRow]:
    formats = FORMATS[:1] if setting.quick else FORMATS
    project, inputs = perf / work.project, [str(perf / image) for image in work.images]
    small = _small_image(setting.scratch, perf / work.images[0])
    share = _load_sample(setting, perf, work, vigras) if vigras else 0.0

    # The first run is not counted, since it compiles code.
    run(setting.scratch, project, [small], ILASTIK_FORMAT)
    start_ups, factors = [], []
    runs: dict[str, list[Measured]] = {name: [] for name in formats}
    for _ in range(setting.rounds):
        if vigras:
            factors.append(_vigra_seconds(vigras) / share / (work.ilastik.forest * ILASTIK_THREADS))
        start_ups.append(run(setting.scratch, project, [small], ILASTIK_FORMAT).wall)
        for name in formats:
            runs[name].append(run(setting.scratch, project, inputs, name))

    rows = []
    for name, measured in runs.items():
        raw = [work.ilastik.wall / run.wall for run in measured]
        here = [times * factor for times, factor in zip(raw, factors, strict=True)] if vigras else []
        rows.append(
            WholeRow(
                work.name,
                name,
                spread([run.wall for run in measured]).median,
                spread(start_ups).median,
                spread([run.cpu for run in measured]).median,
                max(run.memory for run in measured),
                work.ilastik,
                spread(factors) if vigras else None,
                spread(raw),
                spread(here) if vigras else None,
                work.target if name == ILASTIK_FORMAT else None,
            )
        )
    return rows


def _load_sample(setting: Setting, perf: Path, work: Work, vigras: Sequence[VigraWorker]) -> float:
    """Give each vigra its part of pixels sampled all over the images; return the sampled share of all pixels."""
    classifier = load_classifier(perf / work.project)
    samples, n_pixels = [], 0
    for name in work.images:
        image = read_image(perf / name.removesuffix("/data"))
        size = SAMPLE_3D if image.shape[1] > 1 else SAMPLE_2D
        size = tuple(max(n // 2, 1) for n in size) if setting.quick else size
        samples.append(feature_rows(classifier, image, boxes(image.shape[1:], size, work.samples)))
        n_pixels += image.size
    rows = np.concatenate(samples)
    for i, (vigra, share) in enumerate(zip(vigras, np.array_split(rows, len(vigras)), strict=True)):
        path = setting.scratch / f"sample_{i}.npy"
        np.save(path, share)
        vigra.load_forest(perf / work.project, path)
        vigra.run()
    return len(rows) / n_pixels


def _vigra_seconds(vigras: Sequence[VigraWorker]) -> float:
    """Return the total processor time of all workers at work at once."""
    for vigra in vigras:
        vigra.start()
    return sum(vigra.finish().cpu for vigra in vigras)


def _small_image(scratch: Path, path: Path) -> str:
    """Write a corner of an image, as small as the features allow, and return its location."""
    if path.parent.suffix == ".h5":
        small = scratch / "small.h5"
        with h5py.File(small, "w") as file:
            file["data"] = read_image(path.parent)[0, :SMALL, :SMALL, :SMALL]
        return f"{small}/data"
    small = scratch / "small.png"
    Image.fromarray(read_image(path)[0, 0, :SMALL, :SMALL]).save(small)
    return str(small)


def run(scratch: Path, project: Path, inputs: Sequence[str], file_format: str, *options: str) -> Measured:
    """Run the command in a process of its own and delete its outputs."""
    folder = scratch / "results"
    command = [
        *(sys.executable, "-I", str(Path(__file__).with_name("measure.py"))),
        *(sys.executable, "-m", "napari_batch_prediction.cli", "run", str(project), *inputs),
        *("--format", file_format, "--folder", str(folder), *options),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"This failed: {' '.join(command)}\n{done.stderr}")
    shutil.rmtree(folder)
    return Measured(**json.loads(done.stdout))
