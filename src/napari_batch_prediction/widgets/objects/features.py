"""The numbers of the objects of an image, as features of its layer of labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.objects.measuring import ObjectColumns, Scale, measure_objects
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.objects.volume import ArrayVolume
from napari_batch_prediction.running.objects import ImageVolume

# The same for all objects of a layer.
_LEFT_OUT = ("time", "class", "unit")


def measured(labels: Any, axes: str, image: Image, counts: Sequence[int]) -> tuple[ObjectTable, ...]:
    """Return the table of the objects of each time point; none of labels that are not those of the whole image.

    Parameters
    ----------
    labels
        The labels; lazy ones are not measured, because they are too many to be read at once.
    axes
        Their axes.
    image
        The image that they were made of.
    counts
        The number of objects at each time point.
    """
    if not isinstance(labels, np.ndarray):
        return ()
    volumes = reorder(labels, axes, "tzyx")
    if volumes.shape != tuple(image.extents[key] for key in "tzyx"):
        return ()
    # As a part of the image, or as a narrow type, they are others.
    if [int(each.max(initial=0)) for each in volumes] != list(counts):
        return ()
    columns = ObjectColumns.of([(image.extents, image.channel_names)])
    scale = Scale.of(image)
    return tuple(
        measure_objects(
            ArrayVolume(each[None].astype(np.uint32, copy=False)), ImageVolume(image, t), n, columns, scale, time=t
        )
        for t, (each, n) in enumerate(zip(volumes, counts, strict=True))
    )


def as_features(table: ObjectTable) -> dict[str, NDArray[Any]]:
    """Return a table as features of a layer of labels, whose first row is the background's."""
    return {name: _with_background(name, table[name]) for name in table if name not in _LEFT_OUT}


def _with_background(name: str, column: NDArray[Any]) -> NDArray[Any]:
    if name == "label":
        return np.concatenate([np.zeros(1, column.dtype), column])
    return np.concatenate([[np.nan], column])
