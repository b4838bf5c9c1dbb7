"""What is read from Object Classification projects, and which are refused."""

from functools import partial

import golden
import golden_objects
import numpy as np
import pytest
from ilp_writer import put, put_forest, put_lane, remove
from object_writer import (
    FEATURES,
    FORESTS,
    FROM_BINARY,
    FROM_LABELS,
    N_COLUMNS,
    SELECTED,
    STANDARD,
    put_feature,
    put_no_names,
    put_table,
    write_objects,
)

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.objects.project import ObjectProject, TableExport
from napari_batch_prediction.ilp.objects.reading import read_object_project
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.objects.settings import Thresholds

THRESHOLDS = "ThresholdTwoLevels"
RAW = "Input Data/infos/lane0000/Raw Data"


def read(path) -> ObjectProject:
    with ProjectFile(path) as file:
        return read_object_project(file)


def test_a_project_is_read(tmp_path):
    """Classes, features with their margin, thresholds, trees, and what is said of the table."""
    project = read(write_objects(tmp_path / "a.ilp"))
    assert project.workflow == "Object Classification (from prediction image)"
    assert (project.axes, project.n_channels, project.n_dims) == ("yx", 1, 2)
    assert project.label_names == ("round", "lang µ")
    assert project.label_colors == ((255, 0, 0), (0, 128, 255))
    assert [name for _, name in project.selected.features] == ["Count", "Mean", "Mean in neighborhood", "RegionCenter"]
    assert [name for _, name in project.computed.features][-1] == "Variance"
    assert project.selected.margin == (7, 5)
    assert (len(project.trees), project.n_columns) == (3, 2)
    assert project.thresholds == Thresholds(
        channel=1,
        method="hysteresis",
        threshold=0.4,
        core_threshold=0.7,
        core_channel=0,
        sigma=(2.0, 1.3, 0.9),
        min_size=3,
        max_size=900,
    )
    assert project.table == TableExport(
        file_type="csv", path="{dataset_dir}/{nickname}.csv", features=("Count", "Mean"), margin=0, include_raw=False
    )


@pytest.mark.golden
@pytest.mark.parametrize("case", golden_objects.OBJECTS)
def test_features_are_those_of_the_project(case):
    """Every feature of what ilastik saved, and as many columns as its forest takes."""
    project = read(golden.ROOT / case / "project.ilp")
    computed = golden_objects.computed(case)
    assert {tuple(feature) for feature in project.computed.features} == {
        (plugin, name) for plugin in computed for name in computed[plugin]
    }
    n = len(project.selected.columns(project.n_channels, project.n_dims))
    assert n == golden_objects.column_count(case)
    assert project.table is not None
    assert len(project.trees) == 100


def test_no_thresholds_for_other_objects(tmp_path):
    """Objects of binary and label images have none, whatever is stored."""
    for workflow in (FROM_BINARY, FROM_LABELS):
        assert read(write_objects(tmp_path / "a.ilp", workflow=workflow)).thresholds is None


def test_defaults_of_thresholds(tmp_path):
    """ilastik's, for what older versions did not store."""
    project = read(write_objects(tmp_path / "a.ilp", lambda f: remove(f, THRESHOLDS)))
    assert project.thresholds == Thresholds(max_size=1_000_000)

    def older(file):
        remove(file, f"{THRESHOLDS}/CoreChannel", f"{THRESHOLDS}/SmootherSigma")
        put(file, f"{THRESHOLDS}/SingleThreshold", 0.2)

    thresholds = read(write_objects(tmp_path / "a.ilp", older)).thresholds
    assert thresholds is not None
    assert (thresholds.core_channel, thresholds.sigmas, thresholds.threshold) == (1, (1.0, 1.0, 1.0), 0.4)
    single = read(write_objects(tmp_path / "a.ilp", older, lambda f: put(f, f"{THRESHOLDS}/CurOperator", 0)))
    assert single.thresholds is not None
    assert single.thresholds.threshold == 0.2


def test_older_layout_of_features(tmp_path):
    """One group more around the features that are computed."""

    def older(file):
        file.move(FEATURES, "Moved")
        file.create_group(FEATURES)
        file.move("Moved", f"{FEATURES}/0")

    assert len(read(write_objects(tmp_path / "a.ilp", older)).computed.features) == 5


def test_without_names_classes_have_numbers(tmp_path):
    assert read(write_objects(tmp_path / "a.ilp", put_no_names)).label_names == ("Label 1", "Label 2")


def test_the_forest_tells_what_the_lane_does_not(tmp_path):
    """Without a stored image, the number of features tells channels and dimensions."""

    def two_channels(file):
        remove(file, "Input Data")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=1, n_features=7)

    project = read(write_objects(tmp_path / "a.ilp", two_channels))
    assert (project.axes, project.n_channels) == ("yxc", 2)

    def in_3d(file):
        remove(file, "Input Data")
        put_forest(file, f"{FORESTS}/Forest0000", n_trees=1, n_features=6)

    project = read(write_objects(tmp_path / "a.ilp", in_3d))
    assert (project.axes, project.n_channels, project.n_dims) == ("zyx", 1, 3)


def test_time_and_depth_of_extent_1_are_no_axes(tmp_path):
    project = read(write_objects(tmp_path / "a.ilp", lambda f: put_lane(f, RAW, "tzyxc", (1, 1, 40, 50, 1))))
    assert project.axes == "yx"
    project = read(write_objects(tmp_path / "a.ilp", lambda f: put_lane(f, RAW, "tyxc", (4, 40, 50, 1))))
    assert project.axes == "tyx"


class _Evil:
    def __reduce__(self):
        return (print, ("run",))


DAMAGED_TABLES = {
    "nothing chosen": (None, None),
    "no tuple": "text",
    "three": (1, 2, 3),
    "names of numbers": ({"file type": "csv", "file path": "a"}, [1, 2]),
    "other type": ({"file type": "xml", "file path": "a"}, ["Count"]),
    "no path": ({"file type": "csv"}, ["Count"]),
    "an object": ({"file type": "csv", "file path": "a"}, [_Evil()]),
}


@pytest.mark.parametrize("settings", DAMAGED_TABLES.values(), ids=DAMAGED_TABLES)
def test_a_table_that_is_not_told_is_none(settings, tmp_path, capsys):
    """The classifier can be used without it; nothing in the pickle is run."""
    assert read(write_objects(tmp_path / "a.ilp", lambda f: put_table(f, settings))).table is None
    assert capsys.readouterr().out == ""


def test_a_table_that_holds_itself_is_refused(tmp_path):
    """Names and settings are looked at one by one, and no deeper."""
    names: list = []
    names.append(names)
    assert read(write_objects(tmp_path / "a.ilp", lambda f: put_table(f, ({}, names)))).table is None


PYTHON_2 = (
    b"((dp0\nS'file type'\np1\nS'h5'\np2\nsS'file path'\np3\nS't.h5'\np4\nsS'margin'\np5\nI10\n"
    b"sS'include raw'\np6\nI01\ns(lp7\nS'Count'\np8\natp9\n."
)


def test_an_hdf5_table(tmp_path):
    """With pictures of objects; texts of Python 2 are bytes."""
    change = partial(put, name="ObjectClassification/ExportSettings", value=np.void(PYTHON_2))
    table = read(write_objects(tmp_path / "a.ilp", change)).table
    assert table == TableExport(file_type="h5", path="t.h5", features=("Count",), margin=10, include_raw=True)


REFUSED = {
    "graph cut": (lambda f: put(f, f"{THRESHOLDS}/CurOperator", 2), r"graph cut, which is not supported"),
    "another method": (lambda f: put(f, f"{THRESHOLDS}/CurOperator", 7), r"CurOperator.*from 0 to 3, found 7"),
    "threshold": (lambda f: put(f, f"{THRESHOLDS}/LowThreshold", np.nan), r"LowThreshold.*expected a number"),
    "sigma": (lambda f: put(f, f"{THRESHOLDS}/SmootherSigma/x", 1e9), r"SmootherSigma/x.*at most 1000"),
    "sizes": (lambda f: put(f, f"{THRESHOLDS}/MaxSize", 1), r"ThresholdTwoLevels.*largest size"),
    "channel": (lambda f: put(f, f"{THRESHOLDS}/Channel", -1), r"ThresholdTwoLevels.*channel is"),
    "untrained": (lambda f: remove(f, FORESTS), r"without a trained classifier of objects.*Label some objects"),
    "no applet": (lambda f: remove(f, "ObjectClassification"), r"without a trained classifier of objects"),
    "no features": (lambda f: remove(f, FEATURES), r"before features of objects were chosen"),
    "no selection": (lambda f: remove(f, SELECTED), r"before features of objects were chosen"),
    "other feature": (lambda f: put_feature(f, SELECTED, "Beauty"), r"'Beauty' of 'Standard Object Features'"),
    "other plugin": (lambda f: put_feature(f, SELECTED, "Count", "Mine"), r"'Count' of 'Mine'"),
    "other forest": (
        lambda f: put_forest(f, f"{FORESTS}/Forest0000", n_trees=1, n_features=N_COLUMNS + 1),
        r"trained on 6 features, but the features chosen give 5 for 1 channel in 2D",
    ),
    "margin": (
        lambda f: put(f, f"{FEATURES}/{STANDARD}/Mean in neighborhood/margin", np.array([-1, 3])),
        r"margin.*expected up to three numbers",
    ),
    "classes": (lambda f: put(f, "ObjectClassification/LabelNames", [b"one"]), r"trained on 2 classes.*only 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_projects_that_cannot_be_used_are_refused(case, tmp_path):
    """The message says what, and where."""
    change, message = REFUSED[case]
    with pytest.raises(ProjectError, match=f"(?s){message}"):
        read(write_objects(tmp_path / "a.ilp", change))


def test_a_project_of_another_workflow_is_refused(tmp_path):
    path = write_objects(tmp_path / "a.ilp", lambda f: put(f, "workflowName", b"Pixel Classification"))
    with pytest.raises(ProjectError, match="'Pixel Classification', expected 'Object Classification'"):
        read(path)
