"""What is on the viewer for the row that is looked at."""

import time
from collections import deque
from collections.abc import Collection, Generator, Iterator, Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_batch_prediction.batch.opening import input_settings
from napari_batch_prediction.images.memory import PREFIX
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
    """

    shown = Signal(str, str)
    failed = Signal(str, object)

    def __init__(self, viewer: "Viewer", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._row = ShownLayers(viewer)
        # What was predicted for layers of the viewer, by their locations.
        self._above: dict[str, ShownLayers] = {}
        self._docked = False
        self._what: ToShow | None = None
        self._task: Task | None = None
        self._read = _Read()
        self._steps: Iterator[bool] | None = None
        self._others: deque[Iterator[bool]] = deque()
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._start)
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
        self._begin(self._row.empty(spare))

    def tidy(self) -> None:
        """Take away layers that were kept ready for more to come."""
        self._others.append(self._row.tidy())
        self._turn.start()

    def keep(self) -> None:
        """Leave the present layers to the user; what is shown next gets layers of its own."""
        self._row.keep()
        self.tidy()

    def set_docked(self, docked: bool) -> None:
        """Leave the viewer alone from now on, or show images again."""
        if docked == self._docked:
            return
        self._docked = docked
        removing = self._viewer.layers.events.removing
        if docked:
            removing.connect(self._before_removal)
            return
        removing.disconnect(self._before_removal)
        self._drop()
        self._others.clear()

    def _before_removal(self) -> None:
        make_current(self)

    def _drop(self) -> None:
        """Forget what is being read and what is half shown."""
        self._pause.stop()
        self._what = None
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
            rest = self._row.empty(what.sources if what.is_running else ())
            self._begin(self._to_the_end(rest, what, Loaded([])))
            return
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
            self._begin(self._row.empty(what.sources if what.is_running else ()))
            self.failed.emit(what.location, result)
        elif loaded := result.take():
            self._begin(self._to_the_end(self._row.steps(loaded.layers), what, loaded))

    def _begin(self, steps: Iterator[bool]) -> None:
        """Begin to change the layers of the row."""
        self._steps = steps
        self._turn.start()
        self._take_turn()

    def _to_the_end(self, steps: Iterator[bool], what: ToShow, loaded: Loaded) -> Iterator[bool]:
        yield from steps
        self.shown.emit(what.location, "\n".join(loaded.problems))

    def _take_turn(self) -> None:
        """Do what can be done before the viewer has to draw, and to answer."""
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
        name = what.location.removeprefix(PREFIX)
        return next((layer for layer in self._viewer.layers if layer.name == name), None)


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
