"""Warnings that an image may be unlike the training images of a classifier."""

from collections.abc import Iterable, Sequence

import numpy as np

from napari_batch_prediction.features.selection import GAUSSIAN, FeatureSelection
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.problems import Problem


def brightest(trees: Iterable[Tree], selection: FeatureSelection, n_channels: int, channels: Sequence[int]) -> float:
    """Return the largest threshold on smoothed channels, a value that the training images reached; 0 if there is none.

    Parameters
    ----------
    trees, selection, n_channels
        A forest, its selection of features, and its number of channels.
    channels
        The channels to look at.
    """
    columns: list[int] = []
    first = 0
    for name, scale in selection:
        if name == GAUSSIAN:
            columns += [first + channel for channel in channels]
        first += n_channels * selection.width(name, scale)
    # One more for leaves, whose column is -1.
    is_wanted = np.zeros(first + 1, bool)
    is_wanted[columns] = True
    return max((float(t.threshold[is_wanted[t.feature]].max(initial=0.0)) for t in trees), default=0.0)


def unlike(text: str) -> Problem:
    """Return the warning that an image is unlike the training images."""
    return Problem("mismatch", text, severity="warning")


def type_warnings(dtype: np.dtype, trained: str | None, grey: float) -> list[Problem]:
    """Return warnings about an image's type.

    Projects do not store the type of the training images; it is known only if these are in the project, or still at
    their stored paths. Otherwise, thresholds of the forest on smoothed images are values that these images reached.

    Parameters
    ----------
    dtype
        Type of the image.
    trained
        Type of the training images; None if unknown.
    grey
        A grey value that the training images reached.
    """
    if trained is not None and np.dtype(trained) != dtype:
        return [unlike(f"The image is {dtype}, but the training images were {trained}; nothing is normalised.")]
    if dtype.kind in "iu" and grey > np.iinfo(dtype).max:
        text = (
            f"The image is {dtype}, which ends at {np.iinfo(dtype).max}, but the training images had values of "
            f"{grey:.0f} and more; nothing is normalised."
        )
        return [unlike(text)]
    return []
