"""Reasons why an image may be unlike those that a classifier was trained on."""

from collections.abc import Iterable, Sequence

import numpy as np

from napari_batch_prediction.features.selection import GAUSSIAN, FeatureSelection
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.problems import Problem


def brightest(trees: Iterable[Tree], chosen: FeatureSelection, n_channels: int, channels: Sequence[int]) -> float:
    """Return the largest threshold on some channels, smoothed: the training images reached it. 0 if there is none.

    Parameters
    ----------
    trees, chosen, n_channels
        A forest, its features, and how many channels they are of.
    channels
        The channels to look at.
    """
    columns: list[int] = []
    at = 0
    for name, scale in chosen:
        if name == GAUSSIAN:
            columns += [at + channel for channel in channels]
        at += n_channels * chosen.width(name, scale)
    return max((float(t.threshold[np.isin(t.feature, columns)].max(initial=0.0)) for t in trees), default=0.0)


def unlike(text: str) -> Problem:
    """Return the warning that an image is unlike the training images."""
    return Problem("mismatch", text, severity="warning")


def type_warnings(dtype: np.dtype, trained: str | None, grey: float) -> list[Problem]:
    """Return warnings about an image's type.

    Projects do not keep the type of the training images: it is known if these were copied into them, or still lie
    where the project says. Thresholds of the forest on smoothed images tell what grey values it has seen at least.

    Parameters
    ----------
    dtype
        Type of the image.
    trained
        Type of the training images, if it is known.
    grey
        A grey value that they reached.
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
