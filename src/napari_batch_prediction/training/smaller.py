"""The smallest selection of features that is as good as a larger one, by backward elimination."""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.growing import grow_forest
from napari_batch_prediction.training.validation import Agreement, Folds, IsCancelled, cross_validate

N_TREES = 50
"""Trees of each forest on the way, fewer than of a classifier."""

MOST_LOST = 0.005
"""The loss of accuracy that counts as none, at most: few strokes leave the standard error large."""

STEP = 0.2
"""The share of features at their scales that is left out at once while there are many."""


@dataclass(frozen=True, eq=False, slots=True)
class SmallerSelection:
    """A selection of fewer features that does about as well in a cross-validation.

    Attributes
    ----------
    selection
        The features.
    accuracy, accuracy_of_all
        The accuracy with these features and with all of them, by forests of :data:`N_TREES` trees.
    tolerance
        The difference that counts as none.
    """

    selection: FeatureSelection
    accuracy: float
    accuracy_of_all: float
    tolerance: float


def cells_of_columns(selection: FeatureSelection, n_channels: int) -> NDArray[np.intp]:
    """Return the number of the feature at a scale, in the order of the selection, that each column belongs to."""
    widths = [n_channels * selection.width(name, j) for name, j in selection]
    return np.repeat(np.arange(len(widths)), widths)


def with_cells(selection: FeatureSelection, kept: NDArray[np.intp]) -> FeatureSelection:
    """Return the selection of some of its features at scales, by their numbers."""
    cells = [cell for i, cell in enumerate(selection) if i in set(kept.tolist())]
    matrix = tuple(tuple((name, j) in cells for j in range(len(selection.scales))) for name in selection.ids)
    return replace(selection, matrix=matrix)


def find_smaller(
    features: NDArray[np.float32],
    columns: NDArray[np.integer],
    folds: Folds,
    selection: FeatureSelection,
    n_channels: int,
    *,
    seed: int = 0,
    seconds: float = 20.0,
    threads: int | None = None,
    is_cancelled: IsCancelled | None = None,
) -> SmallerSelection | None:
    """Return the smallest selection found that is as good; None if none is smaller.

    Backward elimination: of the features at their scales, those are left out that matter least to a forest of all that
    are left, and the rest is judged by a cross-validation. As good means within one standard error of the accuracy
    with all features (L. Breiman et al., Classification and Regression Trees, 1984), and within :data:`MOST_LOST`.

    Parameters
    ----------
    features, columns, folds
        See :func:`~napari_batch_prediction.training.validation.cross_validate`.
    selection, n_channels
        What the columns of ``features`` are.
    seconds
        No step begins later.
    seed, threads, is_cancelled
        See :func:`~napari_batch_prediction.training.validation.cross_validate`.

    Raises
    ------
    CancelledError
        If it was cancelled.
    """
    end = time.monotonic() + seconds
    cell = cells_of_columns(selection, n_channels)
    kept = np.arange(int(cell.max()) + 1)

    def judged(kept: NDArray[np.intp]) -> list[Agreement]:
        used = np.ascontiguousarray(features[:, np.isin(cell, kept)])
        return cross_validate(
            used, columns, folds, n_trees=N_TREES, seed=seed, threads=threads, is_cancelled=is_cancelled
        )

    accuracy_of_all, error = _accuracy(judged(kept))
    tolerance = min(error, MOST_LOST)
    best: tuple[NDArray[np.intp], float] | None = None
    while len(kept) > 1 and time.monotonic() < end:
        is_used = np.isin(cell, kept)
        forest = grow_forest(
            np.ascontiguousarray(features[:, is_used]),
            columns,
            int(columns.max()) + 1,
            n_trees=N_TREES,
            seed=seed,
            threads=threads or n_cores(),
            is_cancelled=is_cancelled,
        )
        importance = np.bincount(cell[is_used], forest.importance, int(cell.max()) + 1)[kept]
        n_less = max(1, int(STEP * len(kept)))
        kept = np.sort(kept[np.argsort(importance, kind="stable")[n_less:]])
        accuracy, _ = _accuracy(judged(kept))
        if accuracy >= accuracy_of_all - tolerance:
            best = kept, accuracy
    if best is None:
        return None
    return SmallerSelection(with_cells(selection, best[0]), best[1], accuracy_of_all, tolerance)


def _accuracy(parts: list[Agreement]) -> tuple[float, float]:
    """Return the accuracy over all parts, and its standard error by how the parts differ."""
    shares = np.array([part.accuracy for part in parts])
    weights = np.array([part.n for part in parts], float)
    mean = float(np.average(shares, weights=weights))
    variance = float(np.average((shares - mean) ** 2, weights=weights))
    return mean, (variance / max(len(parts) - 1, 1)) ** 0.5
