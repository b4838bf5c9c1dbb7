"""What is on the viewer for the row that is looked at."""

import time
from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_batch_prediction.locations.location import LayerNamed
from napari_batch_prediction.planning.opening import input_settings
from napari_batch_prediction.widgets.canvas.layer_data import Place, close_all
from napari_batch_prediction.widgets.canvas.layers import ShownLayers
from napari_batch_prediction.widgets.canvas.opengl import make_current
from napari_batch_prediction.widgets.canvas.row_loader import Loaded, ToShow, load_row, warm_up
from napari_batch_prediction.widgets.work import Failure, ShouldCancel, Task

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

# Rows passed by with the arrow keys are not read.
PAUSE_MS = 50

# What takes longer to be shown is said to be loaded, without the row before on the canvas.
MOMENT_MS = 300

# After this long the viewer draws, and answers for a moment.
TURN_SECONDS = 0.01
TURN_MS = 5


class Canvas(QObject):
    """Shows one image and what was predicted for it as layers, in place of those before.

    Everything is read in the background; the viewer gets one layer after the other, and answers in between.
    What was predicted for layers of the viewer stays with them.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    parent
        The owner, in the viewer's window.

    Attributes
    ----------
    shown
        All of a row is on the viewer; emitted with its location, and what could not be read, in words.
    failed
        A row cannot be shown; emitted with its location and a :class:`Failure`.
    loading
        To show a row takes longer than a moment; emitted with its location, and with nothing as soon as it is shown,
        has failed or is given up.
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
        # What was predicted for layers of the viewer, by their locations.
        self._above: dict[str, ShownLayers] = {}
        self._docked = self._is_loading = self._was_filled = False
        self._what: ToShow | None = None
        # The image whose layers are on the viewer.
        self._there = ""
        self._task: Task | None = None
        self._read = _Read()
        self._steps: Iterator[bool] | None = None
        self._others: deque[Iterator[bool]] = deque()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._start)
        self._moment = QTimer(self)
        self._moment.setSingleShot(True)
        self._moment.setInterval(MOMENT_MS)
        self._moment.timeout.connect(self._on_moment)
        self._turn = QTimer(self)
        self._turn.setInterval(TURN_MS)
        self._turn.timeout.connect(self._take_turn)
        self.set_docked(True)

    @property
    def location(self) -> str:
        """The image that is shown, or is about to be; empty if none is."""
        return self._what.location if self._what is not None else ""

    @property
    def has_layers(self) -> bool:
        """Whether an image is shown."""
        return bool(self._row.layers)

    @property
    def is_busy(self) -> bool:
        """Whether something is about to be shown or taken away."""
        return self._pause.isActive() or self._turn.isActive() or self._task is not None

    def show_row(self, what: ToShow) -> None:
        """Show an image, and of its outputs what there is; soon, unless another follows at once."""
        self._drop()
        self._what = what
        self._pause.start()

    def warm_up(self) -> None:
        """Load, in the background, what the first layers need and napari loads only then."""

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            warm_up()
            yield None

        Task(work, self).start()

    def add_predicted(self, what: ToShow) -> None:
        """Add what was predicted for a layer of the viewer above it, in place of what was there before."""
        above = self._above.setdefault(what.location, ShownLayers(self._viewer))
        above.base = base = self._layer(what)
        place = None
        if base is not None and what.location in what.arrays:
            axes = input_settings(what.job, what.location).axes or what.arrays[what.location].axes
            place = place_of(base, axes)
        present = above.keys

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            yield load_row(what, place, present)

        def take(result: Loaded | Failure) -> None:
            if not self._docked:
                return
            if isinstance(result, Failure):
                self.failed.emit(what.location, result)
                return
            self._others.append(self._to_the_end(above.steps(result.layers), what, result))
            self._turn.start()

        task = Task(work, self)
        task.yielded.connect(take)
        task.start()

    def clear(self, spare: Collection[str] = ()) -> None:
        """Take away what is shown, and show nothing that is still being read.

        Parameters
        ----------
        spare
            Sources that will be shown soon: their layers are only emptied and hidden.
        """
        self._drop()
        self._empty(spare)

    def tidy(self) -> None:
        """Take away layers that were kept ready for more to come."""
        self._others.append(self._row.tidy())
        self._turn.start()

    def keep(self) -> None:
        """Leave the present layers to the user; what is shown next gets layers of its own."""
        self._row.keep()
        self.tidy()
        self._tell_filled()

    def set_docked(self, docked: bool) -> None:
        """Leave the viewer alone from now on, or show images again."""
        if docked == self._docked:
            return
        self._docked = docked
        events = self._viewer.layers.events
        if docked:
            events.removing.connect(self._before_removal)
            # After those that note which layers there are.
            events.removed.connect(self._tell_filled, position="last")
            return
        events.removing.disconnect(self._before_removal)
        events.removed.disconnect(self._tell_filled)
        self._drop()
        self._others.clear()

    def _before_removal(self) -> None:
        make_current(self)

    def _drop(self) -> None:
        """Forget what is being read and what is half shown."""
        self._pause.stop()
        self._what = None
        self._say_loaded()
        if self._task is not None:
            self._task.drop()
            self._task = None
        self._read.discard()
        if self._steps is not None:
            self._steps.close()  # type: ignore[attr-defined]
            self._steps = None

    def _start(self) -> None:
        what = self._what
        if what is None or not self._docked:
            return
        if what.in_memory:
            # The layer is there, and what was predicted for it too.
            self._there = ""
            rest = self._row.empty(what.sources if what.is_running else ())
            self._begin(self._to_the_end(rest, what, Loaded([])))
            return
        self._moment.start()
        present, read = self._row.keys, _Read()

        def work(should_cancel: ShouldCancel) -> Generator[object]:
            read.put(load_row(what, None, present))
            if should_cancel():
                read.discard()
            yield read

        self._read = read
        self._task = Task(work, self)
        self._task.yielded.connect(self._on_read)
        self._task.start()

    def _on_read(self, result: "_Read | Failure") -> None:
        what, self._task = self._what, None
        if what is None:
            return
        if isinstance(result, Failure):
            self._say_loaded()
            self._empty(what.sources if what.is_running else ())
            self.failed.emit(what.location, result)
        elif loaded := result.take():
            is_other, self._there = what.location != self._there, what.location
            takes_long = self._row.takes_long(loaded.layers)
            if takes_long:
                self._say_loading(what)
            steps = self._row.steps(loaded.layers, empty_first=takes_long and is_other)
            self._begin(self._to_the_end(steps, what, loaded))

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
        self._begin(self._row.empty(spare))

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

    def _begin(self, steps: Iterator[bool]) -> None:
        """Begin to change the layers of the row."""
        self._steps = steps
        self._turn.start()
        self._take_turn()

    def _to_the_end(self, steps: Iterator[bool], what: ToShow, loaded: Loaded) -> Iterator[bool]:
        yield from steps
        if what is self._what:
            self._say_loaded()
        self.shown.emit(what.location, "\n".join(loaded.problems))

    def _take_turn(self) -> None:
        """Do what can be done before the viewer has to draw, and to answer."""
        self._take_steps()
        self._tell_filled()

    def _take_steps(self) -> None:
        end = time.perf_counter() + TURN_SECONDS
        while time.perf_counter() < end:
            steps = self._steps or (self._others[0] if self._others else None)
            if steps is None:
                self._turn.stop()
                return
            try:
                if next(steps):
                    return
            except StopIteration:
                if steps is self._steps:
                    self._steps = None
                else:
                    self._others.popleft()

    def _layer(self, what: ToShow) -> "Layer | None":
        """Return the layer that an image in memory was made of; None if it is gone."""
        return next((layer for layer in self._viewer.layers if str(LayerNamed(layer.name)) == what.location), None)


class _Read:
    """What was read, until it is taken or, with its files closed, discarded; by whichever thread comes first."""

    def __init__(self) -> None:
        self._loaded: deque[Loaded] = deque()

    def put(self, loaded: Loaded) -> None:
        self._loaded.append(loaded)

    def take(self) -> Loaded | None:
        try:
            return self._loaded.popleft()
        except IndexError:
            return None

    def discard(self) -> None:
        if loaded := self.take():
            close_all(loaded.layers)


def place_of(layer: "Layer", axes: str) -> Place:
    """Return where the pixels of a layer are.

    Parameters
    ----------
    layer
        The layer.
    axes
        Its axes, and one more for the colours of a picture.
    """
    axes = axes[: layer.ndim]

    def by_key(values: object) -> Mapping[str, float]:
        return dict(zip(axes, map(float, values), strict=False))  # type: ignore[call-overload]

    units = {key: str(unit) for key, unit in zip(axes, layer.units, strict=False)}
    return Place(axes.replace("c", ""), by_key(layer.scale), units, by_key(layer.translate))
