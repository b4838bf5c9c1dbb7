"""The pieces of work of a training session, each done in the background."""

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import PROBABILITIES
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.base import ClassForest
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Box, Context, Tile, n_cores
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.session.training.examples import ImageExamples, complete, look_again
from napari_batch_prediction.session.training.fit import NotYet, Trained, fit, missing
from napari_batch_prediction.session.training.image import Images, Region, Settings
from napari_batch_prediction.session.training.overlay import OVERLAYS, colors_of
from napari_batch_prediction.session.training.view import KeptTiles, View
from napari_batch_prediction.session.work import ShouldCancel

# Pixels of an image that are kept from stroke to stroke; of larger views they are read again for each tile.
_KEPT_BYTES = 2**28

# Pixels along each side of a preview.
_PREVIEW = 384

Known = Mapping[int, ImageExamples]
"""The labelled pixels of each image."""


class Collected(NamedTuple):
    """The labelled pixels as they are now; features may be missing."""

    examples: Known


class Painted(NamedTuple):
    """A tile of the prediction.

    Attributes
    ----------
    view
        The view that it belongs to.
    box
        The tile, within that view.
    colors
        Red, green, blue and opacity (z, y, x, 4) of the pixels that are kept.
    probabilities
        float32 (classes, z, y, x); None if they were known before.
    """

    view: View
    box: Box
    colors: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None


class PixelCache:
    """Pixels around the views, so that they are not read again for every stroke. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._blocks: dict[tuple[int, int, int], tuple[Box, NDArray]] = {}

    def forget(self, image: int) -> None:
        """Drop the pixels of an image."""
        with self._lock:
            self._blocks = {key: value for key, value in self._blocks.items() if key[0] != image}

    def load(self, view: View, image: Image, outer: Box) -> None:
        """Read the pixels of a view and its context, unless they are there or would be too many."""
        sizes = [s.stop - s.start for s in outer]
        if self._find(view, outer) is not None or prod(sizes) * image.extents["c"] * image.dtype.itemsize > _KEPT_BYTES:
            return
        block = image.read_czyx(view.t, *outer)
        with self._lock:
            self._blocks[view.image, view.level, view.t] = outer, block
            while sum(values.nbytes for _, values in self._blocks.values()) > _KEPT_BYTES and len(self._blocks) > 1:
                del self._blocks[next(iter(self._blocks))]

    def read(self, view: View, image: Image, outer: Box) -> NDArray:
        """Return the pixels (c, z, y, x) of a box."""
        found = self._find(view, outer)
        return image.read_czyx(view.t, *outer) if found is None else found

    def _find(self, view: View, outer: Box) -> NDArray | None:
        with self._lock:
            kept = self._blocks.get((view.image, view.level, view.t))
        if kept is None or not all(
            k.start <= s.start and s.stop <= k.stop for k, s in zip(kept[0], outer, strict=True)
        ):
            return None
        inside = (slice(s.start - k.start, s.stop - k.start) for k, s in zip(kept[0], outer, strict=True))
        return kept[1][(slice(None), *inside)]


def train(
    images: Images,
    known: Known,
    changed: Mapping[int, Sequence[Region]],
    settings: Settings,
    should_cancel: ShouldCancel,
) -> Generator[Collected, None, Trained | NotYet]:
    """Collect the labelled pixels, and train on them.

    Parameters
    ----------
    images
        The images.
    known
        Their labelled pixels as they were.
    changed
        Regions of the images in which labels have changed since.
    settings
        Classes, features and trees.
    should_cancel
        See :data:`~napari_batch_prediction.session.work.Work`.
    """
    for image in images.values():
        check_size(image.name, image.image, settings)
    examples = {}
    for key, image in images.items():
        one = known.get(key, ImageExamples.none_of(image.shape))
        one = look_again(image, one, changed.get(key, ()), should_cancel)
        if should_cancel():
            return NotYet("")
        examples[key] = one
    # The counts follow a stroke at once, and features are computed only if there is something to train.
    yield Collected(dict(examples))
    if reason := missing(examples, settings):
        return NotYet(reason)
    for key, image in images.items():
        try:
            examples[key] = complete(image, examples[key], settings.selection, should_cancel)
        except CancelledError:
            return NotYet("")
    yield Collected(examples)
    return fit(images, examples, settings, should_cancel)


def warm_up(selection: FeatureSelection, n_channels: int) -> None:
    """Load or compile all that training and predicting take, by doing it with the smallest image there can be."""
    depth, height, width = selection.min_extents
    pixels = np.random.default_rng(0).random((n_channels, depth, height, max(width, 2)), np.float32)
    features = ENGINE.prepare(selection, n_channels).features(pixels, (slice(0, 1), slice(0, 1), slice(0, 2)))
    rows = np.repeat(features.reshape(len(features), -1).T, 2, axis=0)
    forest = grow_forest(rows, np.array([0, 0, 1, 1]), 2, n_trees=2)
    model = ClassForest(forest.trees, (0, 1), 2)
    values = ENGINE.prepare(selection, n_channels, model).predict(pixels, (slice(0, 1), slice(0, 1), slice(0, 2)))
    for overlay in OVERLAYS:
        colors_of(overlay, values, [(0, 0, 0), (0, 0, 0)])


def preview(image: Image, view: View, selection: FeatureSelection) -> NDArray[np.float32]:
    """Return a feature (y, x) of the first channel, in the middle of a view; of several values the first.

    Raises
    ------
    ImageMismatchError
        If the image is too small for it.
    """
    selection.check_extents(*(image.extents[key] for key in "zyx"))
    sides = []
    for side in view.box:
        start = max((side.start + side.stop - _PREVIEW) // 2, side.start)
        sides.append(slice(start, min(start + _PREVIEW, side.stop)))
    outer, inner = Tile(view.t, *sides).with_context(image.extents, Context(*selection.context))
    block = image.read_czyx(view.t, *outer)[:1]
    values: NDArray[np.float32] = ENGINE.prepare(selection, 1).features(block, inner)[0]
    return values.reshape([n for n in values.shape if n > 1] or [1, 1])


def check_size(name: str, image: Image, settings: Settings) -> None:
    """Raise an error if an image is too small for the features."""
    try:
        settings.selection.check_extents(*(image.extents[key] for key in "zyx"))
    except ImageMismatchError as error:
        raise ImageMismatchError(
            f"{name}: {error} Or untick the features of the largest scale, or choose 2D for it if the image has few "
            "slices."
        ) from error


@dataclass(frozen=True, eq=False, slots=True)
class Show:
    """Everything that is needed to draw what is on the canvas.

    Attributes
    ----------
    images
        The images.
    views
        What is to be drawn, the most important first.
    classifier
        The classifier.
    overlay, colors
        The source to draw, and the colour of each class.
    kept
        Tiles that are predicted already.
    pixels
        Pixels that are read already.
    """

    images: Images
    views: Sequence[View]
    classifier: PixelClassification
    overlay: str
    colors: Sequence[Color]
    kept: KeptTiles
    pixels: PixelCache


def show(wanted: Show, should_cancel: ShouldCancel) -> Generator[Painted, None, None]:
    """Predict what is on the canvas, tile by tile from its middle outward; those that are known come first."""
    missing: list[tuple[View, Box]] = []
    for view in wanted.views:
        for box in view.tiles():
            values = wanted.kept.find(view, box)
            if values is None:
                missing.append((view, box))
            else:
                yield Painted(view, box, colors_of(wanted.overlay, values, wanted.colors), None)
            if should_cancel():
                return
    with ThreadPoolExecutor(n_cores(), thread_name_prefix="show") as pool:
        waiting: deque[Future[Painted | None]] = deque()
        try:
            _load_pixels(wanted, missing)
            for view, box in missing:
                waiting.append(pool.submit(_predict, wanted, view, box, should_cancel))
            while waiting:
                if (painted := waiting.popleft().result()) is not None:
                    yield painted
                if should_cancel():
                    return
        finally:
            for future in waiting:
                future.cancel()


def _load_pixels(wanted: Show, missing: Sequence[tuple[View, Box]]) -> None:
    """Have the pixels of the views of which tiles are missing."""
    for view in wanted.views:
        if any(view is other for other, _ in missing):
            image = wanted.images[view.image].levels[view.level]
            wanted.pixels.load(view, image, _around(wanted, view, view.box)[0])


def _around(wanted: Show, view: View, box: Box) -> tuple[Box, Box]:
    """Return a box with its context, and the box in that."""
    image = wanted.images[view.image].levels[view.level]
    return Tile(view.t, *box).with_context(image.extents, wanted.classifier.context)


def _predict(wanted: Show, view: View, box: Box, should_cancel: ShouldCancel) -> Painted | None:
    """Predict a tile; return None without doing so if the work has to stop."""
    if should_cancel():
        return None
    image = wanted.images[view.image].levels[view.level]
    outer, inner = _around(wanted, view, box)
    block = wanted.pixels.read(view, image, outer)
    if should_cancel():
        return None
    values = view.thinned(wanted.classifier.predict_tile(block, inner, [PROBABILITIES])[PROBABILITIES])
    return Painted(view, box, colors_of(wanted.overlay, values, wanted.colors), values)
