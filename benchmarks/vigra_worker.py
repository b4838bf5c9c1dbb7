"""vigra at work, in the interpreter that has it: commands come in as lines of JSON, answers go out likewise.

Started by vigra_client.py. It uses nothing but numpy and vigra.
"""

import ctypes
import json
import math
import sys
import time
import traceback

import numpy as np
import vigra
from vigra import filters

# ilastik's constants: the windows of its two stages.
SMOOTHING_WINDOW = 3.5
FILTER_WINDOW = 2.0


class Forest:
    """The forests of a project, and rows to send through them."""

    def __init__(self, project, rows, applet):
        group = applet + "/ClassifierForests/"
        self.forests = []
        # There is one for each thread of the machine that trained it.
        for number in range(1000):
            try:
                self.forests.append(vigra.learning.RandomForest(project, f"{group}Forest{number:04}"))
            except RuntimeError:
                break
        self.rows = np.load(rows, allow_pickle=False)

    def run(self):
        """Return the probabilities (rows, classes), weighed by the trees of each forest."""
        n_trees = sum(forest.treeCount() for forest in self.forests)
        total = 0
        for forest in self.forests:
            total = total + forest.predictProbabilities(self.rows) * np.float32(forest.treeCount() / n_trees)
        return total


class Features:
    """An image, and the features wanted: pairs of ilastik's name and a scale."""

    def __init__(self, image, wanted):
        array = np.load(image, allow_pickle=False)
        self.image = vigra.taggedView(array, "zyx"[3 - array.ndim :])
        self.wanted = wanted

    def run(self):
        """Return one image for each feature; those with eigenvalues have a channel for each."""
        smoothed = {}
        for _, scale in self.wanted:
            if scale not in smoothed:
                sigma = math.sqrt(scale * scale - 1) if scale > 1 else scale
                smoothed[scale] = filters.gaussianSmoothing(self.image, sigma, window_size=SMOOTHING_WINDOW)
        return [feature(name, smoothed[scale], min(scale, 1.0)) for name, scale in self.wanted]


class Training:
    """Labelled rows of features to train forests on, each time with the next seed, and others to test them on."""

    def __init__(self, folder, n_trees):
        names = ("features", "classes", "test", "truth")
        arrays = [np.load(folder + "/training_" + name + ".npy", allow_pickle=False) for name in names]
        self.features, self.classes, self.test, self.truth = arrays
        self.n_trees, self.seed = n_trees, 0

    def run(self):
        """Train a forest."""
        self.seed += 1
        self.forest = vigra.learning.RandomForest(treeCount=self.n_trees)
        self.forest.learnRF(self.features, self.classes[:, np.newaxis], self.seed)

    def share_wrong(self):
        """Return the share of the other rows to which the forest gives another class, from 0, than theirs."""
        return float(np.mean(self.forest.predictProbabilities(self.test).argmax(axis=1) != self.truth))


class Objects:
    """Labels, an image, and the features of objects that are wanted."""

    def __init__(self, labels, image, names):
        # With the axes that ilastik gives to vigra, coordinates are x, y.
        self.labels = vigra.taggedView(np.load(labels, allow_pickle=False).T, "xy")
        self.image = vigra.taggedView(np.load(image, allow_pickle=False).T, "xy")
        self.names = names

    def run(self):
        """Return the columns of all features, a row for each object."""
        found = vigra.analysis.extractRegionFeatures(self.image, self.labels, features=self.names, ignoreLabel=0)
        columns = [np.asarray(found[name], np.float64) for name in self.names]
        columns = [values.reshape(len(values), -1)[1:] for values in columns]
        # One beyond the last pixel, as ilastik has it.
        columns = [
            values + 1 if name == "Coord<Maximum>" else values for name, values in zip(self.names, columns, strict=True)
        ]
        return np.concatenate(columns, axis=1)


class Neighbourhoods:
    """Labels, an image, and the features that are wanted of the pixels around each object."""

    def __init__(self, labels, image, names, margin):
        self.labels = np.load(labels, allow_pickle=False)
        self.image = np.load(image, allow_pickle=False)
        self.names, self.margin = names, margin

    def run(self):
        """Return the columns of all features, a row for each object."""
        rows = around(self.labels, self.image, self.names, self.margin, with_object=False)
        return np.array(rows, np.float64)


class Classification:
    """A binary image, an image, and what ilastik calls of vigra to classify the objects of a project."""

    def __init__(self, mask, image, names, near, margin, project):
        self.mask = np.load(mask, allow_pickle=False).astype(np.uint32)
        self.image = np.load(image, allow_pickle=False)
        self.names, self.near, self.margin = names, near, margin
        self.forest = vigra.learning.RandomForest(project, "ObjectClassification/ClassifierForests/Forest0000")

    def run(self):
        """Return nothing: it is only timed."""
        labels = vigra.analysis.labelImageWithBackground(vigra.taggedView(self.mask.T, "xy"))
        image = vigra.taggedView(self.image.T, "xy")
        vigra.analysis.extractRegionFeatures(image, labels, features=self.names, ignoreLabel=0)
        rows = around(np.asarray(labels).T, self.image, self.near, self.margin, with_object=True)
        vigra.analysis.extractSkeletonFeatures(labels)
        self.forest.predictProbabilities(np.zeros((len(rows), self.forest.featureCount()), np.float32))


def around(labels, image, names, margin, with_object):
    """Return the features of the pixels around each object, box after box as ilastik does it.

    With the object, the same features are also taken of both together, which ilastik does with all of them.
    """
    tagged = vigra.taggedView(image.T, "xy"), vigra.taggedView(labels.T, "xy")
    corners = vigra.analysis.extractRegionFeatures(
        *tagged, features=["Coord<Minimum>", "Coord<Maximum>"], ignoreLabel=0
    )
    low = np.maximum(corners["Coord<Minimum>"].astype(int) - margin, 0)
    # One beyond the last pixel, and one more, as ilastik has it.
    high = corners["Coord<Maximum>"].astype(int) + 2 + margin
    rows = []
    for i in range(1, len(low)):
        box = slice(low[i, 1], high[i, 1]), slice(low[i, 0], high[i, 0])
        own = np.equal(labels[box].T, i)
        # With a pitch, as ilastik gives one, distances are exact.
        away = filters.distanceTransform2D(vigra.taggedView(own.astype(np.float32), "xy"), pixel_pitch=(1.0, 1.0))
        near = np.asarray(away) < margin
        values = vigra.taggedView(image[box].T, "xy")
        for chosen in (near, near & ~own) if with_object else (near & ~own,):
            mask = vigra.taggedView(chosen.astype(np.uint32), "xy")
            found = vigra.analysis.extractRegionFeatures(values, mask, features=names, ignoreLabel=0)
        rows.append(np.concatenate([np.ravel(found[name][1]) for name in names]))
    return rows


class Skeletons:
    """Labels."""

    def __init__(self, labels):
        self.labels = vigra.taggedView(np.load(labels, allow_pickle=False), "yx")

    def run(self):
        """Return nothing: it is only timed."""
        vigra.analysis.extractSkeletonFeatures(self.labels)


def feature(name, image, sigma):
    """Return one feature of a smoothed image."""
    window = FILTER_WINDOW
    if name == "GaussianSmoothing":
        return filters.gaussianSmoothing(image, sigma, window_size=window)
    if name == "LaplacianOfGaussian":
        return filters.laplacianOfGaussian(image, sigma, window_size=window)
    if name == "GaussianGradientMagnitude":
        return filters.gaussianGradientMagnitude(image, sigma, window_size=window)
    if name == "DifferenceOfGaussians":
        wide = filters.gaussianSmoothing(image, sigma, window_size=window)
        return wide - filters.gaussianSmoothing(image, 0.66 * sigma, window_size=window)
    if name == "StructureTensorEigenvalues":
        # The scales are exchanged, as they are in ilastik.
        return filters.structureTensorEigenvalues(image, 0.5 * sigma, sigma, window_size=window)
    return filters.hessianOfGaussianEigenvalues(image, sigma, window_size=window)


def planes(result):
    """Return a result as one array: of features with a plane for each eigenvalue, of a forest as it is."""
    if not isinstance(result, list):
        return result
    parts = []
    for image in result:
        spatial = "zyx" if "z" in image.axistags else "yx"
        image = image.withAxes(*("c" + spatial))
        parts.append(np.asarray(image))
    return np.concatenate(parts)


def keep_memory():
    """Keep freed memory, as the other contestants do: mallopt's M_MMAP_MAX and M_TRIM_THRESHOLD."""
    libc = ctypes.CDLL(None)
    libc.mallopt(-4, 0)
    libc.mallopt(-1, 2**31 - 1)


def main():
    """Answer until the input ends."""
    keep_memory()
    print(json.dumps({"version": vigra.__version__.version}), flush=True)
    work = result = None
    for line in sys.stdin:
        command = json.loads(line)
        answer = {}
        try:
            if command["do"] == "forest":
                work = Forest(command["project"], command["rows"], command["applet"])
            elif command["do"] == "features":
                work = Features(command["image"], command["wanted"])
            elif command["do"] == "objects":
                work = Objects(command["labels"], command["image"], command["names"])
            elif command["do"] == "neighbourhoods":
                work = Neighbourhoods(*(command[key] for key in ("labels", "image", "names", "margin")))
            elif command["do"] == "classification":
                work = Classification(
                    *(command[key] for key in ("mask", "image", "names", "near", "margin", "project"))
                )
            elif command["do"] == "skeletons":
                work = Skeletons(command["labels"])
            elif command["do"] == "run":
                result = None
                cpu, wall = time.process_time(), time.perf_counter()
                result = work.run()
                answer = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
            elif command["do"] == "train":
                work = Training(command["folder"], command["n_trees"])
            elif command["do"] == "wrong":
                answer = {"wrong": work.share_wrong()}
            elif command["do"] == "save":
                np.save(command["to"], planes(result))
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
