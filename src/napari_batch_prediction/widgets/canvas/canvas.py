"""The layers of the selected row, on the viewer."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.above import LayersAbove
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.opengl import make_current
from napari_batch_prediction.widgets.canvas.reading import Reading
from napari_batch_prediction.widgets.canvas.row_loader import Loaded, RowRequest, warm_up
from napari_batch_prediction.widgets.canvas.sight import in_sight
from napari_batch_prediction.widgets.canvas.turns import Steps, Turns
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.work import in_background

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# Rows passed by with the arrow keys are not read.
PAUSE_MS = 50

# After this delay it is said that a row is being loaded.
MOMENT_MS = 300


class Canvas(QObject):
    """Shows one image and its predictions as layers, in place of the previous ones.

    Everything is read in the background, and the previous layers stay until then. Predictions of layers of the viewer
    stay with their layers.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner, in the viewer's window.

    Attributes
    ----------
    shown
        All of a row is on the viewer; emitted with its location and the reasons why outputs are missing.
    failed
        A row cannot be shown; emitted with its location and a :class:`Failure`.
    loading
        A row takes longer than a moment; emitted with its location, and with an empty text as soon as it is shown, has
        failed or is given up.
    filled
        The first layer was added, or the last one removed.
    """

    shown = Signal(str, str)
    failed = Signal(str, object)
    loading = Signal(str)
    filled = Signal()

    def __init__(self, viewer: "Viewer", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._row = ShownLayers(viewer, self, self._on_no_numbers)
        self._turns = Turns(self)
        self._turns.taken.connect(self._tell_filled)
        self._above = LayersAbove(viewer, self._turns, self)
        self._above.shown.connect(self.shown)
        self._above.failed.connect(self.failed)
        self._docked = self._is_loading = self._was_filled = False
        self._request: RowRequest | None = None
        self._reading: Reading | None = None
        self._pause = single_shot(self, PAUSE_MS, self._start)
        self._moment = single_shot(self, MOMENT_MS, self._on_moment)
        self.set_docked(True)

    @property
    def location(self) -> str:
        """Location of the image that is shown or about to be; empty if none is."""
        return self._request.location if self._request is not None else ""

    @property
    def has_layers(self) -> bool:
        """True if an image is shown."""
        return bool(self._row.layers)

    def show_row(self, request: RowRequest) -> None:
        """Show an image and its outputs after a pause, unless another request follows."""
        self._drop()
        self._request = request
        self._pause.start()

    def warm_up(self) -> None:
        """Load the libraries of layers in the background: napari would load them with the first layer."""
        in_background(warm_up, self)

    def in_sight(self, request: RowRequest) -> dict[str, tuple[int, int]]:
        """Return start and stop of what is in sight of an image along its axes; nothing if it is not on the canvas."""
        if request.in_memory:
            return self._above.in_sight(request)
        layer = self._row.image_layer
        if request.location != self.location or layer is None:
            return {}
        return in_sight(self._viewer, layer, "".join(layer.axis_labels))

    def show_preview(self, request: RowRequest) -> None:
        """Show a preview: above its layer, or over its image, until that or another row is shown again."""
        if request.in_memory:
            self._above.add(request)
        else:
            self.show_row(request)

    def add_predicted(self, request: RowRequest) -> None:
        """Add the prediction of a layer of the viewer above it, in place of an earlier one."""
        self._above.add(request)

    def clear(self) -> None:
        """Stop showing the present row and reading another."""
        self._drop()
        self._turns.begin(self._row.steps([]))

    def keep(self) -> None:
        """Leave the present layers to the user; the next row gets layers of its own."""
        self._row.keep()
        self._tell_filled()

    def keep_inputs(self, layers: "Iterable[Layer]") -> None:
        """Leave the present layers to the user if one of these, which are to be predicted, is among them."""
        if any(map(self._row.holds, layers)):
            self.keep()

    def set_docked(self, docked: bool) -> None:
        """Start or stop changing the viewer."""
        if docked == self._docked:
            return
        self._docked = docked
        self._above.set_docked(docked)
        events = self._viewer.layers.events
        if docked:
            events.removing.connect(self._before_removal)
            # After the groups have noted the removal.
            events.removed.connect(self._tell_filled, position="last")
            return
        events.removing.disconnect(self._before_removal)
        events.removed.disconnect(self._tell_filled)
        self._drop()
        self._turns.clear()
        self._row.tidy()

    def _before_removal(self) -> None:
        make_current(self)

    def _drop(self) -> None:
        """Forget a row that is being read or half shown."""
        self._pause.stop()
        self._request = None
        self._say_loaded()
        if self._reading is not None:
            self._reading.drop()
            self._reading = None
        self._turns.give_up()

    def _start(self) -> None:
        request = self._request
        if request is None or not self._docked:
            return
        if request.in_memory:
            # The layer is on the viewer already, and so is its prediction.
            self._turns.begin(self._to_the_end(request, Loaded([])))
            return
        self._moment.start()
        self._reading = Reading(request, self._row.keys, self, self._on_read)

    def _on_read(self, result: Loaded | Failure) -> None:
        request, self._reading = self._request, None
        if request is None:
            return
        if isinstance(result, Failure):
            self._say_loaded()
            self._row.hide()
            self._tell_filled()
            self.failed.emit(request.location, result)
            return
        self._turns.begin(self._to_the_end(request, result))

    def _on_no_numbers(self, failure: Failure) -> None:
        if self._request is not None:
            self.failed.emit(self._request.location, failure)

    def _on_moment(self) -> None:
        """Emit that an image is being loaded."""
        if self._request is not None:
            self._is_loading = True
            self.loading.emit(self._request.location)

    def _say_loaded(self) -> None:
        self._moment.stop()
        if self._is_loading:
            self._is_loading = False
            self.loading.emit("")

    def _tell_filled(self) -> None:
        if self.has_layers != self._was_filled:
            self._was_filled = self.has_layers
            self.filled.emit()

    def _to_the_end(self, request: RowRequest, loaded: Loaded) -> Steps:
        yield from self._row.steps(loaded.layers)
        if request is self._request:
            self._say_loaded()
        self.shown.emit(request.location, "\n".join(loaded.problems))
