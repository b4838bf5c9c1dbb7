"""The images of a training on the viewer, with their layers of labels and of predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.colors import Color
from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.session.training.image import PaintedClass, Region
from napari_batch_prediction.session.training.session import TrainingSession
from napari_batch_prediction.session.training.steps import Painted
from napari_batch_prediction.session.training.view import View
from napari_batch_prediction.widgets.canvas.opengl import make_current
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.training.canvas.entry import Entry, are_apart, go_to, why_not_trained
from napari_batch_prediction.widgets.training.canvas.images import PaintableImage, label_colors, labels_left, why_unlike
from napari_batch_prediction.widgets.training.canvas.overlay import OverlayLayer
from napari_batch_prediction.widgets.training.canvas.strokes import Sides, Strokes
from napari_batch_prediction.widgets.training.canvas.visible import visible

if TYPE_CHECKING:
    from napari.components import ViewerModel

# The view is looked at so often while it moves, and once more when it rests, in milliseconds.
LOOK_EVERY_MS, REST_MS = 80, 300


class TrainedLayers(QObject):
    """Adds layers to images that are trained on, and follows strokes, the view, and layers that go.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    session
        The session.
    parent
        The owner, in the viewer's window.

    Attributes
    ----------
    changed
        Images were added or removed.
    problem
        Something happened to a layer, in words; empty once an image is added.
    unseen
        What is on the canvas cannot be predicted, in words; empty if it can.
    label_chosen
        Another label is painted; emitted with it.
    overlay_removed
        The user has removed the layer of a prediction.
    """

    changed = Signal()
    problem = Signal(str)
    unseen = Signal(str)
    label_chosen = Signal(int)
    overlay_removed = Signal()

    def __init__(self, viewer: "ViewerModel", session: TrainingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._session = viewer, session
        self._entries: dict[int, Entry] = {}
        self._next = 0
        self._current = -1
        self._opacity: float | None = None
        self._shown: dict[int, Color] = {}
        self._is_removing = self._docked = self._told_of_other = False
        self._look = single_shot(self, LOOK_EVERY_MS, self.look)
        self._rest = single_shot(self, REST_MS, self.look)
        session.painted.connect(self._on_painted)
        self.set_docked(True)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The images in the order in which they were added."""
        return tuple(self._entries.values())

    @property
    def current(self) -> Entry | None:
        """The image that is painted."""
        return self._entries.get(self._current)

    def add(
        self,
        layers: Sequence[ImageLayer],
        axes: str | None = None,
        labels: Any = None,
        painted: Sequence[Region] | None = None,
    ) -> Entry:
        """Add an image, with a layer of labels to paint on.

        Parameters
        ----------
        layers
            Its layer, or several that are its channels.
        axes
            Its axes, if the user names them.
        labels
            Labels that it has, in the axes of their layer; the layer of labels that it had before, or empty ones, if
            None.
        painted
            The regions that may have labels; all if None.

        Raises
        ------
        AxesError, ImageReadError
            If the layers are no image.
        ImageMismatchError
            If the image does not go together with those that are there.
        """
        image = PaintableImage.of(layers, axes)
        for other in self.entries:
            if reason := why_unlike(image, other.image):
                raise ImageMismatchError(reason)
        classes, used = self._session.settings.classes, [entry.labels for entry in self.entries]
        if labels is not None:
            layer = image.labels_layer(labels, classes)
        else:
            layer = labels_left(image, self._viewer.layers, used, classes)
        if layer is None:
            # There is nothing to look through, however large it is.
            layer, painted = image.labels_layer(image.new_labels(), self._session.settings.classes), ()
        number, self._next = self._next, self._next + 1
        overlay = OverlayLayer(image, self)
        if self._opacity is not None:
            overlay.layer.opacity = self._opacity
        top = max(self._viewer.layers.index(one) for one in image.layers) + 1
        self._viewer.layers.insert(top, overlay.layer)
        if layer not in self._viewer.layers:
            self._viewer.layers.insert(top + 1, layer)
        strokes = Strokes(
            layer, lambda sides: self._on_painted_labels(number, sides), lambda: self._on_replaced(number), self
        )
        entry = Entry(number, image, layer, overlay, strokes)
        self._entries[number] = entry
        layer.events.selected_label.connect(self._on_label)
        for one in image.layers:
            one.events.visible.connect(self._on_view)
        self._session.add(number, image.training_image(layer), painted)
        self.problem.emit("")
        self.changed.emit()
        self._on_view()
        return entry

    def remove(self, number: int) -> None:
        """Do not train on an image any more; its labels stay in the viewer, its prediction goes."""
        entry = self._entries.pop(number, None)
        if entry is None:
            return
        entry.strokes.stop()
        entry.strokes.deleteLater()
        entry.labels.events.selected_label.disconnect(self._on_label)
        for one in entry.image.layers:
            one.events.visible.disconnect(self._on_view)
        if entry.overlay.layer in self._viewer.layers:
            self._is_removing = True
            make_current(self)
            self._viewer.layers.remove(entry.overlay.layer)
            self._is_removing = False
        entry.overlay.deleteLater()
        self._session.remove(number)
        self.changed.emit()

    def choose(self, number: int) -> None:
        """Paint an image: show it, and hide others that lie in its place."""
        entry = self._entries.get(number)
        if entry is None:
            return
        self._current = number
        for other in self.entries:
            if other is entry or are_apart(other, entry):
                continue
            for layer in other.layers:
                layer.visible = False
        for layer in entry.layers:
            layer.visible = True
        self._viewer.layers.selection.active = entry.labels
        self._on_view()

    def paint(self, label: int) -> None:
        """Have the brush ready for a label on the image that is painted; 0 is the eraser."""
        entry = self.current
        if entry is None:
            return
        layer = entry.labels
        layer.visible = True
        self._viewer.layers.selection.active = layer
        if label:
            layer.selected_label = label
        layer.mode = "paint" if label else "erase"

    def set_classes(self, classes: Sequence[PaintedClass]) -> None:
        """Show the labels in the colours of the classes."""
        shown = {one.label: one.color for one in classes}
        # Two colour maps are equal for napari whatever their colours; setting one draws the labels.
        if shown != self._shown:
            self._shown = shown
            for entry in self.entries:
                entry.labels.colormap = label_colors(classes)

    def erase_class(self, label: int) -> None:
        """Erase all labels of a class; it can be undone."""
        for entry in self.entries:
            examples = self._session.examples.get(entry.number)
            if examples is None or not (mine := examples.labels == label).any():
                continue
            positions = dict(zip("tzyx", examples.coordinates(mine).T, strict=True))
            zero = np.zeros(np.count_nonzero(mine), np.intp)
            entry.labels.data_setitem(tuple(positions.get(key, zero) for key in entry.image.labels_axes), 0)

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of the predictions."""
        self._opacity = opacity
        for entry in self.entries:
            entry.overlay.layer.opacity = opacity

    def set_shown(self, shown: bool) -> None:
        """Show or hide the predictions."""
        for entry in self.entries:
            entry.overlay.layer.visible = shown

    def go_to(self, number: int, position: Sequence[int]) -> None:
        """Show a pixel, given by its position along t, z, y and x, in the middle of the canvas."""
        entry = self._entries.get(number)
        if entry is None:
            return
        self.choose(number)
        go_to(self._viewer, entry, position)

    def look(self) -> None:
        """Tell the session what is on the canvas."""
        least = self._session.settings.selection.min_extents
        views: list[View] = []
        reason = ""
        ordered = sorted(self.entries, key=lambda entry: entry.number != self._current)
        for entry in ordered:
            if not any(layer.visible for layer in entry.image.layers):
                continue
            view = visible(self._viewer, entry.number, entry.image, entry.labels, least)
            if isinstance(view, View):
                views.append(view)
            elif view is not None:
                reason = view
        self.unseen.emit(reason)
        self._session.set_views(views)

    def set_docked(self, docked: bool) -> None:
        """Start or stop following the viewer."""
        if docked == self._docked:
            return
        self._docked = docked
        viewer = self._viewer
        followed = [
            (viewer.layers.events.removed, self._on_removed),
            (viewer.scene.camera.events, self._on_view),
            (viewer.canvas.events.size, self._on_view),
            (viewer.dims.events, self._on_view),
            (viewer.layers.selection.events.active, self._on_active),
        ]
        for event, act in followed:
            (event.connect if docked else event.disconnect)(act)

    def _on_painted_labels(self, number: int, found: Sequence[Sides]) -> None:
        entry = self._entries[number]
        self._session.labels_changed(number, *(entry.image.region(sides) for sides in found))

    def _on_replaced(self, number: int) -> None:
        """Take other labels, if they have the size of the image."""
        entry = self._entries[number]
        shape, expected = tuple(entry.labels.data.shape), entry.image.labels_shape()
        if shape != expected:
            self.remove(number)
            self.problem.emit(
                f"'{entry.labels.name}' has the shape {shape} now, expected {expected}, that of '{entry.image.name}'. "
                "Its labels do not train any more. Give it labels of that shape and add the image again."
            )
            return
        self._session.remove(number)
        self._session.add(number, entry.image.training_image(entry.labels))
        self._on_view()

    def _on_removed(self, event: Any) -> None:
        if self._is_removing:
            return
        gone = event.value
        for entry in self.entries:
            if gone is entry.overlay.layer:
                self._restore(entry)
                self.overlay_removed.emit()
            elif gone is entry.labels:
                self.remove(entry.number)
                self.problem.emit(
                    f"'{gone.name}' was removed from the viewer, so '{entry.image.name}' has no labels and is not "
                    "trained on any more. Add it again to paint anew."
                )
            elif gone in entry.image.layers:
                self.remove(entry.number)
                self.problem.emit(
                    f"'{gone.name}' was removed from the viewer and is not trained on any more. Its labels are still "
                    f"in '{entry.labels.name}': open the image again under its name and add it to use them."
                )

    def _restore(self, entry: Entry) -> None:
        """Have a new layer for predictions, hidden, in place of one that was removed."""
        entry.overlay.deleteLater()
        entry.overlay = OverlayLayer(entry.image, self)
        entry.overlay.layer.visible = False
        single_shot(self, 0, lambda: self._insert(entry)).start()

    def _insert(self, entry: Entry) -> None:
        if entry.number in self._entries and entry.labels in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._viewer.layers.insert(self._viewer.layers.index(entry.labels), entry.overlay.layer)
            self._viewer.layers.selection.active = active

    def _on_painted(self, tile: Painted) -> None:
        entry = self._entries.get(tile.view.image)
        if entry is not None:
            entry.overlay.take(tile)

    def _on_active(self, event: Any) -> None:
        """Say that the strokes on other layers of labels do not train."""
        reason = why_not_trained(event.value, self.entries, self.current)
        if reason or self._told_of_other:
            self.problem.emit(reason)
        self._told_of_other = bool(reason)

    def _on_label(self, event: Any) -> None:
        entry = self.current
        if entry is not None and event.source is entry.labels:
            self.label_chosen.emit(int(entry.labels.selected_label))

    def _on_view(self) -> None:
        if not self._look.isActive():
            self._look.start()
        self._rest.start()
