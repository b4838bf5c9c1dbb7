"""Measure a large image with many objects: labels and a table against the probabilities alone, memory and time.

    python benchmarks/large_objects.py [--size 20000] [--rounds 3] [--perf FOLDER] [--output FILE]

The image has a blob in each square of 20 pixels, a million with the default size. It is made in a temporary folder
(TMPDIR), which needs 30 bytes for each of its pixels.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from inputs import ROOT
from numpy.typing import NDArray

SIZE = 20_000
SQUARE, TILE = 20, 400
N_BLOBS = 64
BACKGROUND, NOISE, BRIGHTNESS = 50, 12, 150

# The blobs are what the project's second class is trained on.
PROJECT, CLASS = "p2d_typ.ilp", "2"
MEMORY_TARGET, TIME_TARGET = 2000, 3.0
EXPORTS = {
    "probabilities": ("Probabilities",),
    "objects": ("Objects", "Object Table"),
}


class Measured(NamedTuple):
    """One run: seconds by the clock and of the processor, and peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def write_image(path: Path, size: int) -> None:
    """Write an image (size, size) of blobs on a jittered grid, as a TIFF of tiles."""
    tifffile.imwrite(path, _tiles(size), shape=(size, size), dtype=np.uint8, tile=(TILE, TILE), compression="zlib")


def _tiles(size: int) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    at = np.arange(SQUARE)
    middle = rng.uniform(0.4, 0.6, (2, N_BLOBS, 1)) * SQUARE
    radius = rng.uniform(2.5, 4, (2, N_BLOBS, 1))
    y, x = ((at - middle) / radius) ** 2
    blobs = np.exp(-((y[:, :, None] + x[:, None, :]) ** 2))
    per_tile = TILE // SQUARE
    for _ in range((-(-size // TILE)) ** 2):
        chosen = blobs[rng.integers(N_BLOBS, size=(per_tile, per_tile))]
        pixels = BRIGHTNESS * chosen.transpose(0, 2, 1, 3).reshape(TILE, TILE)
        noise = NOISE * rng.standard_normal((TILE, TILE), np.float32)
        yield (BACKGROUND + pixels + noise).clip(0, 255).astype(np.uint8)


def measured(project: Path, image: Path, sources: Sequence[str]) -> tuple[Measured, int]:
    """Run the command in a process of its own; return what it took, and the number of objects."""
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        command = [
            *(sys.executable, "-I", str(Path(__file__).with_name("measure.py"))),
            *(sys.executable, "-m", "napari_batch_prediction.cli", "run", str(project), str(image)),
            *(word for source in sources for word in ("--export", source)),
            *("--object-class", CLASS, "--folder", folder),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"This failed: {' '.join(command)}\n{done.stderr}")
        n_rows = 0
        for path in Path(folder).glob("*Object Table.csv"):
            with path.open(encoding="utf-8") as rows:
                n_rows = sum(1 for _ in rows) - 1
        return Measured(**json.loads(done.stdout)), n_rows


def main() -> None:
    """Measure as the arguments say, and write the table."""
    parser = argparse.ArgumentParser(description="Measure a large image with many objects.")
    parser.add_argument("--size", type=int, default=SIZE, help=f"pixels along a side (default: {SIZE})")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turns (default: 3)")
    parser.add_argument("--perf", metavar="FOLDER", type=Path, default=ROOT.parent / "shared" / "perf")
    parser.add_argument("--output", metavar="FILE", type=Path, help="where to write the table")
    arguments = parser.parse_args()
    runs: dict[str, list[Measured]] = {name: [] for name in EXPORTS}
    n_objects = 0
    with tempfile.TemporaryDirectory() as folder:
        project, image = arguments.perf / PROJECT, Path(folder) / "blobs.tif"
        # The first run compiles loops.
        write_image(image, TILE)
        measured(project, image, EXPORTS["objects"])
        write_image(image, arguments.size)
        for _ in range(arguments.rounds):
            for name, sources in EXPORTS.items():
                taken, n_rows = measured(project, image, sources)
                n_objects = max(n_objects, n_rows)
                runs[name].append(taken)
                print(name, *(f"{key} {value:.1f}" for key, value in taken._asdict().items()), flush=True)
    text = table(arguments.size, n_objects, runs)
    print(text)
    output = arguments.output or (ROOT / "benchmarks" / "objects.md" if arguments.size == SIZE else None)
    if output is not None:
        output.write_text(text, encoding="utf-8")


def table(size: int, n_objects: int, runs: Mapping[str, Sequence[Measured]]) -> str:
    """Return what was measured as Markdown."""
    lines = [
        "# Objects of a large image\n",
        f"{size} x {size} pixels, {n_objects} objects; `python benchmarks/large_objects.py`, the median of "
        f"{len(runs['objects'])} runs on {os.cpu_count()} cores. Objects are to take at most {TIME_TARGET:g} times the "
        f"time of the probabilities, and {MEMORY_TARGET} MB.\n",
        "| exports | s by the clock | s of the processor | peak memory, MB |",
        "| --- | --- | --- | --- |",
    ]
    for name, sources in EXPORTS.items():
        wall, cpu, memory = (statistics.median(values) for values in zip(*runs[name], strict=True))
        lines.append(f"| {', '.join(sources)} | {wall:.1f} | {cpu:.1f} | {memory:.0f} |")
    ratios = []
    for i in (0, 1):
        pairs = zip(runs["objects"], runs["probabilities"], strict=True)
        ratios.append(statistics.median(ours[i] / alone[i] for ours, alone in pairs))
    lines.append(f"| ratio | {ratios[0]:.2f} | {ratios[1]:.2f} | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
