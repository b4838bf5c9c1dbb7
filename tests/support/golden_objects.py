"""The golden cases of objects: images with ilastik's objects, and what its tables say of them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import golden
import h5py
import numpy as np

from napari_batch_prediction import BatchJob
from napari_batch_prediction.classifiers.load import load_classifier

OBJECTS = golden._cases("objects.json")

# Axes of the images without channels.
AXES = {"j": "yx", "n": "yx", "o": "zyx", "p": "tyx", "q": "zyx", "r": "yx"}
ROLES = {"prediction_maps": "pred", "segmentation_image": "seg", "label_image": "lab"}
SOURCES = ("Object Identities", "Object Predictions", "Object Probabilities")


@dataclass(frozen=True)
class GoldenObjects:
    """One time point of an image.

    Attributes
    ----------
    raw
        (c, z, y, x).
    labels
        (1, z, y, x): ilastik's objects.
    table
        By title, the column of ilastik's table with a row for each object, as text.
    """

    raw: np.ndarray
    labels: np.ndarray
    table: dict[str, list[str]]

    def column(self, title: str) -> np.ndarray:
        """A column as numbers."""
        return np.array([float(text) for text in self.table[title]])


def case_job(case, folder, *exports, **settings):
    """Return the job of a golden case: its test images, with the second images beside them."""
    classifier = load_classifier(golden.ROOT / case / "project.ilp")
    if not classifier.second:
        inputs = [golden.ROOT / case / f"test{i}.png" for i in (1, 2)]
        return BatchJob(classifier, inputs, exports or SOURCES, folder=folder, **settings)
    inputs = [golden.ROOT / case / f"test{i}_raw.h5" for i in (1, 2)]
    own = {str(path): {classifier.second: str(path).replace("_raw.h5", f"_{ROLES[classifier.second]}.h5")}
           for path in inputs}  # fmt: skip
    return BatchJob(classifier, inputs, exports or SOURCES, folder=folder, input_settings=own, **settings)


def computed(case: str, group: str = "ObjectExtraction/Features") -> dict[str, dict[str, dict]]:
    """The features of a project, by plugin and name, with their properties; read without the package."""
    with h5py.File(golden.ROOT / case / "project.ilp") as file:
        found = file[group]
        return {
            plugin: {name: {key: value[()] for key, value in found[plugin][name].items()} for name in found[plugin]}
            for plugin in found
        }


def objects(case: str, name: str) -> Iterator[GoldenObjects]:
    """The time points of one image of a case, which is called test1 or test2."""
    folder = golden.ROOT / case
    (raw_path,) = [path for path in (folder / f"{name}.png", folder / f"{name}_raw.h5") if path.exists()]
    axes = AXES[case[0]]
    raw = _tczyx(golden.read(raw_path), axes)
    labels = _tczyx(golden.read(folder / "expected" / f"{name}_Object Identities.h5"), axes)
    (table_path,) = (folder / "expected").glob(f"{name}_table*.csv")
    with table_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for t in range(len(raw)):
        own = [row for row in rows if int(row["timestep"]) == t]
        assert [int(row["labelimage_oid"]) for row in own] == list(range(1, labels[t].max() + 1))
        yield GoldenObjects(raw[t], labels[t], {title: [row[title] for row in own] for title in rows[0]})


def _tczyx(values: np.ndarray, axes: str) -> np.ndarray:
    if values.ndim == len(axes):
        values = values[..., None]
    for position, key in enumerate("tzyx"):
        if key not in axes:
            values = np.expand_dims(values, position)
    return np.moveaxis(values, -1, 1)


def column_count(case: str) -> int:
    """The number of columns that the forest of a project takes."""
    with h5py.File(golden.ROOT / case / "project.ilp") as file:
        return int(file["ObjectClassification/ClassifierForests/Forest0000/_ext_param/column_count_"][0])
