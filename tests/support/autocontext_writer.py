"""Small made-up Autocontext projects, of as many stages as wanted, laid out as ilastik lays them out."""

from pathlib import Path

import h5py
import numpy as np
from ilp_writer import RAW, put, put_forest, put_lane, remove, write_project

NAMES = {2: b"AutocontextTwoStage", 3: b"AutocontextThreeStage", 4: b"AutocontextFourStage"}


def write_stages(path: Path, *changes, n_stages=2, n_raw=1, axes="yxc", shape=(40, 50, 1)) -> Path:
    """Write a project: each stage has two classes and looks at the last of its channels.

    Features are Gaussian smoothing and Hessian eigenvalues at scale 1, in 3D if there is a ``z``.
    """
    in_2d = "z" not in axes

    def make(file: h5py.File) -> None:
        put(file, "workflowName", NAMES[n_stages])
        put_lane(file, RAW, axes, shape)
        remove(file, "PixelClassification/ClassifierForests/feature_names")
        put(file, "FeatureSelections/ComputeIn2d", np.array([in_2d, in_2d]))
        for n in range(n_stages):
            suffix = f"{n:02}" if n else ""
            if n:
                file.copy("FeatureSelections", f"FeatureSelections{suffix}")
                file.copy("PixelClassification", f"PixelClassification{suffix}")
            n_features = (n_raw + (2 if n else 0)) * (3 if in_2d else 4)
            for forest in ("Forest0000", "Forest0001"):
                put_forest(file, f"PixelClassification{suffix}/ClassifierForests/{forest}", 2, n_features)

    return write_project(path, make, *changes)
