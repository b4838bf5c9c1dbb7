"""Images, classifiers and handles on the window."""

import gc
import shutil
from pathlib import Path

import numpy as np
import pytest
from batch_window import WAIT_MS, Window
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from napari.settings import _clear_plugin_settings_cache
from PIL import Image
from superqt.utils import WorkerBase

from napari_batch_prediction.widgets.batch import BatchPredictionWidget


@pytest.fixture(autouse=True)
def own_settings(tmp_path, monkeypatch):
    """What one window remembers is not that of the next."""
    monkeypatch.setattr("napari.settings._CFG_PATH", tmp_path / "settings.yaml")
    _clear_plugin_settings_cache()
    yield
    _clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def collected(request):
    """A napari that was closed is collected here: in a thread of the next test its canvas would end the process."""
    yield
    if "make_napari_viewer" in request.fixturenames:
        gc.collect()


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def window(qtbot, viewer):
    """The widget with a viewer that draws nothing; what it started is over when the test is."""
    widget = BatchPredictionWidget(viewer)
    qtbot.addWidget(widget)
    widget.resize(320, 900)
    widget.show()
    yield Window(qtbot, widget)
    WorkerBase.await_workers(WAIT_MS)


@pytest.fixture
def case(tmp_path):
    """Return a function that copies the project and the images of a golden case to a folder of its own."""

    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in (GOLDEN / name).iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        return folder

    return copy


@pytest.fixture
def large(case):
    """A folder with a project and two images of many tiles, ``large_1.png`` and ``large_2.png``."""
    folder = case("a_2d_u8")
    pixels = np.tile(np.asarray(Image.open(folder / "test1.png")), (24, 18))
    for i in (1, 2):
        Image.fromarray(pixels).save(folder / f"large_{i}.png", compress_level=1)
    return folder
