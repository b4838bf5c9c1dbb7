"""Reader, samples and menus in a napari with a window."""

import shutil

import pytest
from batch_window import WAIT_MS
from golden import ROOT as GOLDEN
from napari import current_viewer
from napari._app_model import get_app_model
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_batch_prediction.batch.job import BatchJob
from napari_batch_prediction.demo.samples import NUCLEI
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.export.settings import Export
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.dock import choose_classifier, chosen_classifier, open_dock

PLUGIN = "napari-batch-prediction"
CASE = GOLDEN / "a_2d_u8"


def docked(viewer) -> list[BatchPredictionWidget]:
    return [one for one in viewer.window.dock_widgets.values() if isinstance(one, BatchPredictionWidget)]


def test_open_outputs(make_napari_viewer, tmp_path):
    """Probabilities and a segmentation opened one after the other lie on each other, and are drawn."""
    exports = (Export(folder=tmp_path), Export(source="Simple Segmentation", format="png", folder=tmp_path))
    BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),), exports=exports).run()
    viewer = make_napari_viewer(show=True)
    viewer.open(tmp_path / "test2_Probabilities.h5", plugin=PLUGIN)
    viewer.open(tmp_path / "test2_Simple Segmentation.png", plugin=PLUGIN)
    assert [type(layer) for layer in viewer.layers] == [Image] * 3 + [Labels]
    assert len({str(layer.extent.world) for layer in viewer.layers}) == 1
    assert viewer.layers[0].source.reader_plugin == PLUGIN
    assert viewer.screenshot(flash=False)[..., :3].std() > 10


def test_open_from_the_menu(make_napari_viewer, tmp_path, monkeypatch):
    """An output of any name can be chosen in a dialog; a file of another program is refused in words."""
    export = Export(source="Simple Segmentation", format="tiff", folder=tmp_path, name="renamed")
    BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),), exports=(export,)).run()
    viewer = make_napari_viewer(show=True)
    open_images = get_app_model().commands[f"{PLUGIN}.open"].run_injected
    chosen = [str(tmp_path / "renamed.tiff")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    open_images()
    assert [type(layer) for layer in viewer.layers] == [Labels]
    chosen[:] = [str(CASE / "test2.png")]
    with pytest.raises(ImageReadError, match=r"test2\.png' is not an image that ilastik or this program exported"):
        open_images()


def test_damaged_file(make_napari_viewer, tmp_path):
    """What is wrong with a damaged file is said in words, which napari shows; no layer is added."""
    path = tmp_path / "a.h5"
    path.write_bytes((CASE / "expected" / "test2_Probabilities.h5").read_bytes()[:3000])
    viewer = make_napari_viewer()
    with pytest.raises(ImageReadError, match="Check that the file is whole"):
        viewer.open(path, plugin=PLUGIN)
    assert not viewer.layers


def test_drop_a_project(make_napari_viewer, tmp_path):
    """A project that is dropped on the viewer becomes the classifier of its dock, and adds no layer."""
    project = tmp_path / "mine.ilp"
    shutil.copy(CASE / "project.ilp", project)
    viewer = make_napari_viewer()
    viewer.window._qt_viewer._qt_open([str(project)], stack=False)
    (widget,) = docked(viewer)
    assert chosen_classifier(widget) == project
    assert widget.isVisibleTo(viewer.window._qt_window)
    viewer.open(CASE / "project.ilp", plugin=PLUGIN)
    assert docked(viewer) == [widget]
    assert chosen_classifier(widget) == CASE / "project.ilp"
    assert not viewer.layers


def test_one_dock(make_napari_viewer):
    """The menu hides and shows the dock that was opened from elsewhere; a hidden one comes back."""
    viewer = make_napari_viewer(show=True)
    widget = open_dock(viewer)
    get_app_model().commands.execute_command(f"{PLUGIN}.batch").result()
    assert docked(viewer) == [widget]
    assert not widget.isVisible()
    assert open_dock(viewer) is widget
    assert widget.isVisible()


@pytest.mark.parametrize("menu", ["napari/layers/classify", "napari/layers/segment", "napari/file/io_utilities"])
def test_menus(make_napari_viewer, menu):
    """The menus have an entry of the plugin."""
    make_napari_viewer()
    assert any(item.command.id.startswith(PLUGIN) for item in get_app_model().menus.get_menu(menu))


def test_nuclei(make_napari_viewer, qtbot):
    """A sample fills in the dock: Export all is all that is left, and what it finds is added to the viewer."""
    viewer = make_napari_viewer()
    assert current_viewer() is viewer
    viewer.open_sample(PLUGIN, "nuclei")
    (widget,) = docked(viewer)
    (button,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith("Export all"))
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    assert chosen_classifier(widget) == NUCLEI.project
    n = len(NUCLEI.images)
    assert [layer.name for layer in viewer.layers] == [path.stem for path in NUCLEI.images]
    middle = viewer.layers.extent.world.mean(axis=0)
    assert viewer.scene.camera.center[1:] == pytest.approx(middle, abs=1)
    with qtbot.waitSignal(widget.finished, timeout=WAIT_MS) as finished:
        button.click()
    assert [row.status for row in finished.args[0].rows] == ["done"] * n
    qtbot.waitUntil(lambda: any(isinstance(layer, Labels) for layer in viewer.layers), timeout=WAIT_MS)
    labels = next(layer for layer in viewer.layers if isinstance(layer, Labels))
    raw = next(layer for layer in viewer.layers if labels.name.startswith(layer.name))
    assert str(labels.extent.world) == str(raw.extent.world)


def test_a_sample_replaces_only_samples(make_napari_viewer, qtbot):
    """What the user has chosen stays when a sample is opened; the job of another sample goes."""
    viewer = make_napari_viewer()
    viewer.open_sample(PLUGIN, "division")
    (widget,) = docked(viewer)
    qtbot.waitUntil(lambda: chosen_classifier(widget) is not None, timeout=WAIT_MS)
    viewer.open_sample(PLUGIN, "embryo")
    qtbot.waitUntil(lambda: chosen_classifier(widget).name == "embryo.ilp", timeout=WAIT_MS)
    assert widget.value().inputs == ("layer:embryo",)
    choose_classifier(widget, CASE / "project.ilp")
    viewer.open_sample(PLUGIN, "nuclei")
    after = QTimer()
    after.setSingleShot(True)
    with qtbot.waitSignal(after.timeout):
        after.start(0)  # behind the one that would have filled in the sample
    assert chosen_classifier(widget) == CASE / "project.ilp"
