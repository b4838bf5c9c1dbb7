"""The samples, as napari's menu opens them."""

from pathlib import Path

import npe2
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.demo.samples import COLONIES, DIVISION, EMBRYO, NUCLEI

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
def test_layers(name):
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
def test_projects(name, tmp_path):
    """Each project can be read, predicts its images, and offers what the sample exports."""
    sample = SAMPLES[name]
    classifier = load_classifier(sample.project)
    assert {classifier.source(source).name for source in sample.sources} == set(sample.sources)
    plan = sample.job([str(path) for path in sample.images], tmp_path).plan()
    assert [row.problems for row in plan.rows] == [()] * len(sample.images)


def test_all_are_in_the_menu():
    """The manifest offers the four samples."""
    (contributions,) = (found for name, found in npe2.PluginManager.instance().iter_sample_data() if name == PLUGIN)
    assert [contribution.key for contribution in contributions] == list(SAMPLES)
