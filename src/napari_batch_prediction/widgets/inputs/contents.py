"""What is in one file: its datasets and its channels, looked up in the background when its row is turned to."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import LayerNamed, parse
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.viewer_layers import arrays_for
from napari_batch_prediction.widgets.work import Task, in_background

if TYPE_CHECKING:
    from napari.components import ViewerModel

# Rows passed by with the arrow keys are not looked into.
PAUSE_MS = 150


class Contents(NamedTuple):
    """The datasets of a file that can hold several, and a name for each channel of the image, which may be empty."""

    datasets: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """An image to look into, and what is set for it."""

    location: str
    axes: str | None = None
    dataset: str | None = None
    stack: StackAxis | None = None


def look_into(wanted: Wanted) -> Contents:
    """Return what is in a file. What cannot be read has nothing in it: the check says why.

    Parameters
    ----------
    wanted
        The image.
    """
    try:
        location = parse(wanted.location, wanted.stack)
        datasets = tuple(location.datasets())
    except BatchPredictionError:
        return Contents()
    try:
        if wanted.dataset:
            location = location.at(wanted.dataset, wanted.stack)
        with open_image(location, wanted.axes) as image:
            return Contents(datasets, image.channel_names or ("",) * image.extents["c"])
    except BatchPredictionError:
        return Contents(datasets)


class ContentsReader(QObject):
    """Looks into one file at a time, the one last asked for.

    Parameters
    ----------
    viewer
        Where layers are looked up.
    parent
        The owner.

    Attributes
    ----------
    known
        What is in the file last asked for is known.
    """

    known = Signal()

    def __init__(self, viewer: "ViewerModel", parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._wanted: Wanted | None = None
        self._contents = Contents()
        self._task: Task | None = None
        self._pause = single_shot(self, PAUSE_MS, self._read)

    def get(self, wanted: Wanted | None) -> Contents:
        """Return what is in a file as far as known; :attr:`known` tells when more is."""
        if wanted != self._wanted:
            self._wanted, self._contents = wanted, Contents()
            self._drop()
            if wanted is not None and LayerNamed.of(wanted.location) is not None:
                self._contents = self._look_at_layer(wanted.location)
            elif wanted is not None:
                self._pause.start()
        return self._contents

    def _look_at_layer(self, location: str) -> Contents:
        image = arrays_for(self._viewer, [location]).get(location)
        return Contents() if image is None else Contents((), image.channel_names or ("",) * image.extents["c"])

    def _drop(self) -> None:
        self._pause.stop()
        if self._task is not None:
            self._task.drop()
            self._task = None

    def _read(self) -> None:
        if self._wanted is not None:
            self._task = in_background(partial(look_into, self._wanted), self, self._on_read)

    def _on_read(self, found: Contents | Failure) -> None:
        self._contents = Contents() if isinstance(found, Failure) else found
        self._task = None
        self.known.emit()
