"""A training session: images with labels, settings, a view; and the classifier and its prediction that follow them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

from psygnal import Signal

from napari_batch_prediction.classifiers.base import PROBABILITIES
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.session.telling import telling
from napari_batch_prediction.session.training import steps
from napari_batch_prediction.session.training.examples import ImageExamples, whole
from napari_batch_prediction.session.training.fit import NotYet, Trained, missing
from napari_batch_prediction.session.training.image import PaintedClass, Region, Settings, TrainingImage
from napari_batch_prediction.session.training.state import (
    Due,
    Failed,
    Idle,
    Showing,
    Shown,
    Training,
    TrainingState,
    Waiting,
)
from napari_batch_prediction.session.training.steps import Collected, Painted, PixelCache, Show
from napari_batch_prediction.session.training.view import KeptTiles, View
from napari_batch_prediction.session.work import Failure, Worker
from napari_batch_prediction.training.training_set import MissingImage

# Changes of settings are acted on once they pause, in seconds; a stroke at once.
SETTINGS_AFTER = 0.25

NO_IMAGES = "Add an image first, with Add layer or Add files..."
NO_FEATURES = "Tick at least one feature."


class TrainingSession:
    """Trains after every change while it is live, and predicts the views. One thread uses it and gets all its signals.

    Parameters
    ----------
    settings
        Classes, features and trees to begin with.
    worker
        Runs work in the background.

    Attributes
    ----------
    state_changed
        The session is in another state; emitted with it.
    collected
        The labelled pixels are counted; emitted without an argument.
    trained
        A classifier is trained on everything as it is; emitted with it.
    painted
        A tile of a view is predicted; emitted with the :class:`~.steps.Painted`.
    settings
        Classes, features and trees.
    result
        The last classifier and how good it is; None before there is one.
    examples
        The labelled pixels of each image when they were last collected.
    seconds
        Time from the last change to the last tile of the views.
    """

    state_changed = Signal(object)
    collected = Signal()
    trained = Signal(Trained)
    painted = Signal(Painted)

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self.settings = settings
        self.result: Trained | None = None
        self.examples: dict[int, ImageExamples] = {}
        self.seconds = 0.0
        self._state: TrainingState = Idle()
        self._images: dict[int, TrainingImage] = {}
        self._changed: dict[int, list[Region]] = {}
        self._views: tuple[View, ...] = ()
        self._overlay: str = PROBABILITIES
        self._kept, self._pixels = KeptTiles(), PixelCache()
        # Live is on; a classifier is asked for while it is off; everything is trained on as it is.
        self._is_live = self._is_wanted = self._is_current = False
        self._since = 0.0
        self._worker = worker
        self._pause = worker.pause(SETTINGS_AFTER, self._go_on)

    @property
    def state(self) -> TrainingState:
        """The state of the session."""
        return self._state

    @property
    def images(self) -> dict[int, TrainingImage]:
        """The images by their numbers."""
        return dict(self._images)

    @property
    def current(self) -> Trained | None:
        """The classifier that is trained on everything as it is; None if there is none yet."""
        return self.result if self._is_current else None

    @property
    def problem(self) -> str:
        """The reason why nothing can be trained, in words, as far as it is known; empty if there is none."""
        if not self._images:
            return NO_IMAGES
        if not self.settings.selection.used_scales:
            return NO_FEATURES
        return "" if self._changed else missing(self.examples, self.settings)

    def add(self, number: int, image: TrainingImage, painted: Sequence[Region] | None = None) -> None:
        """Add an image with the labels that it has.

        Parameters
        ----------
        number
            A number that no other image has had.
        image
            The image.
        painted
            The regions that may have labels, so that no others are looked through; all if None.
        """
        self._images[number] = image
        self.labels_changed(number, *([whole(image.shape)] if painted is None else painted))

    def remove(self, number: int) -> None:
        """Remove an image with its labels; without effect if it is gone."""
        if self._images.pop(number, None) is not None:
            self._changed.pop(number, None)
            self.examples.pop(number, None)
            self._pixels.forget(number)
            self._views = tuple(view for view in self._views if view.image != number)
            self.collected.emit()
            self._change(at_once=True)

    def labels_changed(self, number: int, *regions: Region) -> None:
        """Train again, since labels of an image may have changed in these regions."""
        if number in self._images:
            self._changed.setdefault(number, []).extend(regions)
            self._change(at_once=True)

    def set_classes(self, classes: Sequence[PaintedClass]) -> None:
        """Set the classes. Other names and colours need no training."""
        before = self.settings
        self.settings = replace(before, classes=tuple(classes))
        self._change(at_once=False)

    def set_selection(self, selection: FeatureSelection) -> None:
        """Set the features; all are computed again."""
        if selection != self.settings.selection:
            self.settings = replace(self.settings, selection=selection)
            self.examples = {number: one.without_features() for number, one in self.examples.items()}
            self._change(at_once=False)

    def set_kept(self, missing: Sequence[MissingImage], export: Mapping[str, Any] | None = None) -> None:
        """Set what is kept of an opened project: images that were not found and, if given, its export settings."""
        export = self.settings.export if export is None else export
        if (tuple(missing), export) != (self.settings.missing, self.settings.export):
            self.settings = replace(self.settings, missing=tuple(missing), export=export)
            self._change(at_once=False)

    def set_trees(self, n_trees: int) -> None:
        """Set the number of trees."""
        if n_trees != self.settings.n_trees:
            self.settings = replace(self.settings, n_trees=n_trees)
            self._change(at_once=False)

    def set_overlay(self, overlay: str) -> None:
        """Set what is drawn of the prediction."""
        if overlay != self._overlay:
            self._overlay = overlay
            self._show_again()

    def set_views(self, views: Sequence[View]) -> None:
        """Set what is on the canvas, the most important first. What is new there is predicted, without training."""
        if tuple(views) != self._views:
            self._views = tuple(views)
            self._show_again()

    def set_live(self, live: bool) -> None:
        """Begin or stop to train and to predict after every change."""
        if live != self._is_live:
            self._is_live = live
            self._since = perf_counter()
            self._go_on()

    def train(self) -> None:
        """Train on everything as it is, also while it is not live; ``trained`` or another state follows."""
        self._is_wanted = True
        if self.current is not None:
            self._on_current()
        elif not isinstance(self._state, Training):
            self._go_on()

    def close(self) -> None:
        """Stop everything."""
        self._is_live = self._is_wanted = False
        self._go_on()

    def _change(self, *, at_once: bool) -> None:
        """Drop what is under way, since it is out of date, and begin anew."""
        self._is_current = False
        self._since = perf_counter()
        self._drop()
        if at_once or not self._is_live:
            self._go_on()
        else:
            self._go(Due())
            self._pause.start()

    def _show_again(self) -> None:
        """Predict the views anew, unless a classifier is still to be trained for that."""
        if self._is_current and self._is_live and not isinstance(self._state, Training):
            self._since = perf_counter()
            self._go_on()

    def _drop(self) -> None:
        self._pause.stop()
        if isinstance(self._state, Training | Showing):
            self._state.task.drop()

    def _go(self, state: TrainingState) -> None:
        self._state = state
        self.state_changed.emit(state)

    def _go_on(self) -> None:
        """Begin whatever is due: training, or else predicting the views."""
        self._drop()
        if not self._is_live and not self._is_wanted:
            self._go(Idle())
        elif problem := self.problem:
            self._is_wanted = False
            self._go(Waiting(problem))
        elif not self._is_current:
            work = partial(steps.train, self.images, dict(self.examples), dict(self._changed), self.settings)
            self._go(Training(self._worker.run(telling(work), self._on_step, self._on_trained)))
        elif self._is_live and self.result is not None:
            colors = [one.color for one in self.settings.classes]
            wanted = Show(
                self.images, self._views, self.result.classifier, self._overlay, colors, self._kept, self._pixels
            )
            self._go(Showing(self._worker.run(telling(partial(steps.show, wanted)), self._on_step, self._on_shown)))
        else:
            self._go(Idle())

    def _on_step(self, step: Collected | Painted | Notice) -> None:
        match step:
            case Collected():
                self._on_collected(step)
            case Painted():
                self._on_painted(step)
            case Notice(text) if isinstance(self._state, Training | Showing):
                self._go(replace(self._state, notice=text))

    def _on_collected(self, step: Collected) -> None:
        self.examples = dict(step.examples)
        self._changed.clear()
        self.collected.emit()

    def _on_trained(self, result: Trained | NotYet | Failure) -> None:
        if isinstance(result, Failure):
            self._is_wanted = False
            self._go(Failed(result))
        elif isinstance(result, NotYet):
            self._is_wanted = False
            self._go(Waiting(result.reason))
        else:
            self.result, self._is_current = result, True
            self._kept.clear()
            self._on_current()

    def _on_current(self) -> None:
        """Tell of the classifier, and go on to what is on the canvas."""
        self._is_wanted = False
        if self.result is not None:
            self.trained.emit(self.result)
        if self._is_current and not isinstance(self._state, Shown | Showing | Idle):
            self._go_on()

    def _on_painted(self, step: Painted) -> None:
        if step.probabilities is not None:
            self._kept.add(step.view, step.box, step.probabilities)
        self.painted.emit(step)

    def _on_shown(self, result: Failure | None) -> None:
        self.seconds = perf_counter() - self._since
        self._go(Failed(result) if isinstance(result, Failure) else Shown())
