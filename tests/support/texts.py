"""Locations as the text that people see."""

from collections.abc import Sequence

from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.locations.inputs import expand_inputs


def expand(inputs: Sequence[str], stack: StackAxis | None = None) -> list[str]:
    """Return the texts of the images that inputs stand for."""
    return [str(location) for location in expand_inputs(inputs, stack)]
