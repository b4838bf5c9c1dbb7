"""The samples, as napari's menu opens them."""

import shutil
from pathlib import Path

import npe2
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.demo.samples import COLONIES, DIVISION, EMBRYO, NUCLEI
from napari_batch_prediction.widgets import sample_data
from napari_batch_prediction.widgets.dock import choose_classifier

PLUGIN = "napari-batch-prediction"
SAMPLES = {"nuclei": NUCLEI, "colonies": COLONIES, "embryo": EMBRYO, "division": DIVISION}

# Names of the layers, and axes, scale and units of each.
SHOWN = {
    "nuclei": ([f"nuclei_0{i}" for i in range(1, 7)], "yx", (1, 1), ("pixel", "pixel")),
    "colonies": ([f"colonies_0{i}" for i in range(1, 5)], "yx", (1, 1), ("pixel", "pixel")),
    "embryo": (["embryo"], "zyx", (2, 0.5, 0.5), ("micrometer",) * 3),
    "division": (["division"], "tyx", (240, 0.3, 0.3), ("second", "micrometer", "micrometer")),
}


@pytest.fixture(autouse=True)
def installed():
    """The plugin as napari finds it."""
    npe2.PluginManager.instance().discover()


@pytest.mark.parametrize("name", SHOWN)
def test_sample_without_a_window_is_its_images(name):
    """Without a window a sample is its images, in their own scale and units, side by side, and with their project."""
    names, axes, scale, units = SHOWN[name]
    viewer = ViewerModel()
    viewer.open_sample(PLUGIN, name)
    assert [layer.name for layer in viewer.layers] == names
    ends = np.array([layer.extent.world for layer in viewer.layers])[:, :, -2:]
    for layer, (first, last) in zip(viewer.layers, ends, strict=True):
        assert "".join(layer.axis_labels) == axes
        assert tuple(layer.scale) == pytest.approx(scale)
        assert tuple(map(str, layer.units)) == units
        assert layer.visible
        apart = [np.any((other_first > last) | (other_last < first)) for other_first, other_last in ends]
        assert apart.count(False) == 1  # itself
        assert Path(layer.metadata["classifier"]) == SAMPLES[name].project


@pytest.mark.parametrize("name", SAMPLES)
def test_projects_of_the_samples_predict_their_images(name, tmp_path):
    """Each project can be read, predicts its images, and offers what the sample exports."""
    sample = SAMPLES[name]
    classifier = load_classifier(sample.project)
    assert {classifier.source(source).name for source in sample.sources} == set(sample.sources)
    plan = sample.job([str(path) for path in sample.images], tmp_path).plan()
    assert [row.problems for row in plan.rows] == [()] * len(sample.images)


def test_all_are_in_the_menu():
    """The manifest offers the four samples."""
    (contributions,) = (found for name, found in npe2.PluginManager.instance().iter_sample_data() if name == PLUGIN)
    assert [contribution.key for contribution in contributions] == ["strokes", *SAMPLES]


def opened(window, viewer, name):
    """Open a sample and let it fill in the window, as napari's menu does; return what was said."""
    viewer.open_sample(PLUGIN, name)
    before = len(notification_manager.records)
    sample_data._fill_in(window.widget, viewer, SAMPLES[name], SHOWN[name][0])
    return [str(record.message) for record in notification_manager.records[before:]]


def test_fills_in_where_nothing_is_lost(window, viewer, tmp_path):
    """A chosen classifier alone does not keep a sample out, nor do layers of another sample, there or removed."""
    project = tmp_path / "mine.ilp"
    shutil.copy(EMBRYO.project, project)
    choose_classifier(window.widget, project)
    for name in ("nuclei", "division"):
        assert opened(window, viewer, name) == []
        job = window.widget.value()
        assert job.classifier == SAMPLES[name].project
        assert job.inputs == tuple(f"layer:{layer}" for layer in SHOWN[name][0])
    viewer.layers.clear()
    assert opened(window, viewer, "embryo") == []
    assert window.widget.value().inputs == ("layer:embryo",)


@pytest.mark.parametrize("kind", ["file", "layer"])
def test_keeps_what_the_user_listed(window, viewer, kind):
    """Images of the user's stay with their classifier; that, and what to do, is said."""
    viewer.add_image(np.zeros((40, 50), np.uint8), name="mine")
    mine = "layer:mine" if kind == "layer" else str(NUCLEI.images[0])
    job = NUCLEI.job([mine])
    window.widget.setValue(job)
    (said,) = opened(window, viewer, "embryo")
    assert "keeps the images" in said
    assert "press Clear on the page Images" in said
    assert window.widget.value() == job
