"""Objects on the canvas: labels with their numbers as features, and the way from a row to an object and back."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from batch_window import WAIT_MS, is_busy
from napari.layers import Labels

from napari_batch_prediction import BatchJob, Export, ObjectSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.widgets.objects.features import as_features, measured
from napari_batch_prediction.widgets.objects.links import PART, ObjectLinks

SETTINGS = ObjectSettings("1", smoothing=0, min_size=5)
OUTPUTS = (Export(source="Simple Segmentation"), Export(source="Objects"), Export(source="Object Table", format="csv"))
FRAMES = np.zeros((2, 12, 20), np.uint32)
FRAMES[0, 2:6, 3:5] = 1
FRAMES[0, 8:10, 10:18] = 2
FRAMES[1, 1:3, 15:19] = 1


def image(values=FRAMES, axes="tyx"):
    return MemoryImage("raw", values.astype(np.uint8) * 10, axes, axes_known="file")


@pytest.fixture
def layer(viewer):
    """A layer of two frames, with its objects, far smaller than the canvas."""
    viewer.canvas.size = (400, 600)
    found = viewer.add_labels(FRAMES, axis_labels=("t", "y", "x"), scale=(1, 0.5, 0.5), translate=(0, 10, 20))
    viewer.dims.set_point(0, 0)
    links = ObjectLinks(viewer)
    links.show(found, measured(FRAMES, "tyx", image(), [2, 1]))
    # As long as the layer.
    found.metadata["links"] = links
    return found


def click(layer, place, to=None):
    """Press the mouse over a place in the pixels of a layer, move it, and release it."""
    event = SimpleNamespace(
        type="mouse_press", position=layer.data_to_world(place), pos=(0, 0), view_direction=None, dims_displayed=[1, 2]
    )
    # napari adds its own in some modes.
    start = next(
        each for each in layer.mouse_drag_callbacks if isinstance(getattr(each, "__self__", None), ObjectLinks)
    )
    going = start(layer, event)
    next(going, None)
    if to is not None:
        event.type, event.pos = "mouse_move", to
        next(going, None)
    event.type = "mouse_release"
    next(going, None)


@pytest.mark.slow
def test_classified_objects_are_shown_and_not_previewed(window, viewer, case, qtbot):
    """They come from a second image that the job names. A preview of them is refused in words."""
    folder = case("n_objclass_2d_pred_hyst")
    classifier = load_classifier(folder / "project.ilp")
    exports = (Export(source="Object Predictions"), Export(source="Object Identities"))
    maps = str(folder / "test2_pred.h5")
    window.check(BatchJob(folder / "project.ilp", folder / "test2_raw.h5", exports, prediction_maps=maps))
    window.button("Preview").click()
    qtbot.waitUntil(lambda: "Object Predictions is made of whole images" in window.said(), timeout=WAIT_MS)
    window.run()
    window.results.selectRow(0)
    # Two channels, and two outputs.
    qtbot.waitUntil(lambda: len(viewer.layers) == 4 and not is_busy(window.canvas), timeout=WAIT_MS)
    classes, numbers = viewer.layers[-2:]
    assert isinstance(classes, Labels)
    assert isinstance(numbers, Labels)
    assert len(numbers.features) == 1 + np.max(numbers.data)
    assert len(classes.features) == 1 + len(classifier.source("Object Predictions").classes)


@pytest.mark.slow
def test_objects_of_a_run_are_labels_with_their_table(qtbot, viewer, window, case):
    """The layer has napari's own colours and lies on top; its features are the rows of the table that is written."""
    folder = case("a_2d_u8")
    out = folder / "out"
    exports = tuple(each.model_copy(update={"folder": out}) for each in OUTPUTS)
    window.check(BatchJob(folder / "project.ilp", folder / "test1.png", exports, objects=SETTINGS))
    ledger = window.run()
    assert [row.status for row in ledger] == ["done"]
    layers = viewer.layers
    qtbot.waitUntil(
        lambda: sum(isinstance(each, Labels) for each in layers) == 2 and not is_busy(window.canvas), timeout=WAIT_MS
    )
    objects = layers[-1]
    n = ledger[0].counts[0]
    assert objects.name == f"test1 Objects, {n}"
    assert objects.visible
    assert not layers[-2].visible
    with (out / "project_Object Table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == n > 5
    assert objects.data.max() == n
    features = objects.features
    assert len(features) == n + 1
    assert {*features} == {*rows[0]} - {"image", "time", "class", "unit"}
    for name in features:
        expected = [float(row[name] or "nan") for row in rows]
        np.testing.assert_array_equal(np.asarray(features[name], float)[1:], expected, err_msg=name)


def test_features_are_those_of_the_time_point_in_sight(viewer, layer):
    """Numbers of objects begin anew in each frame, and so do the rows."""
    assert layer.features["label"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(layer.features["pixels"], [np.nan, 8, 16])
    viewer.dims.set_point(0, 1)
    assert layer.features["label"].tolist() == [0, 1]
    np.testing.assert_array_equal(layer.features["centroid_x"], [np.nan, 16.5])
    viewer.dims.set_point(0, 0)
    assert layer.features["label"].tolist() == [0, 1, 2]


def test_row_that_is_selected_goes_to_its_object(viewer, layer):
    """Its centre is that of the canvas; what was a dot has a fifth of it."""
    viewer.scene.camera.zoom = 1.0
    layer.selected_label = 2
    # From 8 to 10 along y and from 10 to 18 along x, of half a unit each.
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 + 0.5 * 8.5, 20 + 0.5 * 13.5))
    np.testing.assert_allclose(viewer.scene.camera.zoom * 4, PART * 400)
    zoom = viewer.scene.camera.zoom
    layer.selected_label = 1
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 + 0.5 * 3.5, 20 + 0.5 * 3.5))
    assert viewer.scene.camera.zoom == zoom
    layer.selected_label = 7
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 + 0.5 * 3.5, 20 + 0.5 * 3.5))


def test_object_in_a_volume_is_gone_to_in_its_slice(viewer):
    """The slider of the slices moves, too."""
    volume = np.zeros((9, 12, 20), np.uint32)
    volume[6:9, 2:6, 3:5] = 1
    viewer.canvas.size = (400, 600)
    layer = viewer.add_labels(volume, axis_labels=("z", "y", "x"), scale=(2, 1, 1))
    links = ObjectLinks(viewer)
    viewer.dims.set_point(0, 0)
    layer.selected_label = 5
    links.show(layer, measured(volume, "zyx", image(volume, "zyx"), [1]))
    layer.selected_label = 1
    assert viewer.dims.point[0] == 14
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (3.5, 3.5))


@pytest.mark.parametrize(
    ("place", "to", "expected"),
    [((0, 9, 12), None, 2), ((0, 9, 12), (2, 1), 2), ((0, 9, 12), (9, 0), 5), ((0, 0, 0), None, 5)],
    ids=["click", "unsteady click", "drag", "background"],
)
def test_object_that_is_clicked_is_selected_where_it_is(viewer, layer, place, to, expected):
    """A click selects, and moves nothing; a drag moves the canvas, and selects nothing."""
    layer.selected_label = 5
    before = viewer.scene.camera.center, viewer.scene.camera.zoom
    click(layer, place, to)
    assert layer.selected_label == expected
    assert (viewer.scene.camera.center, viewer.scene.camera.zoom) == before


def test_click_does_not_select_while_labels_are_painted(layer):
    """In napari's other modes a click is theirs."""
    layer.selected_label = 5
    layer.mode = "paint"
    click(layer, (0, 9, 12))
    assert layer.selected_label == 5


NOT_MEASURED = {
    "a part of the image": (FRAMES[:, :10], "tyx", [2, 1]),
    "fewer than were found": (FRAMES, "tyx", [3, 1]),
    "fewer time points": (FRAMES[:1], "tyx", [2]),
}


@pytest.mark.parametrize(("labels", "axes", "counts"), NOT_MEASURED.values(), ids=NOT_MEASURED)
def test_labels_that_are_not_all_objects_are_not_measured(labels, axes, counts):
    """Numbers of a part of an object would be wrong."""
    assert measured(labels, axes, image(), counts) == ()


def test_image_without_objects_has_no_rows_but_the_background():
    """Nothing is found, and nothing goes wrong."""
    nothing = np.zeros((12, 20), np.uint32)
    (table,) = measured(nothing, "yx", image(nothing, "yx"), [0])
    assert isinstance(table, ObjectTable)
    assert as_features(table)["label"].tolist() == [0]


@pytest.mark.slow
def test_table_of_napari_goes_to_objects_and_back(make_napari_viewer, qtbot):
    """A row that is selected in napari's own table is gone to; an object that is clicked is its selected row."""
    viewer = make_napari_viewer()
    layer = viewer.add_labels(FRAMES[0], axis_labels=("y", "x"))
    links = ObjectLinks(viewer)
    links.show(layer, measured(FRAMES[0], "yx", image(FRAMES[0], "yx"), [2]))
    _, table = viewer.window.add_plugin_dock_widget("napari", "Features table widget")
    table.table.selectRow(2)
    assert layer.selected_label == 2
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (8.5, 13.5))
    event = SimpleNamespace(type="mouse_press", position=(3, 3), pos=(0, 0), view_direction=None, dims_displayed=[0, 1])
    going = layer.mouse_drag_callbacks[-1](layer, event)
    next(going)
    event.type = "mouse_release"
    next(going, None)
    rows = {index.row() for index in table.table.selectionModel().selectedIndexes()}
    assert rows == {1}
