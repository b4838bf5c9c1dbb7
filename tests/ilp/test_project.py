"""Reading what ilastik saved: golden projects, and every spelling of a project file."""

import json

import h5py
import numpy as np
import pytest
from ilp_reader import read_project, workflow_name
from ilp_writer import (
    FORESTS,
    PICKLED_TYPE,
    RAW,
    axistags,
    put,
    put_empty_list,
    put_forest,
    put_lane,
    remove,
    write_project,
)
from repository import GOLDEN

FEATURES = "FeatureSelections"
LABELS = "PixelClassification"


def cells(tmp_path, *changes):
    return read_project(write_project(tmp_path / "cells.ilp", *changes))


def thresholds(project):
    return [float(tree.threshold[0]) for tree in project.trees]


@pytest.mark.parametrize("case", sorted(path.parent.name for path in GOLDEN.glob("*/manifest.json")))
def test_golden_projects_are_read_as_their_manifests_say(case):
    """ilastik's own projects are read as their manifests describe them, and have 100 trees."""
    manifest = json.loads((GOLDEN / case / "manifest.json").read_text())
    path = GOLDEN / case / manifest["project"]
    project = read_project(path)
    assert workflow_name(path) == manifest["workflow"]
    assert project.axes == manifest["axes"]
    assert project.n_channels == manifest["channels"]
    assert list(project.label_names) == manifest["label_names"]
    assert list(project.selection.scales) == manifest["scales"]
    assert list(project.selection.in_2d) == manifest["compute_in_2d"]
    assert project.version.startswith("1.4.3")
    assert len(project.trees) == 100
    assert project.channel_of_column == tuple(range(len(project.label_names)))


def test_everything_in_a_project_is_read(tmp_path):
    """All that a project says is there, with plain values."""
    project = cells(tmp_path)
    assert project.path == tmp_path / "cells.ilp"
    assert project.version == "1.4.1"
    assert project.label_names == ("Background", "Zellkern µ")
    assert project.label_colors == ((255, 0, 0), (0, 128, 255))
    assert (project.axes, project.n_channels, project.dtype) == ("yx", 1, None)
    assert project.selection.ids == ("GaussianSmoothing", "HessianOfGaussianEigenvalues")
    assert project.selection.scales == (0.7, 1.0)
    assert project.selection.matrix == ((False, True), (False, True))
    assert project.selection.in_2d == (True, True)
    assert thresholds(project) == [0.5, 1.5, 0.5, 1.5]
    assert project.column_labels == (1, 2)
    assert project.channel_of_column == (0, 1)


SPELLINGS = {
    "vlen": lambda values: np.array(values, object),
    "fixed width": lambda values: np.array(values, f"S{max(map(len, values)) + 3}"),
    "str": lambda values: np.array([value.decode() for value in values], h5py.string_dtype()),
}


@pytest.mark.parametrize("one", ["scalar", "list of one"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_text_is_read_in_every_spelling(tmp_path, spelling, one):
    """Text is the same whether bytes or str, of fixed or variable width, alone or in a list of one."""

    def rewrite(file):
        def visit(name, item):
            if isinstance(item, h5py.Dataset) and item.dtype.kind == "O":
                found.append(name)

        found = []
        file.visititems(visit)
        for name in found:
            values = file[name][()]
            if isinstance(values, bytes):
                value = SPELLINGS[spelling]([values])
                put(file, name, value if one == "list of one" else value[0])
            else:
                put(file, name, SPELLINGS[spelling](list(values)))

    project = cells(tmp_path, rewrite)
    assert project.version == "1.4.1"
    assert project.label_names == ("Background", "Zellkern µ")
    assert project.selection.ids == ("GaussianSmoothing", "HessianOfGaussianEigenvalues")
    assert project.axes == "yx"
    assert len(project.trees) == 4


@pytest.mark.parametrize("version", [b"0.6", b"0.6.a", b"1.0.0", b"1.3.3post2", b"1.4.3.dev28+gebbaf9b9c", b"2.0"])
def test_every_version_since_0_6_is_read(tmp_path, version):
    """Every version from 0.6 on is read."""
    assert cells(tmp_path, lambda f: put(f, "ilastikVersion", version)).version == version.decode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"Pixel Classification", "Pixel Classification"),
        (b"PixelClassificationWorkflow", "Pixel Classification"),
        (b"", "Pixel Classification"),
        (None, "Pixel Classification"),
        (b"Cell Density Counting", "Cell Density Counting"),
        (b"CountingWorkflow", "Cell Density Counting"),
        (b"AutocontextTwoStage", "Autocontext (2-stage)"),
        (b"Autocontext (2-stage)", "Autocontext (2-stage)"),
        (b"AutocontextThreeStage", "Autocontext (3-stage)"),
        (b"AutocontextFourStage", "Autocontext (4-stage)"),
        (b"Object Classification (from label image)", "Object Classification (from label image)"),
    ],
)
def test_workflow_is_named_by_name_class_or_group(tmp_path, name, expected):
    """The workflow is named by its name or its class; without a name, its group tells."""

    def change(file):
        remove(file, "workflowName")
        if name is not None:
            put(file, "workflowName", name)

    assert workflow_name(str(write_project(tmp_path / "a.ilp", change))) == expected


def test_project_of_an_early_version_is_read(tmp_path):
    """Without all that early versions did not store, the rest is enough."""
    change = [
        f"{FEATURES}/StorageVersion",
        f"{FEATURES}/ComputeIn2d",
        "Input Data/StorageVersion",
        "Input Data/Role Names",
        "Input Data/infos/lane0000",
        f"{LABELS}/StorageVersion",
        f"{LABELS}/LabelColors",
        f"{FORESTS}/known_labels",
        f"{FORESTS}/feature_names",
        f"{FORESTS}/pickled_type",
    ]
    project = cells(
        tmp_path,
        lambda f: remove(f, *change),
        lambda f: put_lane(f, "Input Data/infos/lane0000", "yxc", (40, 50, 1)),
    )
    assert project.axes == "yx"
    assert project.selection.in_2d == (True, True)
    assert project.column_labels == (1, 2)
    assert len(set(project.label_colors)) == 2


def unlike_lane(axes, shape, n_features):
    """Return a project of before 1.3.2: another training image and forest, and no ``ComputeIn2d``."""

    def change(file):
        remove(file, f"{FEATURES}/ComputeIn2d", f"{FORESTS}/feature_names", f"{FORESTS}/Forest0001")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=2, n_features=n_features)
        if axes is None:
            remove(file, "Input Data/infos/lane0000")
        else:
            put_lane(file, RAW, axes, shape)

    return change


@pytest.mark.parametrize(
    ("axes", "shape", "n_features", "in_2d", "read_axes", "n_channels"),
    [
        pytest.param("yxc", (40, 50, 1), 3, True, "yx", 1, id="no z"),
        pytest.param("tzyxc", (1, 1, 40, 50, 1), 3, True, "yx", 1, id="one z slice"),
        pytest.param("tzyxc", (7, 1, 40, 50, 2), 6, True, "tyxc", 2, id="time and channels"),
        pytest.param("zyxc", (9, 40, 50, 1), 4, False, "zyx", 1, id="z"),
        pytest.param("xyzc", (50, 40, 9, 3), 12, False, "xyzc", 3, id="z, other order"),
        pytest.param("zyxc", None, 3, True, "yx", 1, id="extent unknown, counts say 2D"),
        pytest.param("zyx", None, 4, False, "zyx", 1, id="extent unknown, counts say 3D"),
        pytest.param("zyxc", None, 12, False, "zyxc", 3, id="extent unknown, counts say both, axes 3D"),
        pytest.param("yxc", None, 12, True, "yxc", 4, id="no z, extents unknown"),
        pytest.param(None, None, 12, True, "yxc", 4, id="no image, counts say both"),
        pytest.param(None, None, 3, True, "yx", 1, id="no image, counts say 2D"),
        pytest.param(None, None, 4, False, "zyx", 1, id="no image, counts say 3D"),
        pytest.param(None, None, 8, False, "zyxc", 2, id="no image, two channels in 3D"),
    ],
)
def test_number_of_features_decides_between_2d_and_3d(tmp_path, axes, shape, n_features, in_2d, read_axes, n_channels):
    """The training image's extent along z decides; where it is unknown, the number of features does."""
    project = cells(tmp_path, unlike_lane(axes, shape, n_features))
    assert project.selection.in_2d == (in_2d, in_2d)
    assert (project.axes, project.n_channels) == (read_axes, n_channels)


@pytest.mark.parametrize("name", ["no values", "marked as empty"])
def test_empty_compute_in_2d_is_as_good_as_a_missing_one(tmp_path, name):
    """An empty list is as good as a missing one."""

    def change(file):
        if name == "no values":
            put(file, f"{FEATURES}/ComputeIn2d", np.zeros(0, bool))
        else:
            put_empty_list(file, f"{FEATURES}/ComputeIn2d")

    assert cells(tmp_path, change).selection.in_2d == (True, True)


def test_features_keep_their_stored_order(tmp_path):
    """The features keep their stored order, and a row that nothing is selected in may be unknown."""

    def change(file):
        ids = [b"HessianOfGaussianEigenvalues", b"Wavelets", b"GaussianSmoothing"]
        put(file, f"{FEATURES}/FeatureIds", ids)
        put(file, f"{FEATURES}/SelectionMatrix", np.array([[0, 1], [0, 0], [1, 0]], np.uint8))

    selection = cells(tmp_path, change).selection
    assert selection.ids == ("HessianOfGaussianEigenvalues", "GaussianSmoothing")
    assert list(selection) == [("HessianOfGaussianEigenvalues", 1), ("GaussianSmoothing", 0)]


def test_last_lane_with_an_image_counts(tmp_path):
    """The last lane with an image counts, in the order of the numbers, not of the letters."""

    def change(file):
        put_lane(file, "Input Data/infos/lane2/Raw Data", "zyx", (5, 40, 50))
        put_lane(file, "Input Data/infos/lane10/Raw Data", "tyx", (5, 40, 50))
        file.create_group("Input Data/infos/lane11/Raw Data")

    assert cells(tmp_path, change).axes == "tyx"


def test_axes_of_older_projects_are_read_without_axistags(tmp_path):
    """Older projects name the axes without axistags."""

    def change(file):
        remove(file, f"{RAW}/axistags")
        put(file, f"{RAW}/axisorder", b"xyc")

    assert cells(tmp_path, change).axes == "xy"


def test_image_copied_into_the_project_is_described(tmp_path):
    """Of an image that was copied into the project axes, shape and dtype are known."""

    def change(file):
        remove(file, f"{RAW}/axistags", f"{RAW}/shape")
        inner = "Input Data/local_data/f790cd1e"
        put(file, inner, np.zeros((5, 40, 50), np.uint16)).attrs["axistags"] = axistags("tyx")
        put(file, f"{RAW}/inner_path", inner.encode())

    project = cells(tmp_path, change)
    assert (project.axes, project.dtype) == ("tyx", "uint16")


def paint(file, *labels):
    """Store painted labels, in two images."""
    for i, label in enumerate(labels):
        put(file, f"{LABELS}/LabelSets/labels{i:03}/block0000", np.full((4, 4, 1), label, np.uint8))


@pytest.mark.parametrize("how", ["missing", "marked as empty", "no values"])
@pytest.mark.parametrize(
    ("labels", "painted", "names", "channels"),
    [
        ((1, 2), (), ("Label 1", "Label 2"), (0, 1)),
        ((1, 2), (2, 3), ("Label 1", "Label 2", "Label 3"), (0, 1)),
        ((1, 3), (1,), ("Label 1", "Label 2", "Label 3"), (0, 2)),
    ],
)
def test_classes_without_names_are_numbered(tmp_path, how, labels, painted, names, channels):
    """Without names there is a class for every label up to the highest that is known or painted."""

    def change(file):
        put(file, f"{FORESTS}/known_labels", np.array(labels))
        paint(file, *painted)
        if how == "missing":
            remove(file, f"{LABELS}/LabelNames")
        elif how == "marked as empty":
            put_empty_list(file, f"{LABELS}/LabelNames")
        else:
            put(file, f"{LABELS}/LabelNames", [])

    project = cells(tmp_path, change)
    assert project.label_names == names
    assert project.channel_of_column == channels


@pytest.mark.parametrize(
    ("known", "in_forest", "expected", "channels"),
    [
        ((1, 3), (1, 2), (1, 3), (0, 2)),
        ((3, 1), (1, 2), (3, 1), (2, 0)),
        (None, (2, 3), (2, 3), (1, 2)),
        (None, None, (1, 2), (0, 1)),
    ],
)
def test_labels_of_columns_say_which_classes_they_are(tmp_path, known, in_forest, expected, channels):
    """With more names than columns the labels of the columns say which channels they are."""

    def change(file):
        put(file, f"{LABELS}/LabelNames", [b"a", b"b", b"c"])
        remove(file, f"{FORESTS}/known_labels")
        if known:
            put(file, f"{FORESTS}/known_labels", np.array(known))
        for name in ("Forest0000", "Forest0001"):
            remove(file, f"{FORESTS}/{name}/_ext_param/labels")
            if in_forest:
                put(file, f"{FORESTS}/{name}/_ext_param/labels", np.array(in_forest, float))

    project = cells(tmp_path, change)
    assert project.label_names == ("a", "b", "c")
    assert project.column_labels == expected
    assert project.channel_of_column == channels


def test_as_many_columns_as_classes(tmp_path):
    """With as many columns as names the columns are the channels, whatever their labels."""
    project = cells(tmp_path, lambda f: put(f, f"{FORESTS}/known_labels", np.array([2, 5])))
    assert project.channel_of_column == (0, 1)


@pytest.mark.parametrize(
    "colors",
    [
        pytest.param(None, id="missing"),
        pytest.param(np.array([6.9e-310]), id="empty"),
        pytest.param(np.array([[1, 2, 3]]), id="too few"),
        pytest.param(np.array([[1, 2, 3], [4, 5, 999]]), id="not colours"),
        pytest.param(np.array([[1, 2], [3, 4]]), id="two numbers each"),
    ],
)
def test_classes_without_colours_get_different_ones(tmp_path, colors):
    """Without usable colours the classes get some that differ, however many classes there are."""

    def change(file):
        remove(file, f"{LABELS}/LabelColors")
        put(file, f"{LABELS}/LabelNames", [f"class {i}".encode() for i in range(20)])
        if colors is not None:
            put(file, f"{LABELS}/LabelColors", colors)

    colors = cells(tmp_path, change).label_colors
    assert len(set(colors)) == 20
    assert all(0 <= value <= 255 for color in colors for value in color)


def single_forest(pickled_type):
    def change(file):
        remove(file, f"{FORESTS}/Forest0000", f"{FORESTS}/Forest0001", f"{FORESTS}/pickled_type")
        put_forest(file, f"{FORESTS}/forest", n_trees=3)
        put(file, f"{FORESTS}/pickled_type", pickled_type)

    return change


OLDER = b"clazyflow.classifiers.%s\n%s\np0\n."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            lambda f: put_forest(f, f"{FORESTS}/Forest0001", n_trees=5),
            [0.5, 1.5, 0.5, 1.5, 2.5, 3.5, 4.5],
            id="different numbers of trees",
        ),
        pytest.param(
            lambda f: put_forest(f, f"{FORESTS}/Forest0001", n_trees=12, digits=4),
            [0.5, 1.5, *np.arange(12) + 0.5],
            id="names with zeros",
        ),
        pytest.param(
            lambda f: put(f, f"{FORESTS}/Forest0001/_options/tree_count_", np.array([1.0])),
            [0.5, 1.5, 0.5],
            id="fewer trees asked for than stored",
        ),
        pytest.param(lambda f: remove(f, f"{FORESTS}/Forest0001/_options"), [0.5, 1.5, 0.5, 1.5], id="no options"),
        pytest.param(
            lambda f: f.move(f"{FORESTS}/Forest0001/Tree_0", f"{FORESTS}/Forest0001/x"),
            [0.5, 1.5, 1.5, 0.5],
            id="other names",
        ),
        pytest.param(
            single_forest(OLDER % (b"vigraRfLazyflowClassifier", b"VigraRfLazyflowClassifier")),
            [0.5, 1.5, 2.5],
            id="VigraRfLazyflowClassifier",
        ),
        pytest.param(
            single_forest(OLDER % (b"vigraRfPixelwiseClassifier", b"VigraRfPixelwiseClassifier")),
            [0.5, 1.5, 2.5],
            id="VigraRfPixelwiseClassifier",
        ),
        pytest.param(
            lambda f: put(f, f"{FORESTS}/pickled_type", np.void(PICKLED_TYPE)),
            [0.5, 1.5, 0.5, 1.5],
            id="opaque type",
        ),
    ],
)
def test_forests_are_read_in_every_layout(tmp_path, change, expected):
    """All trees of all forests are there, in whatever layout they were stored."""
    assert thresholds(cells(tmp_path, change)) == expected
