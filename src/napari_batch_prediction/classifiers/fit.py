"""Checking if an image fits a classifier: channels, dimensions, size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_batch_prediction.axes import extents
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.errors import BatchPredictionError, ImageMismatchError
from napari_batch_prediction.wording import count

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier

_STACK = (
    ", or make one image of the files of a pattern or folder, stacked along c, or of several layers or files as its "
    "channels"
)


def check_image(description: Description, axes: str, shape: Sequence[int]) -> None:
    """Check that an image has the channels, the dimensions and the size that a classifier needs.

    Axes of extent 1 do not count: a volume of one slice is a 2D image.

    Raises
    ------
    ImageMismatchError
        If it does not fit.
    """
    sizes, expected = extents(axes, shape), description.n_channels
    if sizes["c"] != expected:
        raise ImageMismatchError(
            f"The image has {count(sizes['c'], 'channel')}, but the classifier was trained on {expected}"
            f"{_alpha(sizes['c'], expected)}. Use images with {count(expected, 'channel')}"
            f"{', or choose channels of these' if sizes['c'] > expected else _STACK}.",
            setting="channels" if sizes["c"] > expected else "stack",
        )
    is_3d = sizes["z"] > 1
    if is_3d != (description.dimension == 3):
        raise ImageMismatchError(
            f"The image is {'3D' if is_3d else '2D'} (axes {axes}, shape {' x '.join(map(str, shape))}), but the "
            f"classifier was trained on {'2D' if is_3d else '3D'} images (axes {description.axes}). "
            + (
                f"If the first axis is time, not depth, set the axes to '{axes.replace('z', 't')}'."
                if is_3d and "t" not in axes
                else f"Use {'2D' if is_3d else '3D'} images."
            ),
            setting="axes",
        )
    for stage in description.stages:
        stage.selection.check_extents(sizes["z"], sizes["y"], sizes["x"])


def takes_slices(classifier: "Classifier", axes: str, shape: Sequence[int], dtype: np.dtype) -> bool:
    """Return True if a classifier of 2D images can predict every slice of a volume by itself.

    Those that count or classify objects cannot: an object that several slices show would be counted several times.
    """
    description = classifier.describe()
    if (
        "z" not in axes
        or description.dimension == 3
        or description.counted
        or description.objects
        or classifier.context.z
    ):
        return False
    plane = [n for key, n in zip(axes, shape, strict=True) if key != "z"]
    try:
        classifier.check(axes.replace("z", ""), plane, dtype)
    except BatchPredictionError:
        return False
    return True


def _alpha(n: int, expected: int) -> str:
    """Return a hint at the likely alpha channel of a picture with three colours."""
    return "; the last one may be alpha (transparency)" if n == 4 and expected == 3 else ""
