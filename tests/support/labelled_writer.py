"""A small Pixel Classification project without a classifier: labels, and the image in the project."""

from pathlib import Path

import h5py
import numpy as np
from ilp_writer import FORESTS, RAW, axistags, put, put_lane, remove, write_project

LABELS = "PixelClassification/LabelSets"


def picture() -> np.ndarray:
    """Return an image (40, 50), dark on the left and bright on the right."""
    rng = np.random.default_rng(0)
    return (np.where(np.arange(50) < 25, 40, 200) + rng.integers(0, 20, (40, 50))).astype(np.uint8)


def put_block(file: h5py.File, name: str, labels: np.ndarray, start: tuple[int, ...], axes: str = "yxc") -> None:
    """Store labels as a block that starts somewhere."""
    stored = put(file, f"{LABELS}/{name}", labels)
    slices = ",".join(f"{a}:{a + n}" for a, n in zip(start, labels.shape, strict=True))
    stored.attrs["blockSlice"] = f"[{slices}]"
    stored.attrs["axistags"] = axistags(axes).decode()


def put_strokes(file: h5py.File) -> None:
    """Store 30 labels of each of two classes."""
    put_block(file, "labels000/block0000", np.full((5, 6, 1), 1, np.uint8), (3, 4, 0))
    put_block(file, "labels000/block0001", np.full((5, 6, 1), 2, np.uint8), (20, 40, 0))


def put_inside(file: h5py.File) -> None:
    """Store the image in the project."""
    put_lane(file, RAW, "yx", (40, 50))
    stored = put(file, "Input Data/local_data/abc", picture())
    stored.attrs["axistags"] = axistags("yx").decode()
    put(file, f"{RAW}/location", b"ProjectInternal")
    put(file, f"{RAW}/inner_path", b"Input Data/local_data/abc")
    put(file, f"{RAW}/filePath", b"Input Data/local_data/abc")


def without_forest(file: h5py.File) -> None:
    """Remove the classifier."""
    remove(file, FORESTS)


def write_labels(path: Path) -> Path:
    """Write the project."""
    return write_project(path, put_inside, put_strokes, without_forest)
