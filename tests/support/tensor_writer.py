"""Small projects whose forest was trained on structure tensors of either formula, as old versions of ilastik left them.

The forest is scikit-learn's, trained on features computed plainly, and stored as vigra stores one.
"""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from ilp_writer import FORESTS, LEAF, RAW, axistags, put, put_lane, remove, write_project
from PIL import Image
from plain_features import plain_features
from sklearn.ensemble import RandomForestClassifier

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.features.selection import STRUCTURE, FeatureSelection

SCALES = (0.7, 1.6)
OLD_NAMES = [f"Structure Tensor Eigenvalues (σ={s}) [{i}]".encode() for s in SCALES for i in range(2)]
NEW_NAMES = [f"Structure Tensor Eigenvalues (σ={s}) in 2D [{i}]".encode() for s in SCALES for i in range(2)]
SHAPES = {"yx": (40, 50), "tyx": (3, 36, 40), "zyx": (12, 24, 26), "yxc": (40, 50, 2)}


def texture(axes: str = "yx", seed: int = 0) -> np.ndarray:
    """Return a picture of blurred noise."""
    values = np.random.default_rng(seed).normal(size=SHAPES[axes])
    for axis, key in enumerate(axes):
        if key in "zyx":
            values = values + np.roll(values, 1, axis)
    return np.clip(128 + 40 * values, 0, 255).astype(np.uint8)


def chosen(formula: str, axes: str = "yx") -> FeatureSelection:
    """Return the selection of features."""
    return FeatureSelection((STRUCTURE,), SCALES, ((True, True),), ("z" not in axes,) * 2, formula)


def painted(axes: str = "yx") -> np.ndarray:
    """Return labels (t, z, y, x): 1 where there is little structure, 2 where there is much, 0 mostly."""
    labels = []
    for czyx in reorder(texture(axes), axes, "tczyx"):
        selection = replace(chosen("gradient", axes), matrix=((True, False),))
        structure = plain_features(czyx, selection)[0]
        classes = 1 + (structure > np.median(structure)).astype(np.uint8)
        labels.append(np.where(np.random.default_rng(1).random(structure.shape) < 0.2, classes, 0))
    return np.array(labels, np.uint8)


def trained(formula: str, axes: str = "yx") -> RandomForestClassifier:
    """Return a forest trained on the labels, with features of this formula."""
    rows, classes = [], []
    for czyx, labels in zip(reorder(texture(axes), axes, "tczyx"), painted(axes), strict=True):
        rows.append(plain_features(czyx, chosen(formula, axes))[:, labels > 0].T)
        classes.append(labels[labels > 0])
    forest = RandomForestClassifier(20, random_state=0)
    return forest.fit(np.concatenate(rows).astype(np.float32), np.concatenate(classes))


def expected(formula: str, image: np.ndarray, axes: str = "yx") -> np.ndarray:
    """Return the probabilities (pixels, classes) of an image of one time point."""
    czyx = reorder(image, axes, "tczyx")[0]
    features = plain_features(czyx, chosen(formula, axes))
    return trained(formula, axes).predict_proba(features.reshape(len(features), -1).T.astype(np.float32))


def write_tensor_project(
    path: Path, formula: str, *changes, axes: str = "yx", version: bytes = b"1.2.2rc4", names=OLD_NAMES
) -> Path:
    """Write a project that was trained with this formula, and its training image beside it."""
    np.save(path.parent / "train.npy", texture(axes))
    if axes == "yx":
        Image.fromarray(texture(axes)).save(path.parent / "train.png")
    file_axes = axes if "c" in axes else axes + "c"

    def make(file: h5py.File) -> None:
        put(file, "ilastikVersion", version)
        put(file, "FeatureSelections/FeatureIds", [STRUCTURE.encode()])
        put(file, "FeatureSelections/Scales", np.array(SCALES))
        put(file, "FeatureSelections/SelectionMatrix", np.array([[True, True]]))
        remove(file, "FeatureSelections/ComputeIn2d")
        put_lane(file, RAW, axes, None)
        put(file, f"{RAW}/filePath", b"train.npy")
        put_labels(file, "PixelClassification", painted(axes), file_axes)
        remove(file, f"{FORESTS}/Forest0000", f"{FORESTS}/Forest0001", f"{FORESTS}/feature_names")
        forest = trained(formula, axes)
        if names is not None and len(names) == forest.n_features_in_:
            put(file, f"{FORESTS}/feature_names", names)
        put_sklearn_forest(file, f"{FORESTS}/Forest0000", forest)

    return write_project(path, make, *changes)


def put_labels(file: h5py.File, applet: str, labels: np.ndarray, axes: str, tags: bool = False) -> None:
    """Store labels (t, z, y, x) as one block."""
    block = reorder(labels, "tzyx", axes.replace("c", ""))
    block = np.expand_dims(block, axes.index("c"))
    stored = put(file, f"{applet}/LabelSets/labels000/block0000", block)
    stored.attrs["blockSlice"] = "[" + ",".join(f"0:{n}" for n in block.shape) + "]"
    if tags:
        stored.attrs["axistags"] = axistags(axes).decode()


def put_sklearn_forest(file: h5py.File, name: str, forest: RandomForestClassifier) -> None:
    """Store a forest of scikit-learn as vigra does."""
    n_trees, n_features, n_classes = len(forest.estimators_), forest.n_features_in_, len(forest.classes_)
    group = file.create_group(name)
    group.attrs["vigra_random_forest_version"] = np.array([0.1])
    put(group, "_options/tree_count_", np.array([float(n_trees)]))
    put(group, "_ext_param/column_count_", np.array([float(n_features)]))
    put(group, "_ext_param/class_count_", np.array([float(n_classes)]))
    put(group, "_ext_param/labels", np.arange(1, n_classes + 1, dtype=np.uint32))
    for i, estimator in enumerate(forest.estimators_):
        topology, parameters = _vigra_tree(estimator.tree_, n_features, n_classes)
        put(group, f"Tree_{i:02}/topology", topology)
        put(group, f"Tree_{i:02}/parameters", parameters)


def _vigra_tree(tree, n_features: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    topology, parameters = [n_features, n_classes], []

    def add(node: int) -> int:
        index, first = len(topology), len(parameters)
        if tree.children_left[node] < 0:
            topology.extend([LEAF, first])
            parameters.extend([1.0, *(tree.value[node, 0] / tree.value[node, 0].sum())])
            return index
        topology.extend([0, first, 0, 0, int(tree.feature[node])])
        # scikit-learn goes left at the threshold itself.
        parameters.extend([1.0, np.nextafter(tree.threshold[node], np.inf)])
        topology[index + 2] = add(tree.children_left[node])
        topology[index + 3] = add(tree.children_right[node])
        return index

    add(0)
    return np.array(topology, np.int32), np.array(parameters)
