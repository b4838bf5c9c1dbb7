"""Files that cannot serve as a classifier: each message says why and what to do."""

import pickle

import h5py
import numpy as np
import pytest
from ilp_reader import read_project, workflow_name
from ilp_writer import FORESTS, LEAF, RAW, put, put_forest, put_lane, remove, stump, write_project

from napari_batch_prediction.errors import ProjectError

FEATURES = "FeatureSelections"
TRAIN_AGAIN = r"Open it in ilastik 1\.x, train the classifier \(Live Update on\) and save the project again"
TAKE_ANOTHER = "Take an intact copy of the file"
TREE = f"{FORESTS}/Forest0001/Tree_1"


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def replace_forests(n_features=3, n_classes=2):
    def change(file):
        remove(file, f"{FORESTS}/Forest0001", f"{FORESTS}/feature_names")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=1, n_features=n_features, n_classes=n_classes)

    return change


def tree(topology=None, parameters=None):
    """Return a change that replaces a tree's arrays."""
    good_topology, good_parameters = stump(3, 2, 0.5)

    def change(file):
        put(file, f"{TREE}/topology", good_topology if topology is None else np.array(topology, np.int32))
        put(file, f"{TREE}/parameters", good_parameters if parameters is None else parameters)

    return change


def three_classes(file):
    remove(file, f"{FORESTS}/known_labels")
    replace_forests(n_classes=3)(file)


def old_project(file):
    for name in list(file):
        del file[name]
    put(file, "ilastikVersion", 0.5)
    put(file, "Project/FeatureSelection/UserSelection", np.ones((4, 7)))


REFUSED = {
    "version 0.5": (old_project, r"ilastik 0\.5.*Import it into a new project in ilastik 1\.x"),
    "no version": (lambda f: remove(f, "ilastikVersion"), r"ilastik 0\.5.*Import it into a new project"),
    "version as a number": (lambda f: put(f, "ilastikVersion", np.float32(0.5)), r"ilastik 0\.5.*Import it"),
    "version as text, too old": (lambda f: put(f, "ilastikVersion", b"0.5.12"), r"ilastik 0\.5\.12.*Import it"),
    "no version in the text": (lambda f: put(f, "ilastikVersion", b"new"), f"ilastikVersion.*'new'.*{TAKE_ANOTHER}"),
    "another workflow": (
        lambda f: put(f, "workflowName", b"Manual Tracking Workflow"),
        r"'Manual Tracking Workflow'.*not supported.*Choose.*: Pixel Classification, Cell Density "
        r"Counting, Autocontext \(2-stage\)",
    ),
    "counting": (
        lambda f: put(f, "workflowName", b"Cell Density Counting"),
        "'Cell Density Counting', expected 'Pixel Classification'",
    ),
    "no workflow": (lambda f: remove(f, "workflowName", "PixelClassification"), f"workflowName.*{TAKE_ANOTHER}"),
    "no pixel classification": (lambda f: remove(f, "PixelClassification"), f"without its trained.*{TRAIN_AGAIN}"),
    "no classifier": (lambda f: remove(f, FORESTS), f"without its trained classifier.*{TRAIN_AGAIN}"),
    "no forests": (
        lambda f: remove(f, f"{FORESTS}/Forest0000", f"{FORESTS}/Forest0001"),
        f"without its trained classifier.*{TRAIN_AGAIN}",
    ),
    "no trees": (
        lambda f: [put_forest(f, f"{FORESTS}/Forest000{i}", n_trees=0) for i in range(2)],
        f"without its trained classifier.*{TRAIN_AGAIN}",
    ),
    "scikit-learn by type": (
        lambda f: put(
            f,
            f"{FORESTS}/pickled_type",
            b"clazyflow.classifiers.sklearnLazyflowClassifier\nSklearnLazyflowClassifier\n",
        ),
        "scikit-learn.*Choose the classifier 'Parallel Random Forest'",
    ),
    "scikit-learn by content": (
        lambda f: put(f, f"{FORESTS}/pickled_classifier", np.void(b"(lp0\n.")),
        "scikit-learn.*Choose the classifier 'Parallel Random Forest'",
    ),
    "unknown type of lazyflow": (
        lambda f: put(f, f"{FORESTS}/pickled_type", b"clazyflow.classifiers.deep\nDeepClassifier\np0\n."),
        "unknown type.*ParallelVigraRf.*found 'DeepClassifier'.*Choose the classifier",
    ),
    "type of something else": (
        lambda f: put(f, f"{FORESTS}/pickled_type", b"cos\nsystem\np0\n."),
        "unknown type.*Choose the classifier",
    ),
    "unknown feature": (
        lambda f: put(f, f"{FEATURES}/FeatureIds", [b"GaussianSmoothing", b"Wavelets"]),
        "not known.*found Wavelets.*Feature Selection",
    ),
    "no features selected": (
        lambda f: put(f, f"{FEATURES}/SelectionMatrix", np.zeros((2, 2), bool)),
        f"no features selected.*Feature Selection.*{TRAIN_AGAIN}",
    ),
    "no feature selection": (lambda f: remove(f, FEATURES), f"no features selected.*{TRAIN_AGAIN}"),
    "no scales": (lambda f: remove(f, f"{FEATURES}/Scales"), f"no features selected.*{TRAIN_AGAIN}"),
    "features in another file": (
        lambda f: put(f, f"{FEATURES}/FeatureListFilename", b"features.h5"),
        "from another file.*Feature Selection",
    ),
    "matrix of another shape": (
        lambda f: put(f, f"{FEATURES}/SelectionMatrix", np.ones((2, 3), bool)),
        rf"SelectionMatrix.*2 features.*2 scales.*\(2, 3\).*{TAKE_ANOTHER}",
    ),
    "negative scale": (lambda f: put(f, f"{FEATURES}/Scales", np.array([0.7, -1])), "Scales.*positive"),
    "scale that is not a number": (lambda f: put(f, f"{FEATURES}/Scales", np.array([0.7, np.nan])), "Scales"),
    "2D for too few scales": (lambda f: put(f, f"{FEATURES}/ComputeIn2d", np.array([True])), "ComputeIn2d.*2 scales"),
    "other number of features": (
        replace_forests(n_features=7),
        f"trained on 7 features.*gives 3 for 1 channel.*{TRAIN_AGAIN}",
    ),
    "other number of channels": (
        lambda f: put_lane(f, RAW, "yxc", (40, 50, 2)),
        f"trained on 3 features.*gives 6 for 2 channels.*{TRAIN_AGAIN}",
    ),
    "more than 255 classes": (replace_forests(n_classes=300), f"300 classes.*255 at most.*{TRAIN_AGAIN}"),
    "more classes than names": (three_classes, f"trained on 3 classes.*only 2: Background.*{TRAIN_AGAIN}"),
    "label beyond the names": (
        lambda f: [
            put(f, f"{FORESTS}/known_labels", np.array([1, 4])),
            put(f, "PixelClassification/LabelNames", [b"a", b"b", b"c"]),
        ],
        r"known_labels.*1 to 3.*\(1, 4\)",
    ),
    "too few known labels": (lambda f: put(f, f"{FORESTS}/known_labels", np.array([1])), "known_labels.*2 classes"),
    "label twice": (lambda f: put(f, f"{FORESTS}/known_labels", np.array([2, 2])), "known_labels.*2 classes"),
    "label 0": (lambda f: put(f, f"{FORESTS}/known_labels", np.array([0, 1])), "known_labels.*2 classes"),
    "label of four billion": (
        lambda f: [
            put(f, f"{FORESTS}/known_labels", np.array([1, 2**32 - 1])),
            remove(f, "PixelClassification/LabelNames"),
        ],
        "known_labels.*2 classes",
    ),
    "labels that are no whole numbers": (
        lambda f: put(f, f"{FORESTS}/known_labels", np.array([1.5, np.nan])),
        "known_labels.*whole numbers",
    ),
    "other number of feature names": (
        lambda f: put(f, f"{FORESTS}/feature_names", [b"one"]),
        "feature_names.*expected 3.*found 1",
    ),
    "other number of columns": (
        lambda f: put(f, f"{FORESTS}/Forest0000/_ext_param/column_count_", np.array([4.0])),
        "column_count_.*expected 3.*found 4",
    ),
    "other number of classes": (
        lambda f: put(f, f"{FORESTS}/Forest0000/_ext_param/class_count_", np.array([4.0])),
        "class_count_.*expected 2.*found 4",
    ),
    "more trees asked for than stored": (
        lambda f: put(f, f"{FORESTS}/Forest0001/_options/tree_count_", np.array([3.0])),
        f"tree_count_.*expected 3 trees, found 2.*{TAKE_ANOTHER}",
    ),
    "newer forest": (
        lambda f: f[f"{FORESTS}/Forest0001"].attrs.__setitem__("vigra_random_forest_version", np.array([0.2])),
        f"Forest0001 has version 0.2.*{TRAIN_AGAIN}",
    ),
    "weighted leaves": (
        lambda f: put(f, f"{FORESTS}/Forest0001/_options/predict_weighted_", np.array([1.0])),
        f"weighs its leaves.*{TRAIN_AGAIN}",
    ),
    "forest of other size": (
        lambda f: put_forest(f, f"{FORESTS}/Forest0001", n_trees=1, n_features=5),
        "Forest0001.*3 features with 2 classes and 5 features with 2 classes",
    ),
    "tree of other classes": (
        lambda f: put_forest(f, f"{FORESTS}/Forest0001", n_trees=1, n_classes=3),
        "Forest0001.*3 features with 2 classes and 3 features with 3 classes",
    ),
    "tree without topology": (lambda f: remove(f, f"{TREE}/topology"), f"{TREE}.*expected a tree"),
    "tree of floats": (lambda f: put(f, f"{TREE}/topology", np.ones(9)), f"{TREE}.*expected a tree"),
    "tree with nothing in it": (tree(topology=[]), f"{TREE}.*damaged"),
    "tree that turns in a circle": (tree([3, 2, 0, 0, 2, 2, 1]), f"{TREE}.*two parents"),
    "tree that goes on and on": (tree([3, 2, 0, 0, 7, 2, 1, LEAF, 2]), f"{TREE}.*two parents"),
    "child outside": (tree([3, 2, 0, 0, 7, 99, 1, LEAF, 2]), f"{TREE}.*outside the tree"),
    "negative child": (tree([3, 2, 0, 0, 7, -1, 1, LEAF, 2]), f"{TREE}.*outside the tree"),
    "feature outside": (tree([3, 2, 0, 0, 7, 9, 3, LEAF, 2, LEAF, 5]), f"{TREE}.*column outside 0 to 2"),
    "parameters outside": (tree([3, 2, LEAF, 7]), f"{TREE}.*parameters are missing"),
    "billions of classes": (tree([3, 2**31 - 1, LEAF, 0]), f"{TREE}.*parameters are missing"),
    "hyperplane": (tree([3, 2, 1, 0, 7, 9, 1, LEAF, 2, LEAF, 5]), f"{TREE}.*type.*only thresholds"),
    "probabilities that are not numbers": (tree([3, 2, LEAF, 0], np.array([5, np.nan, 1])), f"{TREE}.*not finite"),
    "probabilities that were lost": (tree(parameters=np.zeros(8)), f"{TREE}.*add up to 1, found 0 to 0"),
    "axes that are no axes": (lambda f: put(f, f"{RAW}/axistags", b"{"), f"axistags.*{TAKE_ANOTHER}"),
    "unknown axes": (lambda f: [remove(f, f"{RAW}/axistags"), put(f, f"{RAW}/axisorder", b"abc")], "axisorder.*'abc'"),
    "shape that does not fit": (lambda f: put(f, f"{RAW}/shape", np.array([40, 50])), r"\(40, 50\).*'yxc'"),
    "extent of nothing": (lambda f: put(f, f"{RAW}/shape", np.array([40, 50, 0])), r"\(40, 50, 0\).*'yxc'"),
    "numbers for text": (lambda f: put(f, f"{FEATURES}/FeatureIds", np.arange(2)), "FeatureIds.*expected text"),
    "two texts for one": (lambda f: put(f, "workflowName", [b"a", b"b"]), "workflowName.*one text, found 2"),
    "group for a dataset": (
        lambda f: [remove(f, f"{FEATURES}/Scales"), f.create_group(f"{FEATURES}/Scales")],
        "Scales.*expected a dataset",
    ),
    "dataset for a group": (
        lambda f: [remove(f, FORESTS), put(f, FORESTS, 1)],
        "ClassifierForests.*expected a group",
    ),
    "text for painted labels": (
        lambda f: (
            f.create_dataset("PixelClassification/LabelSets/labels000/block0000", data=[b"a"])
            and remove(f, "PixelClassification/LabelNames")
        ),
        "LabelSets.*labels from 0 to 255",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_project_is_refused_by_its_path(tmp_path, name):
    """What cannot be read in full and as ilastik means it is refused, by its path and with a way out."""
    change, message = REFUSED[name]
    path = write_project(tmp_path / "cells.ilp", change)
    with pytest.raises(ProjectError, match=f"(?s){message}") as caught:
        read_project(path)
    assert str(path) in str(caught.value)


def test_pickle_anywhere_in_a_project_is_not_run(tmp_path):
    """A pickle in any place that holds one in some project is not run."""
    trap = tmp_path / "unpickled"
    poison = np.void(pickle.dumps(Trap(trap)))

    def change(file):
        put(file, "PixelClassification/Bookmarks/0000", poison)
        put(file, "PixelClassification/ClassifierFactory", poison)
        put(file, f"{FORESTS}/oobs", poison)

    assert read_project(write_project(tmp_path / "a.ilp", change)).n_channels == 1
    for name in ("pickled_type", "pickled_classifier"):
        path = write_project(tmp_path / f"{name}.ilp", lambda f, name=name: put(f, f"{FORESTS}/{name}", poison))
        with pytest.raises(ProjectError, match="Choose the classifier"):
            read_project(path)
    assert not trap.exists()


def test_hdf5_file_that_is_no_project_is_refused(tmp_path):
    """An HDF5 file that is no project is called that."""
    path = tmp_path / "image.h5"
    with h5py.File(path, "w") as file:
        put(file, "exported_data", np.zeros((4, 4)))
    for read in (read_project, workflow_name):
        with pytest.raises(ProjectError, match=r"not an ilastik project.*\.ilp"):
            read(path)


def put_labels(file, labels):
    block = put(file, "PixelClassification/LabelSets/labels000/block0000", labels)
    block.attrs["blockSlice"] = "[0:4,0:5,0:1]"


UNTRAINED = {
    "no labels": (lambda f: None, True),
    "labels that were erased": (lambda f: put_labels(f, np.zeros((4, 5, 1), np.uint8)), True),
    "labels": (lambda f: put_labels(f, np.ones((4, 5, 1), np.uint8)), False),
}


@pytest.mark.parametrize("case", UNTRAINED)
@pytest.mark.parametrize("workflow", [b"Pixel Classification", b"Object Classification (from pixel classification)"])
def test_untrained_project_says_if_it_was_never_labelled(case, workflow, tmp_path):
    """Without labels there is nothing to train on, and the message says so."""
    change, never = UNTRAINED[case]
    path = write_project(
        tmp_path / "p.ilp", lambda f: put(f, "workflowName", workflow), lambda f: remove(f, FORESTS), change
    )
    with pytest.raises(ProjectError, match=f"without its trained classifier.*{TRAIN_AGAIN}") as caught:
        read_project(path)
    assert ("The project was never labelled, so first label some pixels" in str(caught.value)) == never
