"""The dock Train Classifier on a viewer that draws nothing: strokes, classes, images, layers that go, projects."""

import numpy as np
import pytest
import zarr
from napari.layers import Image, Labels
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton
from superqt.utils import WorkerBase

from napari_batch_prediction import load_classifier
from napari_batch_prediction.features.selection import GAUSSIAN, GRADIENT, FeatureSelection
from napari_batch_prediction.session.training.image import Settings
from napari_batch_prediction.session.training.state import Failed, Shown, Waiting
from napari_batch_prediction.widgets.training.projects import _open_image
from napari_batch_prediction.widgets.training.train import TrainClassifierWidget

WAIT_MS = 15_000
SELECTION = FeatureSelection((GAUSSIAN, GRADIENT), (0.7, 1.6), ((True, True), (True, False)), (True, True))


def two_halves(shape=(80, 120), axes="yx", levels=1):
    """Pixels that are dark at the left and bright at the right."""
    noise = np.random.default_rng(0).integers(0, 30, shape, np.uint8)
    bright = np.arange(shape[axes.index("x")]) >= shape[axes.index("x")] // 2
    bright = bright.reshape([-1 if key == "x" else 1 for key in axes])
    pixels = (noise + 150 * bright).astype(np.uint8)
    return pixels if levels == 1 else [pixels[..., :: 2**i, :: 2**i] for i in range(levels)]


class Trainer:
    """The widget, with what a user does in it."""

    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer = qtbot, viewer
        self.widget = TrainClassifierWidget(viewer)
        qtbot.addWidget(self.widget)
        self.widget.resize(320, 700)
        self.widget.show()
        self.session = self.widget.session
        self.widget.setValue(Settings(self.widget.value().classes, SELECTION, 10))

    def add(self, pixels, axes="yx", **options):
        options = {"name": "Image", "axis_labels": tuple(axes), "contrast_limits": (0, 255), **options}
        layer = self.viewer.add_image(pixels, **options)
        self.widget.add_image(layer)
        return layer

    @property
    def labels(self):
        return self.widget.layers.current.labels

    @property
    def overlay(self):
        return self.widget.layers.current.overlay.layer

    def paint(self, label, *at, size=6):
        self.labels.brush_size = size
        self.labels.paint(at, label)

    def paint_both(self, y=20, lead=()):
        width = self.widget.layers.current.image.image.extents["x"]
        self.paint(1, *lead, y, width // 4)
        self.paint(2, *lead, y, width - width // 4)

    def wait(self, *states):
        def is_so():
            assert isinstance(self.session.state, (*states, Failed)), (self.session.state, self.state())
            if states == (Shown,):
                # A classifier can be there before the canvas is looked at, and nothing is drawn then.
                assert any(view.image == self.widget.layers._current for view in self.session._views)

        self.qtbot.waitUntil(is_so, timeout=WAIT_MS)
        assert isinstance(self.session.state, states), self.session.state

    def state(self):
        return self.widget.bar._state.text()

    def images(self):
        return self.widget.images._message.text()

    def press(self, text):
        """Press a button of the classes."""
        button = next(one for one in self.widget.classes.findChildren(QPushButton) if one.text() == text)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def trainer(qtbot, viewer):
    yield Trainer(qtbot, viewer)
    WorkerBase.await_workers(WAIT_MS)


def halves_of(overlay):
    """The mean colour of the left and of the right half of an overlay of one plane."""
    colors = np.asarray(overlay.data).reshape(-1, *overlay.data.shape[-3:])[0].astype(float)
    middle = colors.shape[1] // 2
    return colors[:, : middle - 6, :3].mean((0, 1)), colors[:, middle + 6 :, :3].mean((0, 1))


def test_from_an_image_and_two_strokes_to_an_overlay(trainer):
    """The brush is ready once an image is added, and after two strokes each half has the colour of its class."""
    layer = trainer.add(two_halves())
    assert trainer.viewer.layers.selection.active is trainer.labels
    assert (trainer.labels.mode, trainer.labels.selected_label) == ("paint", 1)
    assert [one.name for one in trainer.viewer.layers] == ["Image", "Image live", "Image labels"]
    trainer.wait(Waiting)
    assert trainer.state() == "Paint a stroke on the image, then one of another class."
    trainer.paint(1, 20, 30)
    trainer.wait(Waiting)
    trainer.qtbot.waitUntil(lambda: "Paint a stroke of Foreground too" in trainer.state())
    trainer.paint(2, 20, 90)
    trainer.wait(Shown)
    left, right = halves_of(trainer.overlay)
    first, second = (np.array(one.color) for one in trainer.widget.value().classes)
    assert np.abs(left - first).max() < 30
    assert np.abs(right - second).max() < 30
    np.testing.assert_array_equal(trainer.overlay.extent.world, layer.extent.world)
    assert trainer.viewer.layers.selection.active is trainer.labels
    assert "of them right" in trainer.state()


def test_undo_and_redo_train_again(trainer):
    """What is undone does not count any more; done again it does."""
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    n = trainer.session.result.n_examples
    trainer.paint(2, 60, 90)
    trainer.qtbot.waitUntil(lambda: trainer.session.result.n_examples > n, timeout=WAIT_MS)
    more = trainer.session.result.n_examples
    trainer.labels.undo()
    trainer.qtbot.waitUntil(lambda: trainer.session.result.n_examples == n, timeout=WAIT_MS)
    trainer.labels.redo()
    trainer.qtbot.waitUntil(lambda: trainer.session.result.n_examples == more, timeout=WAIT_MS)
    trainer.wait(Shown)
    assert np.asarray(trainer.overlay.data).any()
    for _ in range(4):
        trainer.labels.undo()
    trainer.wait(Waiting)
    assert not np.asarray(trainer.overlay.data).any()


@pytest.mark.parametrize(
    ("axes", "shape", "options"),
    [
        ("zyx", (5, 60, 80), {}),
        ("tyx", (3, 60, 80), {"scale": (1, 0.5, 0.5), "translate": (0, 3, 4)}),
        ("cyx", (2, 60, 80), {}),
        ("yx", (60, 80), {"levels": 2}),
        ("tzyx", (2, 3, 60, 80), {"lazy": True}),
    ],
)
def test_images_of_many_kinds(trainer, axes, shape, options):
    """The labels lie as the image does, and what is shown of it is predicted over it."""
    options = dict(options)
    pixels = two_halves(shape, axes, options.pop("levels", 1))
    if options.pop("lazy", False):
        pixels = zarr.array(pixels)
    layer = trainer.add(pixels, axes, **options)
    own = axes.replace("c", "")
    assert trainer.labels.data.shape == tuple(n for n, key in zip(shape, axes, strict=True) if key != "c")
    np.testing.assert_allclose(trainer.labels.scale, layer.scale[-len(own) :])
    lead = tuple(trainer.viewer.dims.current_step[-len(own) :][:-2])
    trainer.paint_both(lead=lead)
    trainer.wait(Shown)
    left, right = halves_of(trainer.overlay)
    assert np.abs(left - right).max() > 100
    at = trainer.overlay.extent.world
    np.testing.assert_allclose(at[:, -2:], trainer.labels.extent.world[:, -2:], atol=2)
    assert all(trainer.overlay.data.shape[i] == 1 for i in range(len(own) - 2))


def test_colours_are_channels(trainer):
    """A picture in colours has three times as many features."""
    pixels = np.stack([two_halves()] * 3, axis=-1)
    layer = trainer.viewer.add_image(pixels, rgb=True)
    trainer.widget.add_image(layer)
    trainer.paint_both()
    trainer.wait(Shown)
    assert trainer.session.examples[0].features.shape[1] == 3 * SELECTION.n_features()


def test_another_slice_is_predicted_when_the_slider_moves(trainer):
    """It is not trained again, and the overlay lies in the slice that is shown."""
    trainer.add(two_halves((9, 60, 80), "zyx"), "zyx")
    trainer.paint_both(lead=(int(trainer.viewer.dims.current_step[0]),))
    trainer.wait(Shown)
    result = trainer.session.result
    trainer.viewer.dims.set_point(0, 7)
    trainer.qtbot.waitUntil(lambda: trainer.overlay.translate[0] == 7, timeout=WAIT_MS)
    trainer.wait(Shown)
    assert trainer.session.result is result


def test_a_class_is_added_renamed_and_removed(trainer):
    """A new class is painted at once; the labels of a removed one are erased, and undo does not bring it to others."""
    trainer.add(two_halves())
    trainer.press("Add")
    three = trainer.widget.value().classes
    assert [one.name for one in three] == ["Background", "Foreground", "Class 3"]
    assert trainer.labels.selected_label == 3
    trainer.widget.classes._model.item(2, 0).setText("nucleus")
    assert trainer.widget.value().classes[2].name == "nucleus"
    assert trainer.widget.classes._remove.toolTip() == "Remove nucleus and its labels."
    trainer.widget.classes._model.item(2, 0).setText("Background")
    assert trainer.widget.value().classes[2].name == "nucleus"
    trainer.paint_both()
    trainer.paint(3, 60, 100)
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)
    trainer.wait(Shown)
    trainer.widget.classes.select(2)
    trainer.press("Remove")
    trainer.qtbot.waitUntil(lambda: not (trainer.labels.data == 2).any())
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)
    assert trainer.session.result.classifier.classes == ("Background", "nucleus")
    trainer.press("Add")
    assert trainer.widget.value().classes[-1].label == 4


def test_another_colour_is_that_of_labels_and_overlay(trainer):
    """The layer of labels and the prediction take it on."""
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    trainer.widget.classes.set_color(1, (255, 0, 255))
    np.testing.assert_allclose(trainer.labels.get_color(1), (1, 0, 1, 1))
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)
    trainer.wait(Shown)
    assert np.abs(halves_of(trainer.overlay)[0] - (255, 0, 255)).max() < 30


def test_several_images_train_one_classifier(trainer):
    """Strokes on one image are predicted on the other, which is shown in place of it."""
    trainer.add(two_halves(), name="a")
    trainer.paint_both()
    trainer.wait(Shown)
    trainer.add(two_halves()[:, ::-1].copy(), name="b")
    assert not trainer.viewer.layers["a"].visible
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)
    trainer.wait(Shown)
    left, _ = halves_of(trainer.overlay)
    assert trainer.overlay.name == "b live"
    assert np.abs(left - np.array(trainer.widget.value().classes[1].color)).max() < 30
    trainer.paint(1, 70, 100)
    trainer.qtbot.waitUntil(lambda: len(trainer.session.examples[1].positions) > 0, timeout=WAIT_MS)
    assert len(trainer.session.examples[0].positions) > 0


def test_images_that_do_not_go_together_are_refused(trainer):
    """The sentence says in what they differ, and nothing is added."""
    trainer.add(two_halves())
    layer = trainer.viewer.add_image(two_halves((4, 60, 80), "zyx"), axis_labels=("z", "y", "x"), name="volume")
    trainer.widget._add_layers([layer], together=False)
    assert "'volume' is 3D, but 'Image' is 2D" in trainer.images()
    assert len(trainer.widget.layers.entries) == 1


def test_another_layer_of_labels_is_said_not_to_train(trainer):
    """Whoever chooses a layer of their own is told; the message goes once a class is painted again."""
    trainer.add(two_halves())
    other = trainer.viewer.add_labels(np.zeros(trainer.labels.data.shape, np.uint8), name="mine")
    assert trainer.viewer.layers.selection.active is other
    assert "'mine' is not trained on" in trainer.images()
    trainer.widget.classes.brush_wanted.emit(1)
    assert trainer.viewer.layers.selection.active is trainer.labels
    assert trainer.images() == ""


def test_layers_that_are_removed_while_it_trains(trainer):
    """The image goes, with a sentence; its labels stay, and are used again when the image is added once more."""
    pixels = two_halves()
    layer = trainer.add(pixels)
    trainer.paint_both()
    labels = trainer.labels
    trainer.viewer.layers.remove(layer)
    trainer.wait(Waiting)
    assert "'Image' was removed from the viewer and is not trained on any more" in trainer.images()
    assert list(trainer.viewer.layers) == [labels]
    trainer.add(pixels)
    trainer.wait(Shown)
    assert trainer.labels is labels
    trainer.viewer.layers.remove(labels)
    trainer.wait(Waiting)
    assert "has no labels" in trainer.images()
    assert not trainer.widget.layers.entries


def test_the_prediction_removed_switches_live_off(trainer):
    """Live can be switched on again, and the prediction comes back."""
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    trainer.viewer.layers.remove(trainer.overlay)
    assert not trainer.widget.bar.value()
    trainer.qtbot.waitUntil(lambda: trainer.overlay in trainer.viewer.layers)
    trainer.widget.bar.setValue(True)
    trainer.wait(Shown)
    assert trainer.overlay.visible
    assert trainer.overlay.data.any()


def test_labels_of_another_size_are_refused(trainer):
    """Labels that are replaced count if they have the size of the image, and only then."""
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    trainer.labels.data = np.array(trainer.labels.data[::-1])
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)
    trainer.wait(Shown)
    trainer.labels.data = np.zeros((10, 10), np.uint8)
    assert "has the shape (10, 10) now, expected (80, 120)" in trainer.images()
    trainer.wait(Waiting)


def test_features_too_large_for_an_image_are_told(trainer):
    """The line says it, and other features mend it."""
    trainer.add(two_halves((20, 30)))
    trainer.widget.features.setValue(FeatureSelection((GAUSSIAN,), (10.0,), ((True,),), (True,)), 10)
    trainer.paint_both(y=10)
    trainer.qtbot.waitUntil(lambda: "too small for the features at scale 10" in trainer.state(), timeout=WAIT_MS)
    trainer.widget.features.setValue(SELECTION, 10)
    trainer.qtbot.waitUntil(lambda: isinstance(trainer.session.state, Shown), timeout=WAIT_MS)


def test_overlay_of_other_sources(trainer):
    """Segmentation and uncertainty come from the tiles that are there, without another training."""
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    result = trainer.session.result
    trainer.widget.overlay.setValue("Simple Segmentation", 0.8)
    assert trainer.overlay.opacity == pytest.approx(0.8)
    colors = {one.color for one in trainer.widget.value().classes}
    trainer.qtbot.waitUntil(
        lambda: {tuple(color) for color in np.asarray(trainer.overlay.data)[..., :3].reshape(-1, 3)} <= colors
    )
    trainer.widget.overlay.setValue("Uncertainty", 0.5)
    trainer.qtbot.waitUntil(lambda: (np.asarray(trainer.overlay.data)[40, :20, 3] < 128).all())
    assert trainer.session.result is result


def test_saved_and_opened_again(trainer, tmp_path, qtbot, viewer):
    """A saved classifier predicts the same from its file, and the project comes back with its images and labels."""
    pixels = two_halves()
    trainer.add(pixels)
    trainer.widget.classes.set_color(1, (10, 20, 30))
    trainer.paint_both()
    trainer.wait(Shown)
    path = tmp_path / "cells.ilp"
    trainer.widget.actions_of_bar.failed.connect(pytest.fail)
    with qtbot.waitSignal(trainer.widget.actions_of_bar.projects.saved, timeout=WAIT_MS):
        trainer.widget.actions_of_bar.save_as(path)
    predicted = load_classifier(path).predict(pixels, "yx")
    np.testing.assert_array_equal(predicted, trainer.session.result.classifier.predict(pixels, "yx"))
    labels = np.array(trainer.labels.data)
    viewer.layers.clear()
    with qtbot.waitSignal(trainer.widget.actions_of_bar.projects.opened, timeout=WAIT_MS):
        trainer.widget.open(path)
    np.testing.assert_array_equal(trainer.labels.data, labels)
    np.testing.assert_array_equal(trainer.widget.layers.current.image.image.read(), pixels)
    assert trainer.widget.value().classes[0].color == (10, 20, 30)
    assert trainer.widget.value().selection.n_features() == SELECTION.n_features()
    trainer.qtbot.waitUntil(lambda: trainer.session.current is not None, timeout=WAIT_MS)


def test_files_are_opened_and_stay_files_in_the_project(trainer, tmp_path, qtbot, viewer):
    """A project refers to a file beside it; when that is gone it is named, and can be pointed to anew."""
    Picture.fromarray(two_halves()).save(tmp_path / "a.png")
    trainer.widget.add_files([tmp_path / "a.png"])
    qtbot.waitUntil(lambda: trainer.widget.layers.entries != (), timeout=WAIT_MS)
    trainer.paint_both()
    trainer.wait(Shown)
    path = tmp_path / "cells.ilp"
    with qtbot.waitSignal(trainer.widget.actions_of_bar.projects.saved, timeout=WAIT_MS):
        trainer.widget.actions_of_bar.save_as(path)
    n = np.count_nonzero(trainer.labels.data)
    viewer.layers.clear()
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    with qtbot.waitSignal(trainer.widget.actions_of_bar.projects.opened, timeout=WAIT_MS):
        trainer.widget.open(path)
    assert "a.png" in trainer.widget.images._missing.text()
    missing = trainer.session.settings.missing[0]
    trainer.widget._on_found(missing, _open_image(tmp_path / "b.png", missing))
    assert np.count_nonzero(trainer.labels.data) == n
    assert not trainer.widget.images._missing.text()


def test_nothing_is_offered_before_there_is_a_classifier(trainer):
    """Every button that needs one is off, and says what is missing."""
    for button in (trainer.widget.bar._save, trainer.widget.bar._report, trainer.widget.bar._predict):
        assert not button.isEnabled()
        assert button.toolTip().startswith("Add an image first")
    trainer.add(two_halves())
    trainer.paint_both()
    trainer.wait(Shown)
    assert trainer.widget.bar._save.isEnabled()


def test_layers_are_offered_in_the_menu(trainer, viewer):
    """Image layers that are not trained on yet, and selected ones as channels of one image."""
    trainer.add(two_halves(), name="a")
    b, c = (viewer.add_image(two_halves(), name=name) for name in "bc")
    viewer.layers.selection = {b, c}
    menu = trainer.widget.images._add.fill()
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert list(actions) == ["c", "b", "Selected layers as channels"]
    assert all(isinstance(layer, Image | Labels) for layer in viewer.layers)
    trainer.widget.images.removed.emit(trainer.widget.layers.current.number)
    actions["Selected layers as channels"].trigger()
    assert trainer.widget.layers.current.image.image.extents["c"] == 2
