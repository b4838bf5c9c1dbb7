"""Check that vigra, as ilastik uses it, reads the forests that are saved here and predicts the same.

    apt-get install python3-vigra
    .venv/bin/python benchmarks/saved_forests.py

Every golden project is loaded and saved, and trained from its own labels and saved. vigra's own reader reads what is
saved; on the features of every pixel of a test image, the largest difference of a probability is printed.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import imread
from vigra_client import VigraWorker

from napari_batch_prediction import Classifier, load_classifier

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
CASES = ("a_2d_u8", "b_2d_rgb_u8", "c_2d_u16", "d_3d_u8", "f_2dt_u8", "g_2d_f32", "k_2d_scales_u8", "m_3d_2ch_u16")
TOLERANCE = 1e-6


def pixels(path: Path) -> NDArray:
    """Return an image."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return np.asarray(file["data"])
    return np.asarray(imread(path) if path.suffix == ".tif" else Image.open(path))


def trained(case: str, folder: Path) -> Classifier:
    """Return the classifier of a case, trained here."""
    copy = folder / case
    shutil.copytree(GOLDEN / case, copy)
    with h5py.File(copy / "project.ilp", "r+") as file:
        del file["PixelClassification/ClassifierForests"]
    return load_classifier(copy / "project.ilp")


def difference(case: str, classifier: Classifier, folder: Path, vigra: VigraWorker) -> tuple[int, float]:
    """Return the number of pixels, and the largest difference between vigra and the classifier."""
    saved, rows = folder / "saved.ilp", folder / "rows.npy"
    classifier.save(saved, existing="overwrite")
    image = pixels(next((GOLDEN / case).glob("test1.*")))
    features, probabilities = (
        np.asarray(classifier.predict(image, classifier.axes, source)) for source in ("Features", "Probabilities")
    )
    np.save(rows, features.reshape(-1, features.shape[-1]))
    vigra.load_forest(saved, rows)
    vigra.run()
    found = vigra.result(folder)
    return len(found), float(np.abs(found - probabilities.reshape(found.shape)).max())


def main() -> int:
    """Print two lines for each case; return 1 if one differs by more than a millionth."""
    worst = 0.0
    with VigraWorker() as vigra, tempfile.TemporaryDirectory() as folder:
        print(f"vigra {vigra.version}")
        for case in CASES:
            for kind, classifier in (
                ("by ilastik", load_classifier(GOLDEN / case / "project.ilp")),
                ("here", trained(case, Path(folder))),
            ):
                n, largest = difference(case, classifier, Path(folder), vigra)
                worst = max(worst, largest)
                print(f"{case:<16} {n:>7} pixels, trained {kind:<10} largest difference {largest:.1e}", flush=True)
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
