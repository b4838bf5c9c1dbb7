"""Small made-up Object Classification projects, laid out as ilastik lays them out.

``write_objects`` writes one that can be read: from prediction maps, images of one channel in 2D, four features with
five columns, two classes, hysteresis.
"""

import pickle
from pathlib import Path

import h5py
import numpy as np
from ilp_writer import PICKLED_TYPE, put, put_empty_list, put_forest, put_lane

FROM_MAPS = "Object Classification (from prediction image)"
FROM_BINARY = "Object Classification (from binary image)"
FROM_LABELS = "Object Classification (from label image)"
FEATURES = "ObjectExtraction/Features"
SELECTED = "ObjectClassification/SelectedFeatures"
FORESTS = "ObjectClassification/ClassifierForests"
STANDARD = "Standard Object Features"
NAMES = ("Count", "Mean", "Mean in neighborhood", "RegionCenter")
N_COLUMNS = 5
TABLE = ({"file type": "csv", "file path": "{dataset_dir}/{nickname}.csv", "compression": {}}, ["Count", "Mean"])


def write_objects(path: Path, *changes, workflow: str = FROM_MAPS) -> Path:
    """Write the project, then let each change, a function of the open file, have its way."""
    with h5py.File(path, "w") as file:
        put(file, "ilastikVersion", b"1.4.1")
        put(file, "workflowName", workflow.encode())
        put(file, "Input Data/StorageVersion", b"0.2")
        put(file, "Input Data/Role Names", [b"Raw Data", b"Prediction Maps", b"Atlas"])
        put_lane(file, "Input Data/infos/lane0000/Raw Data", "yxc", (40, 50, 1))
        put_lane(file, "Input Data/infos/lane0000/Prediction Maps", "yxc", (40, 50, 2))
        put(file, "ObjectExtraction/StorageVersion", b"0.1")
        for name in (*NAMES, "Variance"):
            put_feature(file, FEATURES, name)
        for name in NAMES:
            put_feature(file, SELECTED, name)
        put(file, "ObjectClassification/LabelNames", [b"round", "lang µ".encode()])
        put(file, "ObjectClassification/LabelColors", np.array([[255, 0, 0], [0, 128, 255]]))
        put_table(file, TABLE)
        put(file, f"{FORESTS}/known_labels", np.array([1, 2], np.uint32))
        put(file, f"{FORESTS}/pickled_type", PICKLED_TYPE)
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=3, n_features=N_COLUMNS)
        if workflow == FROM_MAPS:
            for name, value in (("CurOperator", 1), ("Channel", 1), ("CoreChannel", 0), ("MinSize", 3)):
                put(file, f"ThresholdTwoLevels/{name}", value)
            for name, value in (("LowThreshold", 0.4), ("HighThreshold", 0.7), ("MaxSize", 900)):
                put(file, f"ThresholdTwoLevels/{name}", value)
            for key, sigma in zip("xyz", (0.9, 1.3, 2.0), strict=True):
                put(file, f"ThresholdTwoLevels/SmootherSigma/{key}", sigma)
        for change in changes:
            change(file)
    return path


def put_feature(file: h5py.File, group: str, name: str, plugin: str = STANDARD) -> None:
    """Store a feature; one of the neighbourhood has a margin, and others are empty groups."""
    feature = file.require_group(f"{group}/{plugin}/{name}")
    if name.endswith("neighborhood"):
        put(feature, "margin", np.array([7, 5]))
        put(feature, "displaytext", b"Mean Intensity in neighborhood")


def put_table(file: h5py.File, settings: object) -> None:
    """Store what ilastik's window was told of the table."""
    put(file, "ObjectClassification/ExportSettings", np.void(pickle.dumps(settings, 0)))


def put_no_names(file: h5py.File) -> None:
    """Store no names of classes."""
    put_empty_list(file, "ObjectClassification/LabelNames")
