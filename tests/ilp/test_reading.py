"""Reading a project: the file is opened once, nothing else is, and nothing is trained."""

import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from autocontext_writer import write_stages
from counting_writer import GOOD, put_wrapper, write_counting
from ilp_reader import read_counting_project, read_project
from ilp_writer import RAW, axistags, put, put_lane, remove, write_project

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.ilp.project import Lane

FIRST, SECOND = "/Input Data/infos/lane0000/Raw Data", "/Input Data/infos/lane0001/Raw Data"


@pytest.mark.parametrize("write", [write_project, write_stages, write_counting])
def test_project_is_opened_once(tmp_path, monkeypatch, write):
    """A classifier is loaded by one opening of its file, which is closed then."""
    path, opened = write(tmp_path / "cells.ilp"), []
    open_file = h5py.File
    monkeypatch.setattr(h5py, "File", lambda *args, **options: opened.append(open_file(*args, **options)) or opened[-1])
    load_classifier(path)
    assert len(opened) == 1
    assert not opened[0]


@pytest.mark.parametrize(
    "change", [lambda f: put(f, "workflowName", b"Tracking"), lambda f: remove(f, "PixelClassification")]
)
def test_refused_project_is_closed(tmp_path, monkeypatch, change):
    """A file that cannot serve is closed as well."""
    path, opened = write_project(tmp_path / "cells.ilp", change), []
    open_file = h5py.File
    monkeypatch.setattr(h5py, "File", lambda *args, **options: opened.append(open_file(*args, **options)) or opened[-1])
    with pytest.raises(ProjectError):
        load_classifier(path)
    assert len(opened) == 1
    assert not opened[0]


def cut_off(file):
    """As ilastik 1.3.0 stored them."""
    put_wrapper(file, "wrapper0003", GOOD[:13])


def test_regressors_are_not_trained_while_reading(tmp_path):
    """A project whose regressors are cut off has none, and says why; only loading trains them again."""
    path = write_counting(tmp_path / "count.ilp", cut_off)
    project = read_counting_project(path)
    assert (project.regressors, project.trained_again) == ((), "")
    assert project.unusable.startswith("wrapper0003: The pickle is cut off: it has 13 bytes")
    trained = load_classifier(path).project
    assert len(trained.regressors) == 4
    assert project.unusable in trained.trained_again


def test_training_image_is_looked_at_when_loading(tmp_path):
    """The type of a training image that lies beside the project is known of the classifier, not of the project."""
    path = write_counting(tmp_path / "count.ilp")
    assert read_counting_project(path).dtype is None
    assert load_classifier(path).project.dtype == "uint8"


def test_all_training_images_are_read_in_their_order(tmp_path):
    """All training images are there as the project describes them, in the order of their numbers."""

    def change(file):
        put_lane(file, "Input Data/infos/lane10/Raw Data", "zyx", (5, 40, 50))
        remove(file, "Input Data/infos/lane10/Raw Data/filePath")
        file.create_group("Input Data/infos/lane11/Raw Data")
        put_lane(file, SECOND, "tyx", (5, 40, 50))
        inner = "Input Data/local_data/f790cd1e"
        put(file, inner, np.zeros((5, 40, 50), np.uint16)).attrs["axistags"] = axistags("tyx")
        put(file, f"{SECOND}/inner_path", inner.encode())

    assert read_project(write_project(tmp_path / "cells.ilp", change)).lanes == (
        Lane(FIRST, "train.png", is_inside=False, axes="yxc", shape=(40, 50, 1)),
        Lane(SECOND, "Input Data/local_data/f790cd1e", is_inside=True, axes="tyx", shape=(5, 40, 50), dtype="uint16"),
        Lane("/Input Data/infos/lane10/Raw Data", None, is_inside=False, axes="zyx", shape=(5, 40, 50)),
    )


def test_only_the_last_training_image_must_be_whole(tmp_path):
    """A damaged description of an earlier image is kept as what it is; that of the last one is refused."""

    def damage(file):
        put(file, f"{RAW}/axistags", b"no JSON")

    path = write_project(tmp_path / "cells.ilp", damage, lambda f: put_lane(f, SECOND, "yxc", (40, 50, 1)))
    first, second = read_project(path).lanes
    assert f"cells.ilp is damaged at {FIRST}/axistags" in first.damage
    assert second == Lane(SECOND, "train.png", axes="yxc", shape=(40, 50, 1))
    with pytest.raises(ProjectError, match=f"cells.ilp is damaged at {FIRST}/axistags"):
        read_project(write_project(tmp_path / "cells.ilp", damage))


def test_data_needs_no_hdf5():
    """The data of a project is there without what reads it."""
    code = "import sys, napari_batch_prediction.ilp.project; print('h5py' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_project_without_a_file(tmp_path):
    """A project that has no file yet predicts as one that was read."""
    image = np.arange(2000, dtype=np.uint8).reshape(40, 50)
    project = read_project(write_project(tmp_path / "cells.ilp"))
    made = PixelClassification(replace(project, path=None))
    assert made.path is None
    np.testing.assert_array_equal(made.predict(image, "yx"), PixelClassification(project).predict(image, "yx"))
