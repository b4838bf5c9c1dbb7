"""How well a forest does on labels that it was not trained on."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.forest.packed import pack
from napari_batch_prediction.forest.rows import predict_rows
from napari_batch_prediction.training.examples import Examples
from napari_batch_prediction.training.strokes import number_strokes

MAX_FOLDS = 10
"""The most parts that a cross-validation leaves out in turn."""

IsCancelled = Callable[[], bool]


@dataclass(frozen=True, eq=False, slots=True)
class Agreement:
    """How often predictions of labelled pixels agree with their labels.

    Attributes
    ----------
    confusion
        int64 (classes, classes): the number of pixels of each class (row) by the class predicted for them (column).
    """

    confusion: NDArray[np.int64]

    @property
    def n(self) -> int:
        """The number of pixels."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of pixels with the right class; NaN without pixels."""
        return float(np.trace(self.confusion) / self.n) if self.n else float("nan")

    @property
    def by_class(self) -> NDArray[np.float64]:
        """The share of pixels of each class with the right class; NaN for a class without pixels."""
        totals = self.confusion.sum(axis=1)
        with np.errstate(invalid="ignore"):
            shares: NDArray[np.float64] = np.diag(self.confusion) / totals
        return shares

    @classmethod
    def of(cls, labels: NDArray[np.integer], predicted: NDArray[np.integer], n_classes: int) -> "Agreement":
        """Return the agreement of labels and predictions, both from 0."""
        pairs = labels.astype(np.int64) * n_classes + predicted
        return cls(np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes))


@dataclass(frozen=True, eq=False, slots=True)
class Folds:
    """The parts of a cross-validation.

    Attributes
    ----------
    by
        ``"image"`` if whole images are left out, ``"stroke"`` if strokes are.
    fold
        intp (examples,): the part that each example belongs to; -1 if it is never left out, since its class has no
        labels elsewhere.
    n
        Number of parts.
    """

    by: str
    fold: NDArray[np.intp]
    n: int


def make_folds(examples: Examples) -> Folds | None:
    """Return the parts of a cross-validation: images or else strokes; None if there are too few.

    Images are left out if there are several with labels of the same class.
    Whole strokes are left out, since pixels of one stroke are much alike: testing on neighbours of training pixels
    would flatter.
    """
    by, fold = "image", _by_image(examples)
    if len(np.unique(fold[fold >= 0])) < 2:
        by, fold = "stroke", _by_stroke(examples)
    used = np.unique(fold[fold >= 0])
    if len(used) < 2:
        return None
    return Folds(by, np.where(fold < 0, -1, np.searchsorted(used, fold)), len(used))


def _by_image(examples: Examples) -> NDArray[np.intp]:
    """Return the part of each example, by its image; -1 where its class has labels in no other part."""
    images, number = np.unique(examples.image, return_inverse=True)
    fold = np.asarray(number % min(MAX_FOLDS, len(images)), np.intp)
    labels, column = np.unique(examples.classes, return_inverse=True)
    has_labels = np.zeros((len(labels), MAX_FOLDS), bool)
    has_labels[column, fold] = True
    return np.where(has_labels.sum(axis=1)[column] > 1, fold, -1)


def _by_stroke(examples: Examples) -> NDArray[np.intp]:
    """Return the part of each example, by its stroke; -1 where its class has no other stroke."""
    groups = number_strokes(examples)
    n_groups = int(groups.max(initial=-1)) + 1
    fold_of = np.full(n_groups, -1, np.intp)
    n = min(MAX_FOLDS, n_groups)
    load = np.zeros(n, np.int64)
    sizes, class_of = np.bincount(groups), np.zeros(n_groups, np.int64)
    class_of[groups] = examples.classes
    for label in np.unique(class_of):
        own = np.flatnonzero(class_of == label)
        if len(own) < 2:  # it would not be known when left out
            continue
        taken = np.zeros(n, np.int64)
        for group in own[np.argsort(-sizes[own], kind="stable")]:
            # Into the part with fewest pixels of the class, and of all.
            fold_of[group] = np.lexsort((load, taken))[0]
            taken[fold_of[group]] += sizes[group]
            load[fold_of[group]] += sizes[group]
    return fold_of[groups]


def cross_validate(
    features: NDArray[np.float32],
    columns: NDArray[np.integer],
    folds: Folds,
    *,
    n_trees: int,
    seed: int,
    threads: int | None = None,
    is_cancelled: IsCancelled | None = None,
) -> list[Agreement]:
    """Return the agreement in each part, predicted by a forest that was trained on all others.

    Parameters
    ----------
    features
        float32 (examples, features).
    columns
        (examples,): the class of each, from 0.
    folds
        The parts.
    n_trees, seed, threads, is_cancelled
        See :func:`~napari_batch_prediction.training.forest.train_forest`.

    Raises
    ------
    CancelledError
        If it was cancelled.
    """
    n_classes = int(columns.max()) + 1
    agreements = []
    for fold in range(folds.n):
        if is_cancelled is not None and is_cancelled():
            raise CancelledError
        left_out = folds.fold == fold
        forest = grow_forest(
            features[~left_out],
            columns[~left_out],
            n_classes,
            n_trees=n_trees,
            seed=seed,
            threads=threads or n_cores(),
            is_cancelled=is_cancelled,
        )
        shares = predict_rows(features[left_out], pack(forest.trees, n_classes))
        agreements.append(Agreement.of(columns[left_out], shares.argmax(axis=1), n_classes))
    return agreements
