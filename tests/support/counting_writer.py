"""Small made-up counting projects, laid out as ilastik lays them out.

``write_counting`` writes one that can be read: one uint8 image of 40 x 50 pixels, Gaussian smoothing and Hessian
eigenvalues at scale 1 in 2D (three features), one stored regressor, and dots and strokes in two blocks.
"""

from pathlib import Path

import h5py
import numpy as np
from ilp_writer import RAW, axistags, put, put_lane
from pickled import MadeTree, forest, svr
from PIL import Image

WRAPPERS = "Counting/CountingWrappers"
LABELS = "Counting/LabelSets/labels0"
SHAPE = (40, 50)
DOTS = [(10, 12), (20, 30), (30, 8)]
GOOD = svr(forest(MadeTree(n_features=3)), _Sigma=3.0)


def picture() -> np.ndarray:
    """Return an image with a bright blob at each dot."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    blobs = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 8) for a, b in DOTS)
    return (40 + 180 * np.minimum(blobs, 1)).astype(np.uint8)


def labels() -> np.ndarray:
    """Return the dots (1) and a stroke of background (2)."""
    found = np.zeros(SHAPE, np.uint8)
    for y, x in DOTS:
        found[y, x] = 1
    found[2:38, 40:48] = 2
    return found


def write_counting(path: Path, *changes) -> Path:
    """Write the project, and its image beside it, then let each change have its way."""
    Image.fromarray(picture()).save(path.parent / "train.png")
    with h5py.File(path, "w") as file:
        put(file, "ilastikVersion", b"1.4.1")
        put(file, "workflowName", b"Cell Density Counting")
        put(file, "FeatureSelections/FeatureIds", [b"GaussianSmoothing", b"HessianOfGaussianEigenvalues"])
        put(file, "FeatureSelections/Scales", np.array([0.7, 1.0]))
        put(file, "FeatureSelections/SelectionMatrix", np.array([[False, True], [False, True]]))
        put(file, "FeatureSelections/ComputeIn2d", np.array([True, True]))
        put(file, "Input Data/Role Names", [b"Raw Data"])
        put_lane(file, RAW, "yxc", (*SHAPE, 1))
        put(file, "Counting/LabelNames", [b"Foreground", b"Background"])
        put(file, "Counting/LabelColors", np.array([[255, 0, 0], [0, 255, 0]]))
        put(file, "Counting/Sigma", 2.0)
        put_blocks(file, labels())
        put_wrapper(file, "wrapper0003", GOOD)
        for change in changes:
            change(file)
    return path


def put_blocks(file: h5py.File, values: np.ndarray, at: str = LABELS, axes: str = "xyc") -> None:
    """Store labels (y, x) in two blocks, the axes of each as ilastik orders them."""
    if at in file:
        del file[at]
    half = values.shape[1] // 2
    for i, (start, stop) in enumerate([(0, half), (half, values.shape[1])]):
        extents = {"y": (0, values.shape[0]), "x": (start, stop)}
        block = values[:, start:stop].T if axes.index("x") < axes.index("y") else values[:, start:stop]
        shape = [extents[key][1] - extents[key][0] if key in extents else 1 for key in axes]
        stored = put(file, f"{at}/block{i:04}", block.reshape(shape))
        slices = (extents.get(key, (0, 1)) for key in axes)
        stored.attrs["blockSlice"] = "[" + ",".join(f"{a}:{b}" for a, b in slices) + "]"
        stored.attrs["axistags"] = axistags(axes).decode()


def put_wrapper(file: h5py.File, name: str, data: bytes) -> None:
    """Store a pickle as ilastik does."""
    put(file, f"{WRAPPERS}/{name}", np.frombuffer(data, f"V{len(data)}"))
