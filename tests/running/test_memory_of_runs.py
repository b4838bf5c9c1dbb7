"""The largest memory of a process stays below the limit of its run, or the run says why it cannot."""

import os
import re
import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from ilp_writer import FORESTS, RAW, put, put_forest, put_lane, write_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the largest memory of a process is measured otherwise there"),
]

LIMIT = 2**29
RUN = """
import re, resource, sys
from pathlib import Path
import napari_batch_prediction as nbp
project, folder, axes, source, *images = sys.argv[1:]
export = nbp.Export(source=source, folder=folder + "/out")
rows = nbp.BatchJob(classifier=project, inputs=images, exports=(export,), input_axes=axes or None, memory=2**29,
                    workers=2).run().rows
if sys.platform == "linux":
    # What getrusage says there includes what the parent took when it started this process.
    largest = 1024 * int(re.search("VmHWM:\\\\s+(\\\\d+) kB", Path("/proc/self/status").read_text())[1])
else:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(largest, *[f"{row.status} {row.reason}" for row in rows], sep="|")
"""


def run(project: Path, *images: Path, axes: str = "", source: str = "Probabilities") -> tuple[int, list[str]]:
    """Run in a process of its own with 512 MiB; return its largest memory, and status and reason of each image."""
    arguments = [str(project), str(project.parent), axes, source, *map(str, images)]
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    largest, *ends = done.stdout.rstrip("\n").split("|")
    return int(largest), ends


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


def many_classes(file):
    put(file, "PixelClassification/LabelNames", [b"class %d" % i for i in range(64)])
    put(file, "PixelClassification/LabelColors", np.full((64, 3), 200))
    put(file, f"{FORESTS}/known_labels", np.arange(1, 65, dtype=np.uint32))
    for name in ("Forest0000", "Forest0001"):
        put_forest(file, f"{FORESTS}/{name}", n_trees=2, n_classes=64)


def many_channels(file):
    put_lane(file, RAW, "yxc", (40, 50, 200))
    put(file, f"{FORESTS}/feature_names", [b"feature %d" % i for i in range(600)])
    for name in ("Forest0000", "Forest0001"):
        put_forest(file, f"{FORESTS}/{name}", n_trees=2, n_features=600)


@pytest.mark.parametrize("source", ["Probabilities", "Simple Segmentation"])
def test_many_classes_stay_below_the_limit(source, tmp_path):
    """Probabilities of 64 classes, of which 460 MB are made, and labels, which are made of them."""
    np.save(tmp_path / "a.npy", noise(1500, 1200))
    largest, ends = run(write_project(tmp_path / "a.ilp", many_classes), tmp_path / "a.npy", source=source)
    assert ends == ["done "]
    assert largest < LIMIT


def test_many_channels_stay_below_the_limit(tmp_path):
    """200 channels with 600 features, each smoothed as float32."""
    np.save(tmp_path / "a.npy", noise(500, 500, 200))
    largest, ends = run(write_project(tmp_path / "a.ilp", many_channels), tmp_path / "a.npy", axes="yxc")
    assert ends == ["done "]
    assert largest < LIMIT


def test_pictures_of_one_run_are_not_all_decoded_at_once(tmp_path):
    """Three pictures of 100 MB are predicted one after the other; one of 400 MB is refused, and named why."""
    pictures = []
    for i, side in enumerate([10_000] * 3 + [20_000]):
        pictures.append(tmp_path / f"{i}.png")
        pixels = np.resize(noise(100, side), (side, side))
        pictures[-1].write_bytes(imagecodecs.png_encode(pixels // 64, level=1))
    largest, ends = run(write_project(tmp_path / "a.ilp"), *pictures, source="Simple Segmentation")
    assert ends[:3] == ["done "] * 3
    assert re.match(r"problem .*needed for decoding the image as a whole", ends[3])
    assert largest < LIMIT


def test_tiff_of_one_compressed_strip_is_refused_or_stays_below_the_limit(tmp_path):
    """A strip of 64 MB is decoded once and kept; one of 400 MB does not fit."""
    project = write_project(tmp_path / "a.ilp")
    for name, side in (("a.tif", 8000), ("b.tif", 20_000)):
        pixels = np.resize(noise(100, side), (side, side)) // 64
        tifffile.imwrite(tmp_path / name, pixels, rowsperstrip=side, compression="zlib")
    largest, ends = run(project, tmp_path / "a.tif", tmp_path / "b.tif", source="Simple Segmentation")
    assert ends[0] == "done "
    assert re.match(r"problem .*needed for decoding the image as a whole or in large pieces", ends[1])
    assert largest < LIMIT
