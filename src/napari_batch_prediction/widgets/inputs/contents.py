"""Contents of one file: its datasets and channels, read in the background when its row is selected."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QObject, Signal

from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.inputs import open_image
from napari_batch_prediction.locations.location import LayerNamed, parse
from napari_batch_prediction.session.work import Failure
from napari_batch_prediction.widgets.parts.timers import single_shot
from napari_batch_prediction.widgets.viewer_layers import arrays_for
from napari_batch_prediction.widgets.work import Task, in_background

if TYPE_CHECKING:
    from napari.components import ViewerModel

# The files of rows that the arrow keys only pass are not opened.
PAUSE_MS = 150


class Contents(NamedTuple):
    """The datasets of a file that can hold several, and the name of each channel of the image, possibly empty."""

    datasets: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()


class Request(NamedTuple):
    """An image to read the contents of, and its settings."""

    location: str
    axes: str | None = None
    dataset: str | None = None
    stack: StackAxis | None = None


def read_contents(request: Request) -> Contents:
    """Return the contents of a file. They are empty if it cannot be read: the check says why."""
    try:
        location = parse(request.location, request.stack)
        datasets = tuple(location.datasets())
    except BatchPredictionError:
        return Contents()
    try:
        if request.dataset:
            location = location.at(request.dataset, request.stack)
        with open_image(location, request.axes) as image:
            return Contents(datasets, image.channel_names or ("",) * image.extents["c"])
    except BatchPredictionError:
        return Contents(datasets)


class ContentsReader(QObject):
    """Reads the contents of one file at a time, the last one requested.

    Parameters
    ----------
    viewer
        The viewer that has the layers.
    parent
        The owner.

    Attributes
    ----------
    read
        The contents of the file last requested have been read.
    """

    read = Signal()

    def __init__(self, viewer: "ViewerModel", parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._request: Request | None = None
        self._contents = Contents()
        self._task: Task | None = None
        self._pause = single_shot(self, PAUSE_MS, self._read)

    def get(self, request: Request | None) -> Contents:
        """Return the contents of a file; empty until they are read, which :attr:`read` tells."""
        if request != self._request:
            self._request, self._contents = request, Contents()
            self._drop()
            if request is not None and LayerNamed.of(request.location) is not None:
                self._contents = self._of_layer(request.location)
            elif request is not None:
                self._pause.start()
        return self._contents

    def _of_layer(self, location: str) -> Contents:
        image = arrays_for(self._viewer, [location]).get(str(LayerNamed.of(location)))
        if not isinstance(image, MemoryImage):
            return Contents()
        return Contents((), image.channel_names or ("",) * image.extents["c"])

    def _drop(self) -> None:
        self._pause.stop()
        if self._task is not None:
            self._task.drop()
            self._task = None

    def _read(self) -> None:
        if self._request is not None:
            self._task = in_background(partial(read_contents, self._request), self, self._on_read)

    def _on_read(self, contents: Contents | Failure) -> None:
        self._contents = Contents() if isinstance(contents, Failure) else contents
        self._task = None
        self.read.emit()
