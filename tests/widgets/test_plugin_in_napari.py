"""Reader, samples and menus in a napari with a window."""

import shutil

import pytest
from batch_window import WAIT_MS, chosen_classifier, is_busy
from golden import ROOT as GOLDEN
from napari import current_viewer
from napari._app_model import get_app_model
from napari.layers import Image, Labels
from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLineEdit, QMenu, QPushButton
from superqt.utils import WorkerBase

from napari_batch_prediction import BatchJob
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.demo.samples import COLONIES, DIVISION, EMBRYO, NUCLEI
from napari_batch_prediction.errors import ImageReadError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.widgets import preferences
from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.canvas.canvas import Canvas
from napari_batch_prediction.widgets.dock import open_dock

pytestmark = pytest.mark.slow

PLUGIN = "napari-batch-prediction"
CASE = GOLDEN / "a_2d_u8"


def docked(viewer) -> list[BatchPredictionWidget]:
    return [one for one in viewer.window.dock_widgets.values() if isinstance(one, BatchPredictionWidget)]


def test_outputs_opened_one_by_one_lie_on_each_other(make_napari_viewer, tmp_path):
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


def test_output_of_any_name_is_opened_from_the_menu(make_napari_viewer, tmp_path, monkeypatch):
    """An output of any name can be chosen in a dialog; a file of another program is refused in words."""
    export = Export(source="Simple Segmentation", format="tiff", folder=tmp_path, name="renamed")
    BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),), exports=(export,)).run()
    viewer = make_napari_viewer(show=True)
    open_images = get_app_model().commands[f"{PLUGIN}.read"].run_injected
    chosen = [str(tmp_path / "renamed.tiff")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    open_images()
    assert [type(layer) for layer in viewer.layers] == [Labels]
    chosen[:] = [str(CASE / "test2.png")]
    with pytest.raises(ImageReadError, match=r"test2\.png' is not an image that ilastik or this program exported"):
        open_images()


def test_damaged_file_is_refused_in_words(make_napari_viewer, tmp_path):
    """What is wrong with a damaged file is said in words, which napari shows; no layer is added."""
    path = tmp_path / "a.h5"
    path.write_bytes((CASE / "expected" / "test2_Probabilities.h5").read_bytes()[:3000])
    viewer = make_napari_viewer()
    with pytest.raises(ImageReadError, match="Check that the file is whole"):
        viewer.open(path, plugin=PLUGIN)
    assert not viewer.layers


def test_dropped_project_becomes_the_classifier(make_napari_viewer, tmp_path):
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


def test_menu_hides_and_shows_the_dock_opened_elsewhere(make_napari_viewer):
    """The menu hides and shows the dock that was opened from elsewhere; a hidden one comes back."""
    viewer = make_napari_viewer(show=True)
    widget = open_dock(viewer)
    get_app_model().commands.execute_command(f"{PLUGIN}.batch").result()
    assert docked(viewer) == [widget]
    assert not widget.isVisible()
    assert open_dock(viewer) is widget
    assert widget.isVisible()


def choose(menu: QMenu, *titles: str) -> None:
    """Go through a menu and its submenus, and choose the entry at the end."""
    for title in titles:
        (action,) = (one for one in menu.actions() if one.text().replace("&", "") == title)
        menu = action.menu()
    action.trigger()


def test_every_menu_shows_and_hides_one_dock(make_napari_viewer, qtbot):
    """The menus Plugins, Layers > Classify and Layers > Segment show and hide one and the same dock."""
    viewer = make_napari_viewer(show=True)
    title = "Batch Prediction (ilastik Batch Prediction)"
    choose(viewer.window.plugins_menu, "ilastik Batch Prediction", title)
    (widget,) = docked(viewer)
    qtbot.waitUntil(widget.isVisible)
    main = viewer.window._qt_window
    assert main.dockWidgetArea(widget.parentWidget()) == Qt.DockWidgetArea.RightDockWidgetArea
    for menu, visible in (("Classify", False), ("Segment", True)):
        choose(viewer.window.layers_menu, menu, title)
        assert docked(viewer) == [widget]
        assert widget.isVisible() == visible


def test_preferences_hold_for_the_next_dock(make_napari_viewer):
    """What is set in File > Preferences holds for the dock that is opened next; what the dock keeps stands there."""
    viewer = make_napari_viewer(show=True)
    preferences.keep_exports([Export(format="tiff")])
    choose(viewer.window.file_menu, "Preferences")
    dialog = viewer.window._pref_dialog
    titles = [dialog._list.item(i).text() for i in range(dialog._list.count())]
    page = dialog._stack.widget(titles.index("ilastik Batch Prediction"))
    assert any("Probabilities (tiff)" in line.text() for line in page.findChildren(QLineEdit))
    (box,) = page.findChildren(QCheckBox)
    assert box.isChecked()
    box.click()
    dialog.accept()
    (load,) = (one for one in open_dock(viewer).findChildren(QCheckBox) if one.text() == "Load results")
    assert not load.isChecked()


# Of whole outputs: how each is opened.
KINDS = {
    "hdf5": Export(),
    "tiff": Export(format="multipage tiff", name="{stem}_Probabilities 2"),
    "n5": Export(format="n5"),
    "OME-Zarr": Export(format="multi-scale OME-Zarr"),
    "labels, hdf5": Export(source="Simple Segmentation"),
    "labels, tiff": Export(source="Simple Segmentation", format="multipage tiff"),
    "labels, OME-Zarr": Export(source="Simple Segmentation", format="single-scale OME-Zarr", name="labels"),
    "uncertainty": Export(source="Uncertainty"),
    "features": Export(source="Features"),
}


def test_every_kind_of_output_of_a_volume_lies_in_its_place(make_napari_viewer, tmp_path):
    """Whatever was written of a volume lies in its place: axes, scale, units, names of classes, labels as labels."""
    exports = tuple(export.model_copy(update={"folder": tmp_path}) for export in KINDS.values())
    (image,) = EMBRYO.images
    (row,) = BatchJob(classifier=EMBRYO.project, inputs=(str(image),), exports=exports).run().rows
    assert row.status == "done", row.reason
    viewer = make_napari_viewer(show=True)
    classes = [f"embryo {name}" for name in load_classifier(EMBRYO.project).classes]
    for name, export, path in zip(KINDS, exports, row.outputs.values(), strict=True):
        viewer.open(path, plugin=PLUGIN)
        is_labels = export.source == "Simple Segmentation"
        assert {type(layer) for layer in viewer.layers} == {Labels if is_labels else Image}, name
        if name in ("hdf5", "n5", "OME-Zarr"):
            assert [layer.name for layer in viewer.layers] == classes
        for layer in viewer.layers:
            assert layer.axis_labels[-3:] == ("z", "y", "x"), name
            assert tuple(layer.scale[-3:]) == pytest.approx((2, 0.5, 0.5)), name
            assert {str(unit) for unit in layer.units[-3:]} == {"micrometer"}, name
        assert viewer.screenshot(canvas_only=True, flash=False)[..., :3].std() > 0.5, name
        viewer.layers.clear()


def test_dropped_exports_of_ilastik(make_napari_viewer):
    """Once this reader is the one for HDF5, as napari's dialog remembers it, what ilastik exported can be dropped."""
    viewer = make_napari_viewer(show=True)
    get_settings().plugins.extension2reader = {"*.h5": PLUGIN}
    for source in ("Probabilities", "Simple Segmentation"):
        viewer.window._qt_viewer._qt_open([str(CASE / "expected" / f"test2_{source}.h5")], stack=False)
    assert [type(layer) for layer in viewer.layers] == [Image] * 3 + [Labels]
    assert {layer.source.reader_plugin for layer in viewer.layers} == {PLUGIN}
    assert len({str(layer.extent.world) for layer in viewer.layers}) == 1


SAMPLES = {
    "Colonies (four images, counting)": COLONIES,
    "Embryo (a volume)": EMBRYO,
    "Division (a time series)": DIVISION,
}


@pytest.mark.parametrize("title", SAMPLES)
def test_sample_from_the_menu_fills_in_the_dock(make_napari_viewer, qtbot, title):
    """A sample of File > Open Sample fills in the dock; Predict all predicts its layers and adds what is found."""
    sample = SAMPLES[title]
    viewer = make_napari_viewer(show=True)
    choose(viewer.window.file_menu, "Open Sample", "ilastik Batch Prediction", title)
    (widget,) = docked(viewer)
    (button,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith(("Export all", "Predict all")))
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    assert [layer.name for layer in viewer.layers] == [path.stem for path in sample.images]
    job = widget.value()
    assert job.classifier == sample.project
    assert [export.source for export in job.exports] == list(sample.sources)
    with qtbot.waitSignal(widget.finished, timeout=WAIT_MS) as finished:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [row.status for row in finished.args[0].rows] == ["done"] * len(sample.images)
    canvas = widget.findChild(Canvas)
    qtbot.waitUntil(lambda: len(viewer.layers) > len(sample.images) and not is_busy(canvas), timeout=WAIT_MS)
    WorkerBase.await_workers(WAIT_MS)


def test_sample_of_nuclei_is_predicted_into_the_viewer(make_napari_viewer, qtbot):
    """A sample fills in the dock: Predict all is all that is left, and what it finds is added to the viewer."""
    viewer = make_napari_viewer()
    assert current_viewer() is viewer
    viewer.open_sample(PLUGIN, "nuclei")
    (widget,) = docked(viewer)
    (button,) = (b for b in widget.findChildren(QPushButton) if b.text().startswith(("Export all", "Predict all")))
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
    own = BatchJob(classifier=CASE / "project.ilp", inputs=(str(CASE / "test2.png"),))
    widget.setValue(own)
    viewer.open_sample(PLUGIN, "nuclei")
    after = QTimer()
    after.setSingleShot(True)
    with qtbot.waitSignal(after.timeout):
        after.start(0)  # behind the one that would have filled in the sample
    assert chosen_classifier(widget) == CASE / "project.ilp"
    assert widget.value().inputs == own.inputs
