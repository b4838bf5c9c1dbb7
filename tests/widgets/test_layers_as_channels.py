"""Several layers of a viewer, or several files, as the channels of one image."""

import dask.array as da
import numpy as np
import pytest
from batch_window import WAIT_MS
from golden import ROOT as GOLDEN
from napari.components import ViewerModel
from PIL import Image as Picture
from qtpy.QtWidgets import QTableView
from sections import button

from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import ImageMismatchError, ImageReadError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.plan import make_plan
from napari_batch_prediction.widgets.inputs.section import InputsSection
from napari_batch_prediction.widgets.parts.menu_button import MenuButton
from napari_batch_prediction.widgets.results.table import ResultsTable
from napari_batch_prediction.widgets.viewer_layers import arrays_for, channels_image

CASE = GOLDEN / "b_2d_rgb_u8"
PROJECT = CASE / "project.ilp"
NAMES = ("red, or so", "green", "blue + more")
LOCATION = 'layers:"red, or so", green, blue + more'


@pytest.fixture
def pixels():
    """A picture that the project was made for, in the order of axes yxc."""
    return np.asarray(Picture.open(next(CASE.glob("test*.png"))))


def add(viewer, pixels, **placing):
    """Add the channels of a picture as layers, a turned and moved one each."""
    placing = {"scale": (2, 3), "translate": (5, 7), "rotate": 30} | placing
    return [viewer.add_image(pixels[..., i], name=name, **placing) for i, name in enumerate(NAMES)]


def test_layers_are_the_image_that_has_them_as_channels():
    """Pixels, size of a pixel and names of channels are those of the layers, lazy or of several levels."""
    viewer = ViewerModel()
    values = np.random.default_rng(0).integers(0, 9, (2, 4, 20, 30), np.uint16)
    placing = {"axis_labels": ("z", "y", "x"), "scale": (2, 1, 1), "units": "um"}
    layers = [
        viewer.add_image(da.from_array(values[0], chunks=8), name="a", **placing),
        viewer.add_image([values[1], values[1][:, ::2, ::2]], name="b", multiscale=True, **placing),
    ]
    image = channels_image(layers)
    assert (image.location, image.axes, image.axes_known) == ("layers:a, b", "zyxc", "file")
    assert (image.shape, image.dtype, image.channel_names) == ((4, 20, 30, 2), np.uint16, ("a", "b"))
    assert image.pixel_size == {"z": 2, "y": 1, "x": 1}
    assert image.layer is layers[0]
    np.testing.assert_array_equal(image.read(), np.moveaxis(values, 0, -1))
    region = (slice(1, 3), slice(5, 20), slice(0, 1), slice(1, 2))
    np.testing.assert_array_equal(image.read(region), np.moveaxis(values, 0, -1)[region])


ODD = {
    "another size": ({}, (20, 31), np.uint8, "'b' has the shape (20, 31), but 'a' has (20, 30)"),
    "another type": ({}, (20, 30), np.uint16, "'b' has the type uint16, but 'a' has uint8"),
    "other axes": ({"axis_labels": ("x", "y")}, (20, 30), np.uint8, "'b' has the axes xy, but 'a' has yx"),
    "colours": ({"rgb": True}, (20, 30, 3), np.uint8, "'b' has colours of its own (axes yxc)"),
    "channels": ({"axis_labels": ("c", "y", "x")}, (2, 20, 30), np.uint8, "'b' has channels of its own (axes cyx)"),
    "another place": ({"translate": (0, 1)}, (20, 30), np.uint8, "'b' lies elsewhere in the viewer than 'a'"),
    "a turn": ({"rotate": 30}, (20, 30), np.uint8, "'b' lies elsewhere in the viewer than 'a'"),
    "a shear": ({"shear": [[1, 0], [1, 1]]}, (20, 30), np.uint8, "'b' lies elsewhere in the viewer than 'a'"),
    "another unit": ({"units": "um"}, (20, 30), np.uint8, "'b' lies elsewhere in the viewer than 'a'"),
}


@pytest.mark.parametrize(("options", "shape", "dtype", "text"), ODD.values(), ids=ODD)
def test_layers_that_are_unlike_are_refused_in_words(options, shape, dtype, text):
    """The reason names the layer that differs, and in what; it is a problem of that input alone."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 30), np.uint8), name="a")
    viewer.add_image(np.zeros(shape, dtype), name="b", **options)
    found = arrays_for(viewer, ["layers:a, b", "layer:a"])
    assert isinstance(found["layers:a, b"], ImageMismatchError)
    assert text in str(found["layers:a, b"])
    job = BatchJob(classifier=PROJECT, inputs=("layers:a, b",))
    (row,) = make_plan(job, arrays=found).rows
    assert text in str(row.problems[0])


def test_layer_that_went_away_is_named():
    """The reason names the layer that is gone, or the viewer if there is none."""
    viewer = ViewerModel()
    viewer.add_image(np.zeros((20, 30), np.uint8), name="a")
    found = arrays_for(viewer, ["layers:a, b"])
    assert isinstance(found["layers:a, b"], ImageReadError)
    assert "needs the layer 'b'" in str(found["layers:a, b"])
    (row,) = make_plan(BatchJob(classifier=PROJECT, inputs=("layers:a, b",))).rows
    assert "'layers:a, b' are layers of a viewer" in str(row.problems[0])


def test_selected_layers_are_offered_as_channels(qtbot):
    """The entry adds the selected layers as one input, from the lowest up, and says why it cannot."""
    viewer = ViewerModel()
    section = InputsSection(viewer)
    qtbot.addWidget(section)

    def entry():
        actions = button(section, "Layers").fill().actions()
        return next(action for action in actions if action.text() == "Selected layers as channels")

    assert not entry().isEnabled()
    layers = [viewer.add_image(np.zeros((20, 30)), name=name) for name in ("a", "b, c")]
    viewer.add_labels(np.zeros((20, 30), int))
    assert "Select two or more" in entry().toolTip()
    viewer.layers.selection = set(viewer.layers)
    entry().trigger()
    assert section.value()["inputs"] == ('layers:a, "b, c"',)
    layers[1].scale = (2, 2)
    assert not entry().isEnabled()
    assert "lies elsewhere" in entry().toolTip()


def test_layers_as_channels_are_predicted_in_the_window(window, viewer, qtbot, pixels):
    """The prediction is that of the picture in one piece, and lies over all layers; the job comes back as JSON."""
    first, *_ = layers = add(viewer, pixels)
    viewer.layers.selection = set(layers)
    window.widget.setValue(BatchJob(classifier=PROJECT, inputs=("x",), exports=(Export(source="Simple Segmentation"),)))
    window.button("Clear").click()
    menu = next(one for one in window.widget.findChildren(MenuButton) if one.text().startswith("Layers"))
    next(action for action in menu.fill().actions() if action.text() == "Selected layers as channels").trigger()
    job = window.widget.value()
    assert job.inputs == (LOCATION,)
    assert BatchJob.model_validate_json(job.model_dump_json()) == job
    run = window.start_button()
    qtbot.waitUntil(run.isEnabled, timeout=WAIT_MS)
    run.click()
    name = f"{' + '.join(NAMES)} Simple Segmentation"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=WAIT_MS)
    expected = load_classifier(PROJECT).predict(pixels, source="Simple Segmentation")
    qtbot.waitUntil(lambda: np.array_equal(viewer.layers[name].data, expected), timeout=WAIT_MS)
    np.testing.assert_allclose(viewer.layers[name].data_to_world((9, 4)), first.data_to_world((9, 4)))
    assert viewer.layers.index(viewer.layers[name]) == 3


def test_check_follows_layers_that_come_and_go(window, viewer, qtbot, pixels):
    """A layer that is removed is a problem of the input it is a channel of, until it is there again."""
    layers = add(viewer, pixels)
    window.widget.setValue(BatchJob(classifier=PROJECT, inputs=(LOCATION,), exports=(Export(),)))
    run = window.start_button()
    qtbot.waitUntil(run.isEnabled, timeout=WAIT_MS)
    viewer.layers.remove(layers[1])
    qtbot.waitUntil(lambda: "needs the layer 'green'" in window.said(), timeout=WAIT_MS)
    viewer.layers.append(layers[1])
    qtbot.waitUntil(lambda: "needs the layer 'green'" not in window.said(), timeout=WAIT_MS)


def test_files_as_channels_are_predicted_and_shown_in_the_window(window, viewer, qtbot, pixels, tmp_path):
    """The files selected in the table are predicted as the picture in one piece, and are the image below its result."""
    files = [str(tmp_path / name) for name in ("a.npy", "b, c.npy", "d.npy")]
    for i, file in enumerate(files):
        np.save(file, pixels[..., i])
    job = BatchJob(classifier=PROJECT, inputs=files, exports=(Export(source="Simple Segmentation"),))
    window.check(job)
    window.widget.findChild(InputsSection).findChild(QTableView).selectAll()
    menu = next(one for one in window.widget.findChildren(MenuButton) if one.text().startswith("Layers"))
    entry = next(action for action in menu.fill().actions() if action.text() == "Selected files as channels")
    with qtbot.waitSignal(window.widget.checked, timeout=WAIT_MS) as checked:
        entry.trigger()
    assert [row.problems for row in checked.args[0].rows] == [()]
    window.run()
    window.widget.findChild(ResultsTable).selectRow(0)
    expected = load_classifier(PROJECT).predict(pixels, source="Simple Segmentation")
    name = "a + b, c + d Simple Segmentation"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: np.array_equal(viewer.layers[name].data, expected), timeout=WAIT_MS)
    assert (tmp_path / "a + b, c + d_Simple Segmentation.h5").is_file()
    np.testing.assert_array_equal(viewer.layers["a + b, c + d"].data, pixels)
