"""Measure the memory of whole runs against their limit: each in a process of its own, done or refused.

    python benchmarks/memory.py [--only WORD] [--output FILE]

Inputs are made in a temporary folder, which needs 3 GB. It needs Linux. The table is written to memory.md beside this
file, unless only a part is measured.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import imagecodecs
import numpy as np
import tifffile
import zarr
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from ilp_writer import FORESTS, LEAF, RAW, put, put_forest, put_lane, write_project  # noqa: E402

WORKERS = 2
GIB = 2**30
SIDE = 30_000
CHUNK = 46_000
MEASURE = """
import re, sys
from pathlib import Path
import napari_batch_prediction as nbp
project, image, axes, folder, limit, workers, *exports = sys.argv[1:]
pairs = enumerate(export.split(":") for export in exports)
made = [nbp.Export(source=source, format=kind, folder=folder, name=str(i)) for i, (source, kind) in pairs]
limits = {"memory": int(limit), "workers": int(workers)}
job = nbp.BatchJob(classifier=project, inputs=(image,), exports=made, input_axes=axes or None, **limits)
row = job.run().rows[0]
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(int(peak) * 1024, row.status, row.reason)
"""
SEGMENTATION, PROBABILITIES = "Simple Segmentation:compressed hdf5", "Probabilities:compressed hdf5"
PYRAMID, TIFF = "Probabilities:multi-scale OME-Zarr", "Probabilities:multipage tiff"

Make = Callable[[Path], tuple[Path, Path]]


class Case(NamedTuple):
    """A run: its name, a function that makes its project and image, exports, limits, threads, axes of the image."""

    name: str
    make: Make
    exports: tuple[str, ...] = (SEGMENTATION,)
    limits: tuple[int, ...] = (GIB,)
    workers: int = WORKERS
    axes: str = ""


def classes(n: int) -> Callable[[h5py.File], None]:
    """Return the change that gives a project so many classes."""

    def change(file: h5py.File) -> None:
        put(file, "PixelClassification/LabelNames", [b"class %d" % i for i in range(n)])
        put(file, "PixelClassification/LabelColors", np.full((n, 3), 200))
        put(file, f"{FORESTS}/known_labels", np.arange(1, n + 1, dtype=np.uint32))
        for name in ("Forest0000", "Forest0001"):
            put_forest(file, f"{FORESTS}/{name}", n_trees=2, n_classes=n)

    return change


def channels(n: int) -> Callable[[h5py.File], None]:
    """Return the change that gives a project so many channels, each with three features."""

    def change(file: h5py.File) -> None:
        put_lane(file, RAW, "yxc", (40, 50, n))
        put(file, f"{FORESTS}/feature_names", [b"feature %d" % i for i in range(3 * n)])
        for name in ("Forest0000", "Forest0001"):
            put_forest(file, f"{FORESTS}/{name}", n_trees=2, n_features=3 * n)

    return change


def trees(n: int, depth: int) -> Callable[[h5py.File], None]:
    """Return the change that gives a project so many complete trees."""

    def change(file: h5py.File) -> None:
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=n, digits=4)
        del file[f"{FORESTS}/Forest0001"]
        inner = 2**depth - 1
        nodes, leaves = np.arange(inner), np.arange(inner + 1)
        places = np.concatenate([2 + 5 * nodes, 2 + 5 * inner + 2 * leaves])
        children = places[2 * nodes + 1], places[2 * nodes + 2]
        split = np.stack([0 * nodes, 2 * nodes, *children, nodes % 3], 1)
        ends = np.stack([LEAF + 0 * leaves, 2 * inner + 3 * leaves], 1)
        topology = np.concatenate([[3, 2], split.ravel(), ends.ravel()]).astype(np.int32)
        # A weight and a threshold for each node; a weight and two probabilities for each leaf.
        shares = np.linspace(0, 1, inner + 1)
        values = np.stack([np.ones(inner + 1), shares, 1 - shares], 1)
        for i in range(n):
            thresholds = np.stack([np.ones(inner), np.random.default_rng(i).random(inner) * 255], 1)
            put(file, f"{FORESTS}/Forest0000/Tree_{i:04}/topology", topology)
            parameters = np.concatenate([thresholds.ravel(), values.ravel()])
            put(file, f"{FORESTS}/Forest0000/Tree_{i:04}/parameters", parameters)

    return change


def noise(*shape: int) -> np.ndarray:
    """Return pixels that compress badly."""
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


def plain(*changes: Callable[[h5py.File], None], shape: tuple[int, ...] = (3000, 3000)) -> Make:
    """Return a maker of a project with these changes, and of a NumPy file of noise."""

    def make(folder: Path) -> tuple[Path, Path]:
        np.save(folder / "image.npy", noise(*shape))
        return write_project(folder / "project.ilp", *changes), folder / "image.npy"

    return make


def picture(write: Callable[[Path], Path]) -> Make:
    """Return a maker of a small project, and of an image by a function of the folder."""
    return lambda folder: (write_project(folder / "project.ilp"), write(folder))


def small_gif(folder: Path) -> Path:
    """Write a GIF of a few bytes that has 64 megapixels."""
    size = (8000).to_bytes(2, "little") * 2
    content = b"GIF89a" + size + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + b"\1\0\1\0\0" + b"\2\2\x44\1\0;"
    (folder / "image.gif").write_bytes(content)
    return folder / "image.gif"


def large_gif(folder: Path) -> Path:
    """Write a GIF of 64 megapixels and three frames."""
    frames = [Image.fromarray(np.tile(noise(500, 500), (16, 16)) // (i + 1)) for i in range(3)]
    frames[0].save(folder / "image.gif", save_all=True, append_images=frames[1:])
    return folder / "image.gif"


def large_png(folder: Path) -> Path:
    """Write a PNG of 576 megapixels."""
    pixels = np.tile(noise(1000, 1000) // 8, (24, 24))
    (folder / "image.png").write_bytes(imagecodecs.png_encode(pixels, level=1))
    return folder / "image.png"


def hdf5_chunk(folder: Path) -> Path:
    """Write a dataset of one chunk of 2 GB."""
    with h5py.File(folder / "image.h5", "w") as file:
        dataset = file.create_dataset("data", (CHUNK, CHUNK), "u1", chunks=(CHUNK, CHUNK), compression=1)
        dataset[:500] = np.tile(noise(500, 500), (1, CHUNK // 500))
    return folder / "image.h5"


def zarr_chunk(folder: Path) -> Path:
    """Write an array of one chunk of 2 GB."""
    array = zarr.create_array(folder / "image.zarr", shape=(CHUNK, CHUNK), chunks=(CHUNK, CHUNK), dtype="u1")
    array[:500] = np.tile(noise(500, 500), (1, CHUNK // 500))
    return folder / "image.zarr"


def large_tiff(**layout: object) -> Callable[[Path], Path]:
    """Return a function that writes a TIFF of 900 megapixels."""

    def write(folder: Path) -> Path:
        pixels = np.tile(noise(1000, 1000) // 8, (SIDE // 1000, SIDE // 1000))
        tifffile.imwrite(folder / "image.tif", pixels, **layout)
        return folder / "image.tif"

    return write


CASES = (
    Case("64 classes, segmentation", plain(classes(64))),
    Case("64 classes, probabilities", plain(classes(64)), (PROBABILITIES,), (GIB // 2, GIB)),
    Case("64 classes, OME-Zarr", plain(classes(64)), (PYRAMID,), (GIB, 2 * GIB)),
    Case("64 classes, three exports", plain(classes(64)), (PROBABILITIES, TIFF, SEGMENTATION), (GIB, 2 * GIB)),
    Case("500 channels", plain(channels(500), shape=(1000, 1000, 500)), axes="yxc"),
    Case("500 channels, 8 threads", plain(channels(500), shape=(1000, 1000, 500)), workers=8, axes="yxc"),
    Case("1000 trees of 8000 nodes", plain(trees(1000, 12), shape=(1000, 1000)), limits=(GIB, 2 * GIB)),
    Case("GIF of 35 bytes, 8000 x 8000", picture(small_gif), limits=(GIB // 2, GIB)),
    Case("GIF, 3 frames of 8000 x 8000", picture(large_gif), limits=(GIB, 2 * GIB)),
    Case("PNG, 24000 x 24000", picture(large_png), limits=(GIB, 2 * GIB)),
    Case("HDF5, chunk of 2 GB", picture(hdf5_chunk)),
    Case("Zarr, chunk of 2 GB", picture(zarr_chunk)),
    Case("TIFF, 30000 x 30000, tiles", picture(large_tiff(tile=(512, 512), compression="zlib")), (PROBABILITIES,)),
    Case("TIFF, 30000 x 30000, one strip", picture(large_tiff(rowsperstrip=SIDE, compression="zlib"))),
    Case("TIFF, 30000 x 30000, not compressed", picture(large_tiff()), (TIFF,), (GIB // 2, GIB)),
)  # fmt: skip


def measured(case: Case, limit: int, project: Path, image: Path) -> list[str]:
    """Run a case in a process of its own; return its cells of the table."""
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        arguments = [str(project), str(image), case.axes, folder, str(limit), str(case.workers), *case.exports]
        done = subprocess.run([sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        return [case.name, f"{limit / 2**20:.0f}", "", f"ended with {done.returncode}: {done.stderr[-300:]}"]
    peak, status, reason = re.fullmatch(r"(\d+) (\w+) ?(.*)\n", done.stdout, re.DOTALL).groups()
    over = "**above** " if int(peak) > limit else ""
    return [case.name, f"{limit / 2**20:.0f}", f"{over}{int(peak) / 2**20:.0f}", f"{status}. {reason}".strip()]


def main() -> None:
    """Measure as the arguments say, and write the table."""
    parser = argparse.ArgumentParser(description="Measure the memory of whole runs against their limit.")
    parser.add_argument("--only", metavar="WORD", default="", help="only cases with this word in their name")
    parser.add_argument("--output", metavar="FILE", type=Path, help="where to write the table")
    arguments = parser.parse_args()
    lines = ["| run | limit, MiB | peak, MiB | |", "| --- | --- | --- | --- |"]
    for case in CASES:
        if arguments.only not in case.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            project, image = case.make(Path(folder))
            for limit in case.limits:
                lines.append(f"| {' | '.join(measured(case, limit, project, image))} |")
                print(lines[-1], flush=True)
    output = arguments.output or (None if arguments.only else ROOT / "benchmarks" / "memory.md")
    if output is not None:
        text = "The largest memory of a process against its limit; `python benchmarks/memory.py`, two threads."
        head = f"# Memory\n\n{text}\n\n"
        output.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
