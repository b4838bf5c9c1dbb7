"""Judging if an image fits a classifier, and which axes would fit where they are only guessed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice

import numpy as np

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.fit import takes_slices
from napari_batch_prediction.errors import BatchPredictionError
from napari_batch_prediction.images.base import AxesKnown
from napari_batch_prediction.images.channels import describe_channels
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.ledger import explain
from napari_batch_prediction.wording import either

# More axes to choose from than these help nobody.
_MOST_OFFERED = 3

# So short an axis is one of colours, as in ilastik's guess.
_COLOURS = 4

_BY_SLICE = Problem(
    "mismatch",
    "The classifier was trained on 2D images, so every slice along z is predicted by itself.",
    "axes",
    severity="warning",
)


def judge(
    classifier: Classifier,
    axes: str,
    shape: Sequence[int],
    dtype: np.dtype,
    *,
    axes_known: AxesKnown,
    channel_names: Sequence[str] = (),
) -> Problem | None:
    """Return the problem that a classifier has with an image; None if it has none.

    It is a warning if the image is predicted all the same: slice by slice, which only axes of the user allow.

    Parameters
    ----------
    classifier
        The classifier.
    axes, shape, dtype, axes_known, channel_names
        The facts of the image.
    """
    try:
        classifier.check(axes, shape, dtype)
    except Exception as error:  # any failure concerns only this image
        problem = explain(error)[0]
        by_slice = problem.kind == "mismatch" and takes_slices(classifier, axes, shape, dtype)
        if by_slice and axes_known == "user":
            return _BY_SLICE
        if by_slice and axes_known != "guess":
            way = f"To predict every slice by itself, with z kept, set the axes to '{axes}' yourself."
            problem = replace(problem, text=f"{problem} {way}")
    else:
        return None
    if problem.kind == "mismatch":
        fitting = list(islice(_fitting(classifier, axes, shape, dtype), _MOST_OFFERED))
        if problem.setting == "axes" and not fitting:
            # Whatever the axes are called, the image does not fit.
            problem = replace(problem, setting=None)
        # An axis so short that it can only be that of colours is no guess.
        if axes_known == "guess" and (fitting or axes != "yxc"):
            return _with_offer(problem, classifier, axes, shape, dtype, fitting)
    n_channels = shape[axes.index("c")] if "c" in axes else 1
    if channel_names and n_channels > classifier.n_channels:
        return replace(problem, text=f"{problem} Its channels: {describe_channels(channel_names)}.")
    return problem


def _with_offer(
    problem: Problem, classifier: Classifier, axes: str, shape: Sequence[int], dtype: np.dtype, fitting: Sequence[str]
) -> Problem:
    """Return a problem that says that axes were guessed, and which would fit."""
    text = f"{problem} The axes '{axes}' are only guessed from the shape, since the file does not name them."
    if not fitting:
        return replace(problem, text=f"{text} No others fit.")
    trained = classifier.axes
    offers = [
        f"'{keys}'"
        + (" (the axes of the training images)" if keys == trained else "")
        + (" (slice by slice)" if not _fits(classifier, keys, shape, dtype) else "")
        for keys in fitting
    ]
    choice = f"{either(offers)} would fit: set the axes."
    return replace(problem, text=f"{text} {choice}", setting="axes")


def _fitting(classifier: Classifier, guessed: str, shape: Sequence[int], dtype: np.dtype) -> Iterator[str]:
    """Yield axes with which an image fits a classifier, those of the training images first."""
    slices = []
    for axes in dict.fromkeys([classifier.axes, *_orders(len(shape))]):
        if len(axes) != len(shape) or shape[axes.index("x")] <= _COLOURS:
            continue
        if axes != guessed and _fits(classifier, axes, shape, dtype):
            yield axes
        elif takes_slices(classifier, axes, shape, dtype):
            slices.append(axes)
    yield from slices


def _fits(classifier: Classifier, axes: str, shape: Sequence[int], dtype: np.dtype) -> bool:
    try:
        classifier.check(axes, shape, dtype)
    except BatchPredictionError:
        return False
    return True


def _orders(n: int) -> Iterator[str]:
    """Yield usual orders of n axes."""
    for keys in combinations("tzc", n - 2):
        before = "".join(key for key in keys if key != "c")
        if "c" not in keys:
            yield f"{before}yx"
            continue
        yield f"{before}cyx"
        yield f"{before}yxc"
        yield f"{before[:-1]}c{before[-1:]}yx"
