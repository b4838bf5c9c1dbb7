"""Small made-up project files, laid out as ilastik lays them out.

``write_project`` writes one that can be read: Pixel Classification, one uint8 channel, two classes, Gaussian
smoothing and Hessian eigenvalues at scale 1 in 2D (three features), two forests of two trees. A test changes
what it is about with ``put`` and ``remove``.
"""

import json
from pathlib import Path

import h5py
import numpy as np

LEAF = 0x40000000
FORESTS = "PixelClassification/ClassifierForests"
RAW = "Input Data/infos/lane0000/Raw Data"
PICKLED_TYPE = b"clazyflow.classifiers.parallelVigraRfLazyflowClassifier\nParallelVigraRfLazyflowClassifier\np0\n."


def write_project(path: Path, *changes) -> Path:
    """Write the project, then let each change, a function of the open file, have its way."""
    with h5py.File(path, "w") as file:
        put(file, "ilastikVersion", b"1.4.1")
        put(file, "workflowName", b"Pixel Classification")
        put(file, "time", b"Sun Nov 22 10:46:26 2026")
        put(file, "FeatureSelections/StorageVersion", b"0.1")
        put(file, "FeatureSelections/FeatureIds", [b"GaussianSmoothing", b"HessianOfGaussianEigenvalues"])
        put(file, "FeatureSelections/Scales", np.array([0.7, 1.0]))
        put(file, "FeatureSelections/SelectionMatrix", np.array([[False, True], [False, True]]))
        put(file, "FeatureSelections/ComputeIn2d", np.array([True, True]))
        put(file, "Input Data/StorageVersion", b"0.2")
        put(file, "Input Data/Role Names", [b"Raw Data", b"Prediction Mask"])
        put_lane(file, RAW, "yxc", (40, 50, 1))
        file.create_group("Input Data/infos/lane0000/Prediction Mask")
        put(file, "PixelClassification/StorageVersion", b"0.1")
        put(file, "PixelClassification/LabelNames", [b"Background", "Zellkern µ".encode()])
        put(file, "PixelClassification/LabelColors", np.array([[255, 0, 0], [0, 128, 255]]))
        put(file, f"{FORESTS}/known_labels", np.array([1, 2], np.uint32))
        put(file, f"{FORESTS}/feature_names", [b"one", b"two", b"three"])
        put(file, f"{FORESTS}/pickled_type", PICKLED_TYPE)
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=2)
        put_forest(file, f"{FORESTS}/Forest0001", n_trees=2)
        for change in changes:
            change(file)
    return path


def put(file: h5py.File, name: str, value) -> h5py.Dataset:
    """Store a value, in place of what is there; lists of bytes become texts of variable length."""
    if name in file:
        del file[name]
    if isinstance(value, list):
        return file.create_dataset(name, data=value, dtype=h5py.string_dtype())
    return file.create_dataset(name, data=value)


def remove(file: h5py.File, *names: str) -> None:
    """Remove members."""
    for name in names:
        del file[name]


def put_empty_list(file: h5py.File, name: str) -> None:
    """Store an empty list as ilastik does: one arbitrary number, marked as empty."""
    put(file, name, np.array([6.9e-310])).attrs["isEmpty"] = "True"


def put_lane(file: h5py.File, name: str, axes: str, shape: tuple[int, ...] | None) -> None:
    """Store what a project tells of a training image, in place of what is there."""
    if name in file:
        del file[name]
    put(file, f"{name}/axistags", axistags(axes))
    put(file, f"{name}/filePath", b"train.png")
    put(file, f"{name}/location", b"FileSystem")
    if shape is not None:
        put(file, f"{name}/shape", np.array(shape))


def axistags(axes: str) -> bytes:
    """Return vigra's axistags."""
    flags = {"c": 1, "t": 8}
    tags = [{"key": key, "typeFlags": flags.get(key, 2), "resolution": 0, "description": ""} for key in axes]
    return json.dumps({"axes": tags}).encode()


def put_forest(
    file: h5py.File, name: str, n_trees: int, n_features: int = 3, n_classes: int = 2, digits: int = 1
) -> None:
    """Store a forest as vigra does, in place of what is there; tree number i compares with i + 0.5."""
    if name in file:
        del file[name]
    forest = file.create_group(name)
    forest.attrs["vigra_random_forest_version"] = np.array([0.1])
    put(forest, "_options/tree_count_", np.array([float(n_trees)]))
    put(forest, "_options/predict_weighted_", np.array([0.0]))
    put(forest, "_ext_param/column_count_", np.array([float(n_features)]))
    put(forest, "_ext_param/class_count_", np.array([float(n_classes)]))
    put(forest, "_ext_param/labels", np.arange(1, n_classes + 1, dtype=np.uint32))
    for i in range(n_trees):
        topology, parameters = stump(n_features, n_classes, i + 0.5)
        put(forest, f"Tree_{i:0{digits}}/topology", topology)
        put(forest, f"Tree_{i:0{digits}}/parameters", parameters)


def stump(n_features: int, n_classes: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return vigra's arrays of a tree with one threshold: below it the first class, otherwise the last."""
    first, last = np.eye(n_classes)[[0, -1]]
    topology = [n_features, n_classes, 0, 0, 7, 9, n_features - 1, LEAF, 2, LEAF, 3 + n_classes]
    return np.array(topology, np.int32), np.array([5, threshold, 3, *first, 2, *last])
