"""The live loop without a window: strokes -> labelled pixels -> classifier -> tiles of what is on the canvas."""

from itertools import pairwise

import numpy as np
import pytest
from session_workers import ThreadWorker

from napari_batch_prediction.features.selection import GAUSSIAN, GRADIENT, FeatureSelection
from napari_batch_prediction.ilp.project import LabelBlock, Lane
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.session.telling import telling
from napari_batch_prediction.session.training.examples import ImageExamples, whole
from napari_batch_prediction.session.training.image import PaintedClass, Settings, TrainingImage
from napari_batch_prediction.session.training.overlay import UNCERTAIN, colors_of
from napari_batch_prediction.session.training.session import TrainingSession
from napari_batch_prediction.session.training.state import Due, Failed, Idle, Shown, Waiting
from napari_batch_prediction.session.training.view import KeptTiles, View
from napari_batch_prediction.simd.building import tell_waiting
from napari_batch_prediction.training.training_set import MissingImage

SELECTION = FeatureSelection(
    ids=(GAUSSIAN, GRADIENT), scales=(0.7, 1.6), matrix=((True, True), (False, True)), in_2d=(True, True)
)
CLASSES = (PaintedClass(1, "dark", (255, 0, 0)), PaintedClass(2, "bright", (0, 255, 0)))
SIZE = 600


class Painting:
    """Labels in an array, which count what is read of them."""

    def __init__(self, shape):
        self.array = np.zeros(shape, np.uint8)

    def read(self, region):
        return self.array[region]


class Counting(MemoryImage):
    """An image that notes which regions are read."""

    def __init__(self, pixels, axes):
        super().__init__("image", pixels, axes, axes_known="user")
        self.regions = []

    def _read(self, region):
        self.regions.append(region)
        return super()._read(region)


class Studio:
    """A session on an image whose right half is bright, and what it has emitted."""

    def __init__(self, axes="yx", shape=(SIZE, SIZE), live=True):
        noise = np.random.default_rng(0).integers(0, 30, shape, np.uint8)
        self.pixels = noise + np.where(np.arange(shape[-1]) < shape[-1] // 2, 20, 120).astype(np.uint8)
        self.image = Counting(self.pixels, axes)
        sizes = self.image.extents
        self.labels = Painting(tuple(sizes[key] for key in "tzyx"))
        self.worker = ThreadWorker()
        self.session = TrainingSession(Settings(CLASSES, SELECTION, n_trees=10), self.worker)
        self.tiles, self.trained = [], []
        self.session.painted.connect(self.tiles.append)
        self.session.trained.connect(self.trained.append)
        self.session.set_live(live)
        self.session.add(0, TrainingImage("image", (self.image,), self.labels))
        self.view(slice(0, 1), slice(0, shape[-2]), slice(0, shape[-1]))

    def view(self, *box, **facts):
        self.session.set_views([View(**{"image": 0, "level": 0, "t": 0, **facts}, box=box)])

    def paint(self, label, *region):
        region = (slice(0, 1),) * (4 - len(region)) + region
        self.labels.array[region] = label
        self.session.labels_changed(0, region)

    def paint_both(self):
        self.paint(1, slice(20, 30), slice(20, 60))
        self.paint(2, slice(20, 30), slice(400, 440))

    def wait_after_settings(self, *states):
        assert isinstance(self.session.state, Due)
        self.worker.wait_until(lambda: not isinstance(self.session.state, Due))
        return self.wait(*states)

    def wait(self, *states):
        self.worker.wait_until(lambda: isinstance(self.session.state, (*states, Failed)))
        assert isinstance(self.session.state, states), self.session.state
        return self.session.state


def test_strokes_of_two_classes_paint_all_tiles_of_the_view():
    """The tiles cover the view once, the middle first, and have the colours of the likelier class."""
    studio = Studio()
    studio.paint_both()
    studio.wait(Shown)
    covered = np.zeros((SIZE, SIZE), int)
    for tile in studio.tiles:
        covered[tile.box[1:]] += 1
        assert tile.colors.shape[:3] == tuple(side.stop - side.start for side in tile.box)
    assert (covered == 1).all()
    first = studio.tiles[0].box
    assert first[1].start <= SIZE // 2 <= first[1].stop
    assert first[2].start <= SIZE // 2 <= first[2].stop
    whole_image = studio.session.result.classifier.predict(studio.pixels, "yx")
    for tile in studio.tiles:
        np.testing.assert_array_equal(np.moveaxis(tile.probabilities[:, 0], 0, -1), whole_image[tile.box[1:]])


def test_a_single_class_waits_for_another():
    """Nothing is trained, and the sentence names the class that is there."""
    studio = Studio()
    studio.paint(1, slice(0, 5), slice(0, 5))
    state = studio.wait(Waiting)
    assert "Paint a stroke of bright too" in state.reason
    assert not studio.image.regions
    assert [len(one.positions) for one in studio.session.examples.values()] == [25]
    assert "dark" in state.reason
    assert not studio.trained


def test_only_new_pixels_are_computed_and_erased_ones_leave():
    """A second stroke reads pixels around it alone; the classifier is that of the labels as they are."""
    studio = Studio()
    studio.session.set_views([])
    studio.paint_both()
    studio.wait(Shown)
    studio.image.regions.clear()
    studio.paint(1, slice(500, 504), slice(10, 20))
    studio.paint(0, slice(20, 30), slice(20, 40))
    studio.wait(Shown)
    assert all(region[0].start > 450 for region in studio.image.regions)
    assert studio.session.result.n_examples == np.count_nonzero(studio.labels.array)
    fresh = Studio()
    fresh.labels.array[:] = studio.labels.array
    fresh.session.labels_changed(0, whole(fresh.labels.array.shape))
    fresh.wait(Shown)
    pixels = studio.pixels
    np.testing.assert_array_equal(
        fresh.session.result.classifier.predict(pixels, "yx"), studio.session.result.classifier.predict(pixels, "yx")
    )


def test_a_moved_view_is_predicted_without_training_and_only_where_it_is_new():
    """Tiles that were on the canvas before come from what is kept."""
    studio = Studio()
    studio.view(slice(0, 1), slice(0, 512), slice(0, 512))
    studio.paint_both()
    studio.wait(Shown)
    n_trained = len(studio.trained)
    studio.tiles.clear()
    studio.view(slice(0, 1), slice(40, 552), slice(0, 512))
    studio.wait(Shown)
    assert len(studio.trained) == n_trained
    new = [tile.box for tile in studio.tiles if tile.probabilities is not None]
    assert new
    assert all(box[1].stop > 512 for box in new)
    assert any(tile.probabilities is None for tile in studio.tiles)


def test_nothing_beyond_the_view_is_predicted_of_a_volume():
    """Of a volume one slice is predicted, and no tile leaves the view."""
    studio = Studio("zyx", (20, 300, 300))
    studio.session.set_selection(FeatureSelection(SELECTION.ids, SELECTION.scales, SELECTION.matrix, (True, False)))
    studio.view(slice(7, 8), slice(10, 110), slice(100, 280))
    studio.paint(1, slice(7, 8), slice(20, 30), slice(20, 60))
    studio.paint(2, slice(3, 4), slice(20, 30), slice(200, 240))
    studio.wait(Shown)
    assert {(tile.box[0].start, tile.box[0].stop) for tile in studio.tiles} == {(7, 8)}
    assert min(tile.box[1].start for tile in studio.tiles) == 10
    assert max(tile.box[2].stop for tile in studio.tiles) == 280


def test_another_selection_computes_all_features_again():
    """The classifier has the new features."""
    studio = Studio()
    studio.paint_both()
    studio.wait(Shown)
    studio.session.set_selection(FeatureSelection((GAUSSIAN,), (1.0,), ((True,),), (True,)))
    studio.wait_after_settings(Shown)
    assert studio.session.examples[0].features.shape == (800, 1)


def test_without_live_a_classifier_comes_when_it_is_asked_for():
    """Strokes alone train nothing; asking trains on all of them and paints nothing."""
    studio = Studio(live=False)
    studio.paint_both()
    assert isinstance(studio.session.state, Idle)
    studio.session.train()
    studio.worker.wait_until(lambda: studio.trained)
    assert studio.session.current is studio.trained[0]
    assert not studio.tiles
    assert studio.trained[0].n_examples == 800


def test_an_image_too_small_for_the_features_fails_with_the_remedy():
    """The sentence names the image, and the session goes on after the features are changed."""
    studio = Studio(shape=(30, 30))
    studio.session.set_selection(FeatureSelection((GAUSSIAN,), (10.0,), ((True,),), (True,)))
    studio.paint(1, slice(0, 5), slice(0, 5))
    studio.paint(2, slice(0, 5), slice(20, 25))
    studio.worker.wait_until(lambda: isinstance(studio.session.state, Failed))
    assert "too small" in studio.session.state.failure.reason
    studio.session.set_selection(SELECTION)
    studio.wait_after_settings(Shown)


def test_a_removed_image_takes_its_labels_along():
    """Without its only image the session says so."""
    studio = Studio()
    studio.paint_both()
    studio.session.remove(0)
    assert studio.wait(Waiting).reason.startswith("Add an image first")
    assert not studio.session.examples


def test_labels_of_a_removed_class_do_not_count():
    """Its pixels are left out of training, whatever number it had."""
    studio = Studio()
    studio.paint_both()
    studio.wait(Shown)
    studio.session.set_classes([CLASSES[1], PaintedClass(7, "third", (0, 0, 255))])
    state = studio.wait_after_settings(Waiting)
    assert "third" in state.reason
    assert "Only bright has labels" in state.reason


def test_what_is_kept_of_a_project_goes_with_the_classifier():
    """Labels of an image that was not found follow the numbers of the classes; export settings stay as they are."""
    studio = Studio(live=False)
    studio.session.set_classes([CLASSES[1], CLASSES[0]])
    block = LabelBlock((0, 0, 0, 0), np.array([1, 2, 3], np.uint8).reshape(1, 1, 1, 3))
    lost = MissingImage(number=0, lane=Lane(path="/gone.png"), blocks=(block,), reason="gone")
    studio.session.set_kept([lost], {"format": "numpy"})
    studio.paint_both()
    studio.session.train()
    studio.worker.wait_until(lambda: studio.trained)
    training = studio.trained[0].training
    assert training.missing[0].blocks[0].labels.ravel().tolist() == [2, 1, 0]
    assert training.export == {"format": "numpy"}


def test_compiling_is_told_while_a_step_takes_long():
    """Steps and result of the work come through, with a notice between them."""

    def work(should_cancel):
        yield 1
        tell_waiting()
        yield 2
        return should_cancel()

    steps = telling(work)(lambda: True)
    assert next(steps) == 1
    assert isinstance(next(steps), Notice)
    assert next(steps) == 2
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value is True


def test_a_stroke_drops_what_is_under_way():
    """Tiles of the classifier before are not painted over those of the one after."""
    studio = Studio()
    studio.paint_both()
    for i in range(5):
        studio.paint(1 + i % 2, slice(100 + i, 101 + i), slice(300 * (i % 2), 300 * (i % 2) + 50))
    studio.wait(Shown)
    assert studio.session.result.n_examples == np.count_nonzero(studio.labels.array)
    assert len(studio.trained) < 7


@pytest.mark.parametrize(("extent", "start"), [(1000, 0), (1000, 77), (300, 250), (90, 3), (257, 255)])
def test_tiles_of_any_view_cover_it(extent, start):
    """Wherever a view begins, its tiles are its pixels, each once, and none is a sliver of a larger view."""
    view = View(0, 0, 0, (slice(4, 5), slice(start, start + extent), slice(0, 60)), step=2)
    sides = sorted({(box[1].start, box[1].stop) for box in view.tiles()})
    assert (sides[0][0], sides[-1][1]) == (start, start + extent)
    assert all(a[1] == b[0] for a, b in pairwise(sides))
    assert all(stop - begin >= min(90, extent) for begin, stop in sides)


def test_kept_tiles_are_found_inside_larger_ones():
    """A part of a tile is found in it, in the same plane alone."""
    view = View(0, 0, 0, (slice(4, 5), slice(0, 256), slice(0, 256)))
    kept = KeptTiles()
    values = np.random.default_rng(0).random((2, 1, 256, 256), np.float32)
    kept.add(view, view.box, values)
    part = (slice(4, 5), slice(10, 50), slice(20, 30))
    np.testing.assert_array_equal(kept.find(view, part), values[:, :, 10:50, 20:30])
    other = View(0, 0, 0, (slice(5, 6), *view.box[1:]))
    assert kept.find(other, other.box) is None


def test_labels_of_examples_come_back_as_blocks():
    """The blocks hold every labelled pixel once."""
    labels = np.zeros((1, 3, 700, 500), np.uint8)
    labels[0, 1, 100:600, 7] = 2
    labels[0, 2, 5, 300:400] = 1
    positions = np.flatnonzero(labels)
    examples = ImageExamples(labels.shape, positions, labels.ravel()[positions], None)
    again = np.zeros_like(labels)
    for block in examples.blocks():
        again[tuple(slice(a, a + n) for a, n in zip(block.start, block.labels.shape, strict=True))] += block.labels
    np.testing.assert_array_equal(again, labels)


def test_overlays_have_the_colours_of_classes_or_of_uncertainty():
    """A pixel that is half and half is between two colours, of the first class, or quite uncertain."""
    half = np.full((2, 1, 1, 1), 0.5, np.float32)
    colors = [one.color for one in CLASSES]
    assert colors_of("Probabilities", half, colors)[0, 0, 0].tolist() == [128, 128, 0, 255]
    assert colors_of("Simple Segmentation", half, colors)[0, 0, 0].tolist() == [255, 0, 0, 255]
    assert colors_of("Uncertainty", half, colors)[0, 0, 0].tolist() == [*UNCERTAIN, 255]
    assert not colors_of("Probabilities", 0 * half, colors).any()


def test_new_labels_are_not_looked_through():
    """Of an image without labels only what is painted is read, however large it is."""
    studio = Studio(live=False)
    read = []
    labels = Painting((1, 1, SIZE, SIZE))
    labels.read = lambda region: read.append(region) or labels.array[region]
    studio.session.add(1, TrainingImage("new", (studio.image,), labels), painted=())
    labels.array[0, 0, :5, :5] = 1
    studio.session.labels_changed(1, (slice(0, 1), slice(0, 1), slice(0, 5), slice(0, 5)))
    studio.paint_both()
    studio.session.train()
    studio.worker.wait_until(lambda: studio.trained)
    assert [region[2] for region in read] == [slice(0, 5)]
    assert studio.trained[0].n_examples == 825
