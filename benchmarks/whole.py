"""Whole commands, from the start of the process to the finished file, against the times of ilastik."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
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
    """What ilastik took: seconds for the whole and for the forest, and its peak memory in MB."""

    wall: float
    forest: float
    memory: float


class Work(NamedTuple):
    """One command."""

    name: str
    project: str
    images: tuple[str, ...]
    ilastik: Ilastik
    target: float | None


# Measured with ilastik 1.4.3.dev28 headless on 2 cores (Zen 3) with 2 threads: Probabilities to HDF5, the best of
# three runs. The figures stand in the README of the folder with these projects and images.
ILASTIK_THREADS = 2
WORKS = (
    Work("2048 x 2048, 49 features", "p2d_all.ilp", ("big2048.png",), Ilastik(20.8, 12.9, 1347), 6.0),
    Work("2048 x 2048, 22 features", "p2d_typ.ilp", ("big2048.png",), Ilastik(20.9, 15.1, 913), None),
    Work(
        "8 images 1024 x 1024, 49 features", "p2d_all.ilp", tuple(f"b1024_{i}.png" for i in range(8)),
        Ilastik(37.7, 26.9, 646), 9.0,
    ),
    Work("128 x 256 x 256, 61 features", "p3d_all.ilp", ("vol128.h5/data",), Ilastik(54.4, 35.8, 3074), 8.0),
)  # fmt: skip

FORMATS = ("hdf5", "compressed hdf5")
MEMORY_TARGET = 700.0


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
    with VigraPair(setting) as pair:
        for work in WORKS:
            rows += _measure(setting, work, pair)
    return rows
