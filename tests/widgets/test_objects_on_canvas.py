"""Objects on the canvas: labels with their numbers as features, and the way from a row to an object and back."""

import csv
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from batch_window import WAIT_MS, is_busy
from napari.layers import Labels
from pandas.testing import assert_frame_equal
from qtpy.QtCore import QObject

from napari_batch_prediction import BatchJob, Export, ObjectSettings
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ExportError, ImageReadError
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.records.reading import read_record
from napari_batch_prediction.widgets.canvas.row_loader import load_row
from napari_batch_prediction.widgets.objects.features import MOST_COLOURED, as_features, class_colormap
from napari_batch_prediction.widgets.objects.links import PART, UNKNOWN, ObjectLinks
from napari_batch_prediction.widgets.objects.numbers import KnownTables, ObjectNumbers
from napari_batch_prediction.widgets.results.shown_run import ShownRun, find_exports

SETTINGS = ObjectSettings("1", smoothing=0, min_size=5)
OUTPUTS = (Export(source="Simple Segmentation"), Export(source="Objects"), Export(source="Object Table", format="csv"))
FRAMES = np.zeros((2, 12, 20), np.uint32)
FRAMES[0, 2:6, 3:5] = 1
FRAMES[0, 8:10, 10:18] = 2
FRAMES[1, 1:3, 15:19] = 1


def image(values=FRAMES, axes="tyx"):
    return MemoryImage("raw", values.astype(np.uint8) * 10, axes, axes_known="file")


def numbers(labels=FRAMES, axes="tyx", counts=(2, 1), **more):
    """How the numbers of objects in memory are had."""
    return ObjectNumbers(
        counts=counts,
        axes=axes,
        open_labels=lambda: MemoryImage("labels", labels, axes, axes_known="file"),
        open_image=lambda: image(FRAMES if axes == "tyx" else labels, axes),
        **more,
    )


def found(labels=FRAMES, axes="tyx", counts=(2, 1)):
    """The same, found already."""
    wanted = numbers(labels, axes, counts)
    return replace(wanted, known=wanted.find(lambda: False))


@pytest.fixture
def layer(viewer):
    """A layer of two frames, with its objects, far smaller than the canvas."""
    viewer.canvas.size = (400, 600)
    layer = viewer.add_labels(FRAMES, axis_labels=("t", "y", "x"), scale=(1, 0.5, 0.5), translate=(0, 10, 20))
    viewer.dims.set_point(0, 0)
    links = ObjectLinks(viewer)
    links.show(layer, found())
    # As long as the layer.
    layer.metadata["links"] = links
    return layer


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
def test_classified_objects_are_previewed_and_shown(window, viewer, case, qtbot):
    """They come from a second image that the job names. The preview shows the same as the run."""
    folder = case("n_objclass_2d_pred_hyst")
    classifier = load_classifier(folder / "project.ilp")
    exports = (Export(source="Object Predictions"), Export(source="Object Identities"))
    maps = str(folder / "test2_pred.h5")
    window.check(BatchJob(folder / "project.ilp", folder / "test2_raw.h5", exports, prediction_maps=maps))
    window.button("Preview").click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4 and not is_busy(window.canvas), timeout=WAIT_MS)
    _, objects = viewer.layers[-2:]
    assert objects.name.endswith("(preview)")
    previewed = objects.features, objects.colormap.map(np.arange(3, dtype=np.uint32))
    assert len(previewed[0]) == 3
    window.run()
    window.results.selectRow(0)
    # Two channels, and two outputs.
    qtbot.waitUntil(lambda: "preview" not in viewer.layers[-1].name and not is_busy(window.canvas), timeout=WAIT_MS)
    classes, objects = viewer.layers[-2:]
    assert isinstance(classes, Labels)
    assert isinstance(objects, Labels)
    of_classes = classifier.source("Object Predictions")
    assert len(classes.features) == 1 + len(of_classes.classes)
    # Each object has the class and the colour that its pixels have.
    n = int(objects.data.max())
    assert len(objects.features) == 1 + n > 2
    at = [np.argwhere(objects.data == label)[0] for label in range(1, n + 1)]
    predicted = [int(classes.data[tuple(place)]) for place in at]
    assert len({*predicted}) > 1
    assert objects.features["class"].tolist() == ["none", *(of_classes.classes[k - 1] for k in predicted)]
    expected = np.array([of_classes.class_colors[k - 1] for k in predicted]) / 255
    np.testing.assert_allclose(objects.colormap.map(np.arange(1, n + 1, dtype=np.uint32))[:, :3], expected, atol=1e-6)
    assert_frame_equal(objects.features, previewed[0], check_dtype=False)
    np.testing.assert_array_equal(objects.colormap.map(np.arange(3, dtype=np.uint32)), previewed[1])
    probabilities = objects.features[[f"probability_{name}" for name in of_classes.classes]].to_numpy()[1:]
    assert (1 + probabilities.argmax(axis=1)).tolist() == predicted
    # Nothing of objects is background, which would be left out in 3D.
    viewer.dims.ndisplay = 3
    np.testing.assert_allclose(classes.colormap.map(1)[3], 1)


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


def test_canvas_stays_where_it_is_until_an_object_is_selected(viewer, layer):
    """Other frames, other colours and the next image move nothing; then the first object can be selected, too."""
    before = viewer.scene.camera.center, viewer.scene.camera.zoom
    assert layer.selected_label == 0
    links = layer.metadata["links"]
    tables = with_given_classes(["round", "long"], ["long"])
    for classes in (CLASSES, {}):
        links.show(layer, ObjectNumbers(counts=(2, 1), axes="tyx", class_colors=classes, known=tables))
        viewer.dims.set_point(0, 1)
        viewer.dims.set_point(0, 0)
    layer.new_colormap(seed=1)
    assert (viewer.scene.camera.center, viewer.scene.camera.zoom) == before
    links.show(layer, found())
    layer.selected_label = 1
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10 + 0.5 * 3.5, 20 + 0.5 * 3.5))
    moved = viewer.scene.camera.center
    links.show(layer, found())
    assert layer.selected_label == 0
    assert viewer.scene.camera.center == moved


def test_object_in_a_volume_is_gone_to_in_its_slice(viewer):
    """The slider of the slices moves, too."""
    volume = np.zeros((9, 12, 20), np.uint32)
    volume[6:9, 2:6, 3:5] = 1
    viewer.canvas.size = (400, 600)
    layer = viewer.add_labels(volume, axis_labels=("z", "y", "x"), scale=(2, 1, 1))
    links = ObjectLinks(viewer)
    viewer.dims.set_point(0, 0)
    layer.selected_label = 5
    links.show(layer, found(volume, "zyx", (1,)))
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


OTHER_LABELS = {
    "a part of the image": (FRAMES[:, :10], (2, 1), "is not as large as raw"),
    "more than were found": (FRAMES, (1, 1), "it holds the number 2, and there are 1 objects"),
    "fewer time points": (FRAMES[:1], (2,), "is not as large as raw"),
}


@pytest.mark.parametrize(("labels", "counts", "reason"), OTHER_LABELS.values(), ids=OTHER_LABELS)
def test_labels_that_are_not_those_of_the_run_are_not_measured(labels, counts, reason):
    """Numbers of other objects would be wrong."""
    with pytest.raises(ImageReadError, match=reason):
        numbers(labels, "tyx", counts).find(lambda: False)


def test_image_without_objects_has_no_rows_but_the_background():
    """Nothing is found, and nothing goes wrong."""
    nothing = np.zeros((12, 20), np.uint32)
    (table,) = numbers(nothing, "yx", (0,)).find(lambda: False)
    assert isinstance(table, ObjectTable)
    assert as_features(table)["label"].tolist() == [0]


@pytest.mark.slow
def test_table_of_napari_goes_to_objects_and_back(make_napari_viewer, qtbot):
    """A row that is selected in napari's own table is gone to; the row of an object that is clicked comes in sight."""
    viewer = make_napari_viewer()
    labels = np.arange(400, dtype=np.uint32).reshape(20, 20).repeat(3, 0).repeat(3, 1)
    layer = viewer.add_labels(labels, axis_labels=("y", "x"))
    links = ObjectLinks(viewer)
    links.show(layer, found(labels, "yx", (399,)))
    _, table = viewer.window.add_plugin_dock_widget("napari", "Features table widget")
    table.table.selectRow(2)
    assert layer.selected_label == 2
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (1, 7))
    place = (59, 59)
    event = SimpleNamespace(type="mouse_press", position=place, pos=(0, 0), view_direction=None, dims_displayed=[0, 1])
    going = layer.mouse_drag_callbacks[-1](layer, event)
    next(going)
    event.type = "mouse_release"
    next(going, None)
    (chosen,) = table.table.selectionModel().selectedRows()
    assert chosen.row() == 399
    assert table.table.viewport().rect().intersects(table.table.visualRect(chosen))


def shown_numbers(job):
    """Run a job of one image, and return how the numbers of its objects are had in the window, with the ledger."""
    plan, ledger = job.plan(), job.run()
    assert [row.status for row in ledger] == ["done"]
    run = ShownRun.of(plan)
    run.tables = ledger.tables
    request = run.request(0, ledger.rows[0].input, ledger.rows[0])
    loaded = load_row(request)
    assert loaded.problems == ()
    (layer,) = (each for each in loaded.layers if each.objects is not None)
    return layer, ledger


def columns(tables):
    return {name: np.concatenate([table[name] for table in tables]).tolist() for name in tables[0] if name != "image"}


@pytest.fixture
def classified(case):
    """A job whose objects are those of label images with two channels and several time points."""
    folder = case("p_objclass_2dt_label")
    exports = (Export(source="Object Identities"), Export(source="Object Table", format="csv"))
    second = str(folder / "test1_lab.h5")
    raw = folder / "test1_raw.h5"
    return BatchJob(folder / "project.ilp", raw, exports, existing="overwrite", label_image=second)


def test_numbers_of_the_run_are_read_or_made_again(classified):
    """The table that is written and the numbers that are made without it are the same, bit for bit."""
    layer, ledger = shown_numbers(classified)
    numbers = layer.objects
    assert numbers.written
    read = numbers.find(lambda: False)
    assert [table.n_objects for table in read] == list(ledger.rows[0].counts)
    made = replace(numbers, written=()).find(lambda: False)
    expected, found = columns(read), columns(made)
    # Only the label image knows it.
    assert {*expected} - {*found} == {"original_label"}
    for name in found:
        # Probabilities are float32, which a text does not say.
        is_single = name.startswith("probability_")
        values = np.array(expected[name], np.float32).tolist() if is_single else expected[name]
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert replace(numbers, written=(), classifier=None).find(lambda: False) == ()


def test_table_with_other_rows_is_not_taken(classified):
    """Of a file with fewer rows than there are objects nobody knows whose rows they are."""
    layer, ledger = shown_numbers(classified)
    numbers = layer.objects
    (table,) = numbers.written
    lines = table.path.read_text(encoding="utf-8").splitlines()
    table.path.write_text("\n".join(lines[:-1]), encoding="utf-8")
    found = numbers.find(lambda: False)
    assert [each.n_objects for each in found] == list(ledger.rows[0].counts)
    assert "original_label" not in found[0]


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1e99"])
def test_cell_that_is_no_whole_number_is_said(classified, cell):
    """A place that is not known would be any number."""
    layer, _ = shown_numbers(classified)
    (table,) = layer.objects.written
    lines = [line.split(",") for line in table.path.read_text(encoding="utf-8").splitlines()]
    lines[-1][lines[0].index("bbox_max_y")] = cell
    table.path.write_text("\n".join(map(",".join, lines)), encoding="utf-8")
    with pytest.raises(ExportError, match="its column bbox_max_y has something else than whole numbers"):
        layer.objects.find(lambda: False)


def test_table_that_is_damaged_is_named(classified):
    """It is a file of the user, who is told which, and what is wrong, without a stack trace."""
    layer, _ = shown_numbers(classified)
    (table,) = layer.objects.written
    text = table.path.read_text(encoding="utf-8")
    table.path.write_text(text.replace("0.", "zero"), encoding="utf-8")
    with pytest.raises(ExportError, match=f"The table {re.escape(str(table.path))} cannot be read"):
        layer.objects.find(lambda: False)


@pytest.mark.parametrize("table", ["csv", "parquet"])
def test_labels_of_a_region_have_the_numbers_of_whole_objects(case, viewer, table):
    """They are those of the table, and none without: an object that is cut has others."""
    folder = case("a_2d_u8")
    region = {"y": (20, None), "x": (10, None)}
    exports = (Export(source="Objects", region=region), Export(source="Object Table", format=table))
    job = BatchJob(folder / "project.ilp", folder / "test1.png", exports, objects=SETTINGS)
    layer, ledger = shown_numbers(job)
    (found,) = layer.objects.find(lambda: False)
    assert found.n_objects == ledger.rows[0].counts[0]
    alone = job.model_copy(update={"exports": exports[:1], "existing": "overwrite"})
    assert shown_numbers(alone)[0].objects.find(lambda: False) == ()
    # The objects are where the table says, less the corner of the region.
    viewer.canvas.size = (400, 600)
    made = viewer.add_layer(layer.make())
    links = ObjectLinks(viewer)
    links.show(made, replace(layer.objects, known=(found,)))
    # The first is selected already.
    label = int(layer.data.max())
    assert label > 1
    made.selected_label = label
    expected = [found["centroid_y"][label - 1], found["centroid_x"][label - 1]]
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], expected)


def test_labels_that_are_read_lazily_have_numbers(case, monkeypatch):
    """They are read part by part, and the file is closed."""
    folder = case("a_2d_u8")
    job = BatchJob(folder / "project.ilp", folder / "test1.png", (Export(source="Objects"),), objects=SETTINGS)
    layer, _ = shown_numbers(job)
    in_memory = layer.objects.find(lambda: False)
    monkeypatch.setattr("napari_batch_prediction.widgets.canvas.pixels.IN_MEMORY", 0)
    lazy, _ = shown_numbers(job.model_copy(update={"existing": "overwrite"}))
    assert not isinstance(lazy.data, np.ndarray)
    assert columns(lazy.objects.find(lambda: False)) == columns(in_memory)
    for file in lazy.files:
        file.close()


def test_work_on_numbers_stops_when_it_is_cancelled():
    """A row that is passed by is not measured to its end."""
    asked = []
    assert numbers().find(lambda: asked.append(1) is None) == ()
    assert asked


CLASSES = {"round": (255, 0, 0), "long": (0, 0, 255)}


def with_given_classes(*names):
    """Tables of objects with these classes, for each time point."""
    tables = []
    for t, of_time in enumerate(names):
        n = len(of_time)
        probabilities = {f"probability_{name}": np.array([float(name == each) for each in of_time]) for name in CLASSES}
        labels = np.arange(1, n + 1)
        known = {"time": np.full(n, t), "label": labels, "class": np.array(of_time, object)}
        tables.append(ObjectTable(known | probabilities))
    return tuple(tables)


def test_colours_are_those_of_the_classes_of_the_time_point_in_sight(viewer):
    """Numbers begin anew in each frame, so that the same number may have another class; the user's colours stay."""
    layer = viewer.add_labels(FRAMES, axis_labels=("t", "y", "x"))
    napari_colours = layer.colormap
    viewer.dims.set_point(0, 0)
    links = ObjectLinks(viewer)
    tables = with_given_classes(["round", "long"], ["long"])
    links.show(layer, ObjectNumbers(counts=(2, 1), axes="tyx", class_colors=CLASSES, known=tables))
    assert layer.features["class"].tolist() == ["none", "round", "long"]
    np.testing.assert_allclose(layer.colormap.map(np.arange(3)), [[0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 1, 1]])
    viewer.dims.set_point(0, 1)
    assert layer.features["class"].tolist() == ["none", "long"]
    np.testing.assert_allclose(layer.colormap.map(np.arange(2)), [[0, 0, 0, 0], [0, 0, 1, 1]])
    links.show(layer, None)
    assert layer.colormap is napari_colours
    links.show(layer, ObjectNumbers(counts=(2, 1), axes="tyx", class_colors=CLASSES, known=tables))
    layer.new_colormap(seed=1)
    chosen = layer.colormap
    viewer.dims.set_point(0, 0)
    assert layer.colormap is chosen


def test_more_objects_than_colours_keep_those_of_napari():
    """A texture of napari holds so many, and no more."""
    classes = np.array(["round", "long"] * (MOST_COLOURED // 2), object)
    table = ObjectTable({"class": classes})
    colormap = class_colormap(table, CLASSES)
    labels = np.array([1, 2, MOST_COLOURED - 1, MOST_COLOURED], np.uint32)
    np.testing.assert_allclose(colormap.map(labels)[:, 0], [1, 0, 1, 0])
    # What is drawn is a texture of 16 bits.
    assert colormap._data_to_texture(labels).tolist() == labels.tolist()
    assert colormap._data_to_texture(labels).dtype == np.uint16
    assert class_colormap(ObjectTable({"class": np.append(classes, "round")}), CLASSES) is None


def test_objects_are_grey_until_their_classes_are_known(viewer, qtbot):
    """Colours that tell neighbours apart would be taken for classes; if there are none, they are shown then."""
    layer = viewer.add_labels(FRAMES, axis_labels=("t", "y", "x"))
    napari_colours = layer.colormap
    failures = []
    owner = QObject()
    links = ObjectLinks(viewer, owner, failures.append)
    links.show(layer, numbers(counts=(1, 1), class_colors=CLASSES))
    assert layer.colormap is UNKNOWN
    qtbot.waitUntil(lambda: bool(failures), timeout=WAIT_MS)
    assert "there are 1 objects" in failures[0].reason
    assert layer.colormap is napari_colours
    assert not len(layer.features.columns)


def test_tables_that_were_shown_longest_ago_are_forgotten(monkeypatch):
    """Those of the last images stay, as far as they have not too many rows."""
    monkeypatch.setattr("napari_batch_prediction.widgets.objects.numbers.MOST_KEPT", 4)
    known = KnownTables()
    for i in range(3):
        known.put(i, with_given_classes(["round", "long"]))
    assert [len(known.get(i)) for i in range(3)] == [0, 1, 1]
    known.put(1, with_given_classes(["round"]))
    known.put(3, with_given_classes(["round"]))
    assert [len(known.get(i)) for i in range(4)] == [0, 1, 1, 1]
    known.put(4, with_given_classes(["round"] * 9))
    assert not any(known.get(i) for i in range(5))


def test_earlier_run_has_its_tables_and_its_classifier(classified):
    """A classifier that has changed since would predict other classes."""
    ledger = classified.run()
    recorded = read_record(ledger.path)
    assert recorded.tables == ledger.tables
    assert [*recorded.tables] == ["Object Table"]
    assert find_exports(recorded.job, recorded.classifier_sha256)[1] is not None
    with classified.classifier.open("ab") as file:
        file.write(bytes(8))
    exports, classifier = find_exports(recorded.job, recorded.classifier_sha256)
    assert len(exports) == 2
    assert classifier is None
