"""Expanding the inputs of a job to the locations of their images."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.locations.inputs import Expansion
from napari_batch_prediction.locations.location import Location, Unmatched
from napari_batch_prediction.planning.inputs.inspection import Inspected

Item = TypeVar("Item")


class UnlessCancelled:
    """Passes items on until planning is cancelled."""

    def __init__(self, should_cancel: Callable[[], bool] | None) -> None:
        self._should_cancel = should_cancel

    def __call__(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items.

        Raises
        ------
        SettingsError
            If planning is cancelled.
        """
        for item in items:
            if self._should_cancel is not None and self._should_cancel():
                raise SettingsError("The check was cancelled.")
            yield item


def results_left_out(
    expansion: Expansion, written: Collection[Location], inspected: Sequence[Inspected]
) -> tuple[str, ...]:
    """Return the results in folders and patterns that no input names."""
    if not expansion.left_out and not written:
        return ()
    images = {item.location for item in inspected}
    return tuple(str(location) for location in (*expansion.left_out, *written) if location not in images)


def expand_each(expansion: Expansion, inputs: Iterable[str]) -> dict[str, tuple[Location, ...]]:
    """Return the locations of the images of each input, each image for the first input that has it."""
    given: dict[str, tuple[Location, ...]] = {}
    for name in inputs:
        try:
            given[name] = tuple(expansion.expand(name))
        except SettingsError as error:
            given[name] = (Unmatched(name, error),)
    images = [location for locations in given.values() for location in locations]
    if images and all(isinstance(location, Unmatched) for location in images):
        images[0].open()
    return given
