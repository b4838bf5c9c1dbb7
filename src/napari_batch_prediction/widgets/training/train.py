"""The dock widget in which a classifier is trained: from an image and strokes to a classifier."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.features.choice import default_selection, fitted
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.session.training.examples import counts
from napari_batch_prediction.session.training.fit import Trained
from napari_batch_prediction.session.training.image import PaintedClass, Settings
from napari_batch_prediction.session.training.session import TrainingSession
from napari_batch_prediction.session.training.state import TrainingState, Waiting
from napari_batch_prediction.session.training.steps import preview, warm_up
from napari_batch_prediction.session.training.view import View
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.training.training_set import MissingImage
from napari_batch_prediction.widgets.parts.focus import focus_style
from napari_batch_prediction.widgets.parts.page import ScrollArea
from napari_batch_prediction.widgets.parts.wheel import let_wheel_scroll
from napari_batch_prediction.widgets.training.actions import TrainingActions
from napari_batch_prediction.widgets.training.bar import TrainingBar
from napari_batch_prediction.widgets.training.canvas.files import STORED, open_as_layer
from napari_batch_prediction.widgets.training.canvas.images import PaintableImage, why_unlike
from napari_batch_prediction.widgets.training.canvas.layers import TrainedLayers
from napari_batch_prediction.widgets.training.canvas.visible import visible
from napari_batch_prediction.widgets.training.classes import ClassesSection
from napari_batch_prediction.widgets.training.images import TrainingImagesSection
from napari_batch_prediction.widgets.training.projects import Opened, OpenedImage, region_of, with_labels
from napari_batch_prediction.widgets.training.settings import FeaturesSection, OverlaySection
from napari_batch_prediction.widgets.viewer_layers import image_layers
from napari_batch_prediction.widgets.work import QtWorker, in_background

if TYPE_CHECKING:
    import napari.viewer


class TrainClassifierWidget(QWidget):
    """Paint strokes on images, see the prediction while painting, and keep the classifier.

    Parameters
    ----------
    napari_viewer
        The viewer; napari passes it in.

    Attributes
    ----------
    changed
        Classes, features or trees have changed.
    trained
        A classifier is trained on everything as it is; emitted with the
        :class:`~napari_batch_prediction.session.training.fit.Trained`.
    """

    changed = Signal()
    trained = Signal(object)

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.classes, self.features = ClassesSection(), FeaturesSection()
        self.session = TrainingSession(self.value(), QtWorker(self))
        self.layers = TrainedLayers(napari_viewer, self.session, self)
        self.images = TrainingImagesSection(napari_viewer)
        self.overlay, self.bar = OverlaySection(), TrainingBar()
        self.actions_of_bar = TrainingActions(napari_viewer, self.session, self.layers, self)
        self._unseen = ""
        # Features are chosen by the user; until then the first image decides.
        self._has_features = self._is_warm = False
        self._lay_out()
        self._connect()
        self._set_docked(True)
        self._set_style()
        self.bar.setValue(True)

    def _lay_out(self) -> None:
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(6, 4, 6, 4)
        inner.setSpacing(6)
        for section, stretch in ((self.images, 1), (self.classes, 2), (self.features, 0), (self.overlay, 0)):
            inner.addWidget(section, stretch)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(ScrollArea(content), 1)
        outer.addWidget(self.bar)
        let_wheel_scroll(self)

    def _connect(self) -> None:
        self.images.layers_wanted.connect(self._add_layers)
        self.images.files_wanted.connect(self.add_files)
        self.images.chosen.connect(self._choose_image)
        self.images.removed.connect(self.layers.remove)
        self.images.axes_wanted.connect(self._set_axes)
        self.classes.changed.connect(self._on_classes)
        self.classes.brush_wanted.connect(self.layers.paint)
        self.classes.removed.connect(self.layers.erase_class)
        self.features.changed.connect(self._on_features)
        self.features.preview = self._preview
        self.overlay.changed.connect(self._on_overlay)
        self.layers.changed.connect(self._on_images)
        self.layers.problem.connect(self.images.say)
        self.layers.unseen.connect(self._on_unseen)
        self.layers.label_chosen.connect(self.classes.select)
        self.layers.overlay_removed.connect(lambda: self.bar.setValue(False))
        self.bar.live_changed.connect(self._on_live)
        self._connect_actions()
        self.session.state_changed.connect(self._on_state)
        self.session.collected.connect(self._on_collected)
        self.session.trained.connect(self._on_trained)

    def _connect_actions(self) -> None:
        actions = self.actions_of_bar
        self.bar.save_clicked.connect(actions.save)
        self.bar.open_clicked.connect(actions.open)
        self.bar.report_clicked.connect(actions.report)
        self.bar.predict_clicked.connect(actions.predict_many)
        actions.told.connect(self._tell)
        actions.failed.connect(self.bar.say)
        actions.smaller_wanted.connect(lambda selection: self.features.setValue(selection, self.features.value()[1]))
        actions.projects.opened.connect(self.take)
        actions.projects.found.connect(self._on_found)
        self.images.find_clicked.connect(lambda: actions.projects.find(self.session.settings.missing[0]))

    def value(self) -> Settings:
        """Return classes, features and trees."""
        selection, n_trees = self.features.value()
        own = Settings(self.classes.value(), selection, n_trees)
        if not hasattr(self, "session"):
            return own
        return replace(own, missing=self.session.settings.missing, export=self.session.settings.export)

    def setValue(self, settings: Settings) -> None:
        """Set classes, features and trees."""
        self._has_features = True
        self.classes.setValue(settings.classes)
        self.features.setValue(settings.selection, settings.n_trees)

    def add_image(self, *layers: ImageLayer, axes: str | None = None) -> None:
        """Train on a layer, or on several as the channels of one image; the brush is ready then.

        Raises
        ------
        AxesError, ImageReadError, ImageMismatchError
            If they are no image, or do not go together with the images that are there.
        """
        entry = self.layers.add(layers, axes)
        if not self._has_features:
            self._has_features = True
            self.features.setValue(default_selection(entry.image.image.extents), self.features.value()[1])
        self.images.select(entry.number)
        self._take_brush()
        self._warm_up(entry.image.image.extents["c"])

    def _warm_up(self, n_channels: int) -> None:
        """Have everything loaded when the first stroke ends."""
        if not self._is_warm:
            self._is_warm = True
            in_background(partial(warm_up, self.value().selection, n_channels), self)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Open images as layers, and train on them."""
        for path in paths:
            in_background(partial(open_as_layer, path), self, self._on_opened)

    def changeEvent(self, event: QEvent | None) -> None:
        """Stop everything when napari removes the dock; being hidden does not count."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            self._set_docked(self.parent() is not None)
            if self.parent() is None:
                self.session.close()
        super().changeEvent(event)

    def _set_docked(self, docked: bool) -> None:
        self.layers.set_docked(docked)
        if docked:
            self._viewer.events.theme.connect(self._set_style)
        else:
            self._viewer.events.theme.disconnect(self._set_style)

    def _set_style(self) -> None:
        self.setStyleSheet(focus_style(self._viewer.theme))

    def _add_layers(self, layers: list[ImageLayer], together: bool) -> None:
        for one in [layers] if together else [[layer] for layer in layers]:
            try:
                self.add_image(*one)
            except BatchPredictionError as error:
                self.images.say(str(error))

    def open(self, path: Path) -> None:
        """Open a project to go on training it; it takes the place of everything here."""
        self.actions_of_bar.projects.open(path)

    def is_empty(self) -> bool:
        """Return True if there are no images."""
        return not self.layers.entries

    def take(self, opened: Opened) -> None:
        """Go on with a project that is opened; images that are layers already get their labels."""
        training = opened.training
        for entry in self.layers.entries:
            self.layers.remove(entry.number)
        classes = [
            PaintedClass(i, name, color)
            for i, (name, color) in enumerate(zip(training.class_names, training.class_colors, strict=True), start=1)
        ]
        self.setValue(Settings(tuple(classes), training.selection, training.n_trees))
        self.session.set_kept(training.missing, training.export)
        for image in opened.images:
            self._add_opened(image)
        self._show_missing()
        self._tell(f"Opened {opened.path}")

    def _on_found(self, missing: MissingImage, image: OpenedImage) -> None:
        if self._add_opened(image):
            self.session.set_kept([one for one in self.session.settings.missing if one is not missing])
            self._show_missing()

    def _add_opened(self, image: OpenedImage) -> bool:
        """Add an image of a project with its labels; return False if that is not possible."""
        layer = self._shown(image.layer) or self._viewer.add_layer(image.layer)
        try:
            labels = with_labels(PaintableImage.of([layer]), image.blocks)
            painted = [region_of(block) for block in image.blocks]
            entry = self.layers.add([layer], labels=labels, painted=painted)
        except (BatchPredictionError, ValueError) as error:
            self.images.say(f"{error}")
            return False
        self.images.select(entry.number)
        return True

    def _shown(self, layer: ImageLayer) -> ImageLayer | None:
        """Return the layer of the viewer with the image of another one; None if there is none."""
        stored = layer.metadata.get(STORED)
        same = (one for one in image_layers(self._viewer) if one.metadata.get(STORED) is stored)
        return next(same, None) if stored is not None else None

    def _show_missing(self) -> None:
        self.images.set_missing([f"{one.lane.path}: {one.reason}" for one in self.session.settings.missing])

    def _tell(self, text: str) -> None:
        self._viewer.status = text

    def _on_opened(self, layer: ImageLayer | Failure) -> None:
        if isinstance(layer, Failure):
            self.images.say(layer.reason)
            return
        self._viewer.add_layer(layer)
        self._add_layers([layer], together=False)

    def _set_axes(self, number: int, axes: str) -> None:
        entry = next(entry for entry in self.layers.entries if entry.number == number)
        others = [other for other in self.layers.entries if other is not entry]
        try:
            image = PaintableImage.of(entry.image.layers, axes)
            if reason := next(filter(None, (why_unlike(image, other.image) for other in others)), ""):
                self.images.say(reason)
                return
        except BatchPredictionError as error:
            self.images.say(str(error))
            return
        self.layers.remove(number)
        self.add_image(*entry.image.layers, axes=axes)

    def _choose_image(self, number: int) -> None:
        self.layers.choose(number)
        self._take_brush()

    def _take_brush(self) -> None:
        if (one := self.classes.selected()) is not None:
            self.layers.paint(one.label)

    def _on_images(self) -> None:
        entries = self.layers.entries
        self.images.show_entries(entries)
        deep = [entry.image.image.extents["z"] for entry in entries]
        self.features.set_depth(max(deep, default=1))
        self.bar.show_state(self.session, self._unseen)

    def _on_classes(self) -> None:
        self.layers.set_classes(self.classes.value())
        self.session.set_classes(self.classes.value())
        self.changed.emit()

    def _on_features(self) -> None:
        selection, n_trees = self.features.value()
        self._has_features = True
        self.session.set_selection(selection)
        self.session.set_trees(n_trees)
        self.layers.look()
        self.changed.emit()

    def _on_overlay(self) -> None:
        source, opacity = self.overlay.value()
        self.layers.set_opacity(opacity)
        self.session.set_overlay(source)

    def _on_live(self, live: bool) -> None:
        if live:
            self.layers.set_shown(True)
            self.layers.look()
        self.session.set_live(live)

    def _on_unseen(self, reason: str) -> None:
        if reason != self._unseen:
            self._unseen = reason
            self.bar.show_state(self.session, reason)

    def _on_state(self, state: TrainingState) -> None:
        if isinstance(state, Waiting):
            # A prediction of labels that are gone would mislead.
            for entry in self.layers.entries:
                entry.overlay.clear()
        self.bar.show_state(self.session, self._unseen)

    def _on_collected(self) -> None:
        self.classes.set_counts(counts(self.session.examples))
        self.images.set_counts(self.session.examples)

    def _on_trained(self, result: Trained) -> None:
        self.trained.emit(result)

    def _preview(self, selection: FeatureSelection) -> Any:
        """Return the work that computes a feature of the middle of what is on the canvas."""
        entry = self.layers.current
        if entry is None:
            return "Add an image to see its features."
        view = visible(self._viewer, entry.number, entry.image, entry.labels, selection.min_extents)
        if not isinstance(view, View):
            return view or "Nothing of the image is on the canvas."
        image = entry.image.levels[view.level]
        selection = fitted(selection, image.extents["z"])
        return partial(preview, image, view, selection)
