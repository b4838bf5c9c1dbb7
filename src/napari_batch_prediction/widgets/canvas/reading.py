"""Reading the selected row in the background."""

from collections import deque
from collections.abc import Callable, Collection, Generator
from functools import partial

from qtpy.QtCore import QObject

from napari_batch_prediction.session.work import Failure, ShouldCancel
from napari_batch_prediction.widgets.canvas.layer_data import close_all
from napari_batch_prediction.widgets.canvas.row_loader import Loaded, RowRequest, load_row
from napari_batch_prediction.widgets.work import Task


class Reading:
    """One row that is being read; its files are closed if the reading is dropped.

    Parameters
    ----------
    request
        The row.
    present
        Keys of the layers on the viewer.
    parent
        The owner.
    take
        Called with the layers or the failure, unless the reading is dropped before.
    """

    def __init__(
        self,
        request: RowRequest,
        present: Collection[tuple[object, ...]],
        parent: QObject,
        take: Callable[[Loaded | Failure], object],
    ) -> None:
        self._take = take
        # The layers that were read, until one of the two threads takes them out.
        self._loaded: deque[Loaded] = deque()
        self._task = Task(partial(_read, request, present, self._loaded), parent, end=self._on_read)
        self._task.start()

    def drop(self) -> None:
        """Give up the reading."""
        self._task.drop()
        _discard(self._loaded)

    def _on_read(self, failure: Failure | None) -> None:
        self._take(failure if failure is not None else self._loaded.popleft())


def _read(
    request: RowRequest, present: Collection[tuple[object, ...]], loaded: deque[Loaded], should_cancel: ShouldCancel
) -> Generator[None, None, None]:
    loaded.append(load_row(request, None, present))
    if should_cancel():
        _discard(loaded)
    yield from ()


def _discard(loaded: deque[Loaded]) -> None:
    try:
        close_all(loaded.popleft().layers)
    except IndexError:
        return  # empty: nothing was read, or the other thread was faster
