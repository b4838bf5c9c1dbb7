"""Strokes on a layer of labels: where something was painted, and where that was undone."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject

from napari_batch_prediction.widgets.parts.timers import single_shot

Sides = tuple[slice, ...]
"""A box in the axes of the layer."""


class Strokes(QObject):
    """Follows a layer of labels.

    napari tells of a stroke when the mouse is released, of other edits at once, by the event ``paint``. Of an edit that
    is no stroke of the mouse, such as a polygon, it tells before the labels have changed; so edits are passed on in the
    next turn of the event loop. There is no event for undo and redo: they only refresh the layer, as a slider does,
    too. What they have done is told from the layer's two lists of edits.

    Parameters
    ----------
    layer
        The layer.
    painted
        Called with the boxes in which labels have changed.
    replaced
        Called when the layer has other data.
    parent
        The owner.
    """

    def __init__(
        self,
        layer: Labels,
        painted: Callable[[list[Sides]], object],
        replaced: Callable[[], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._layer, self._painted, self._replaced = layer, painted, replaced
        self._waiting: list[Sides] = []
        self._later = single_shot(self, 0, self._pass_on)
        self._n_edits = self._count()
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_refresh)
        layer.events.data.connect(self._on_data)

    def stop(self) -> None:
        """Do not follow the layer any more."""
        self._later.stop()
        events = self._layer.events
        for event, act in (
            (events.paint, self._on_paint),
            (events.set_data, self._on_refresh),
            (events.data, self._on_data),
        ):
            event.disconnect(act)

    def _on_paint(self, event: Any) -> None:
        self._n_edits = self._count()
        self._note(boxes(event.value))

    def _on_refresh(self) -> None:
        before, self._n_edits = self._n_edits, self._count()
        if self._n_edits == before:
            return
        was_undone = self._n_edits[0] < before[0]
        edits = self._edits()[1 if was_undone else 0]
        if edits:
            self._note(boxes(edits[-1]))

    def _on_data(self) -> None:
        self._replaced()

    def _note(self, found: list[Sides]) -> None:
        self._waiting += found
        self._later.start()

    def _pass_on(self) -> None:
        found, self._waiting = self._waiting, []
        self._painted(found)

    def _edits(self) -> tuple[Any, Any]:
        """Return the edits that can be undone, and those that can be done again; napari offers no other way to them."""
        return getattr(self._layer, "_undo_history", ()), getattr(self._layer, "_redo_history", ())

    def _count(self) -> tuple[int, int]:
        done, undone = self._edits()
        return len(done), len(undone)


def boxes(edits: Iterable[Any]) -> list[Sides]:
    """Return the box around an item of napari's history: edits by a mask in a box, or by indices along each axis."""
    found: list[Sides] = []
    for edit in edits:
        where = getattr(edit, "slice_key", None)
        if where is None:
            where = tuple(slice(int(np.min(along)), int(np.max(along)) + 1) for along in edit[0])
        found.append(tuple(where))
    # A stroke consists of many discs that lie near each other.
    ends = [[(side.start, side.stop) for side in sides] for sides in found]
    around = [slice(min(a for a, _ in along), max(b for _, b in along)) for along in zip(*ends, strict=True)]
    return [tuple(around)] if around else []
