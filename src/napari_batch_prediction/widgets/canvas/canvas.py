"""The layers of the selected row, on the viewer."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.canvas.above import LayersAbove
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.opengl import make_current
from napari_batch_prediction.widgets.canvas.reading import Reading
from napari_batch_prediction.widgets.canvas.row_loader import Loaded, ToShow, warm_up
from napari_batch_prediction.widgets.canvas.turns import Steps, Turns
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.work import in_background

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Rows passed by with the arrow keys are not read.
PAUSE_MS = 50

# After this long the row before is taken away, and the row to be shown is said to be loading.
MOMENT_MS = 300


class Canvas(QObject):
    """Shows one image and its predictions as layers, in place of those before.

    Everything is read in the background; the viewer gets one layer after the other, and answers in between.
    Predictions of layers of the viewer stay with these.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner, in the viewer's window.

    Attributes
    ----------
    shown
        All of a row is on the viewer; emitted with its location, and with the reasons why outputs are missing.
    failed
        A row cannot be shown; emitted with its location and a :class:`Failure`.
    loading
        A row takes longer than a moment; emitted with its location, and with nothing as soon as it is shown, has
        failed or is given up.
    filled
        The first layer of a row came, or the last one went.
    """

    shown = Signal(str, str)
    failed = Signal(str, object)
    loading = Signal(str)
    filled = Signal()

    def __init__(self, viewer: "Viewer", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._row = ShownLayers(viewer)
        self._turns = Turns(self)
        self._turns.taken.connect(self._tell_filled)
        self._above = LayersAbove(viewer, self._turns, self)
        self._above.shown.connect(self.shown)
        self._above.failed.connect(self.failed)
        self._docked = self._is_loading = self._was_filled = False
        self._what: ToShow | None = None
        # The image whose layers are on the viewer.
        self._there = ""
        self._reading: Reading | None = None
        self._pause = single_shot(self, PAUSE_MS, self._start)
        self._moment = single_shot(self, MOMENT_MS, self._on_moment)
        self.set_docked(True)

    @property
    def location(self) -> str:
        """The image that is shown, or is about to be; empty if none is."""
        return self._what.location if self._what is not None else ""

    @property
    def has_layers(self) -> bool:
        """Whether an image is shown."""
        return bool(self._row.layers)

    def show_row(self, what: ToShow) -> None:
        """Show an image and the outputs there are; soon, unless another follows at once."""
        self._drop()
        self._what = what
        self._pause.start()

    def warm_up(self) -> None:
        """Load the libraries of layers in the background: napari would load them with the first layer."""
        in_background(warm_up, self)

    def add_predicted(self, what: ToShow) -> None:
        """Add the prediction of a layer of the viewer above it, in place of an earlier one."""
        self._above.add(what)

    def clear(self, spare: Collection[str] = ()) -> None:
        """Show nothing, neither the present row nor one that is being read.

        Parameters
        ----------
        spare
            Sources that will be shown soon: their layers are only emptied and hidden.
        """
        self._drop()
        self._empty(spare)

    def tidy(self) -> None:
        """Take away layers that were kept ready for more to come."""
        self._turns.add(self._row.tidy())

    def keep(self) -> None:
        """Leave the present layers to the user; the next row gets layers of its own."""
        self._row.keep()
        self.tidy()
        self._tell_filled()

    def set_docked(self, docked: bool) -> None:
        """Leave the viewer alone from now on, or show images again."""
        if docked == self._docked:
            return
        self._docked = docked
        self._above.set_docked(docked)
        events = self._viewer.layers.events
        if docked:
            events.removing.connect(self._before_removal)
            # After those that note which layers there are.
            events.removed.connect(self._tell_filled, position="last")
            return
        events.removing.disconnect(self._before_removal)
        events.removed.disconnect(self._tell_filled)
        self._drop()
        self._turns.clear()

    def _before_removal(self) -> None:
        make_current(self)

    def _drop(self) -> None:
        """Forget a row that is being read or half shown."""
        self._pause.stop()
        self._what = None
        self._say_loaded()
        if self._reading is not None:
            self._reading.drop()
            self._reading = None
        self._turns.give_up()

    def _start(self) -> None:
        what = self._what
        if what is None or not self._docked:
            return
        if what.in_memory:
            # The layer is there, and so is its prediction.
            self._there = ""
            rest = self._row.empty(what.sources if what.is_running else ())
            self._turns.begin(self._to_the_end(rest, what, Loaded([])))
            return
        self._moment.start()
        self._reading = Reading(what, self._row.keys, self, self._on_read)

    def _on_read(self, result: Loaded | Failure) -> None:
        what, self._reading = self._what, None
        if what is None:
            return
        if isinstance(result, Failure):
            self._say_loaded()
            self._empty(what.sources if what.is_running else ())
            self.failed.emit(what.location, result)
            return
        is_other, self._there = what.location != self._there, what.location
        takes_long = self._row.takes_long(result.layers)
        if takes_long:
            self._say_loading(what)
        steps = self._row.steps(result.layers, empty_first=takes_long and is_other)
        self._turns.begin(self._to_the_end(steps, what, result))

    def _on_moment(self) -> None:
        """Say that an image is loaded, and take away the one before if it is still there."""
        what = self._what
        if what is None:
            return
        if what.location != self._there:
            self._empty(what.sources)
        self._say_loading(what)

    def _empty(self, spare: Collection[str]) -> None:
        self._there = ""
        self._turns.begin(self._row.empty(spare))

    def _say_loading(self, what: ToShow) -> None:
        self._moment.stop()
        if not self._is_loading:
            self._is_loading = True
            self.loading.emit(what.location)

    def _say_loaded(self) -> None:
        self._moment.stop()
        if self._is_loading:
            self._is_loading = False
            self.loading.emit("")

    def _tell_filled(self) -> None:
        if self.has_layers != self._was_filled:
            self._was_filled = self.has_layers
            self.filled.emit()

    def _to_the_end(self, steps: Iterator[bool], what: ToShow, loaded: Loaded) -> Steps:
        yield from steps
        if what is self._what:
            self._say_loaded()
        self.shown.emit(what.location, "\n".join(loaded.problems))
