"""The strokes of labels: labelled pixels of one class that touch each other."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.training.examples import Examples

# Half of the neighbours of a pixel in a volume, also across corners; the other half has it as a neighbour.
_STEPS = [step for step in product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]


def number_strokes(examples: Examples) -> NDArray[np.intp]:
    """Return the number of the stroke that each labelled pixel belongs to, from 0 in the order of their first pixels.

    A stroke is of one class, in one image and one time point; its pixels touch, also at corners.
    """
    n = len(examples)
    if not n:
        return np.empty(0, np.intp)
    _, group = np.unique(
        np.column_stack([examples.image, examples.classes, examples.positions[:, 0]]), axis=0, return_inverse=True
    )
    # A pixel as one number, with room for steps beyond the ends.
    places = examples.positions[:, 1:] - examples.positions[:, 1:].min(axis=0) + 1
    depth, height, width = (places.max(axis=0) + 2).tolist()
    factors = np.array([height * width, width, 1])
    codes = group * (depth * height * width) + places @ factors
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    parent = np.arange(n)
    for step in _STEPS:
        wanted = codes + int(np.dot(step, factors))
        found = np.minimum(np.searchsorted(ordered, wanted), n - 1)
        touches = ordered[found] == wanted
        _join(parent, np.flatnonzero(touches), order[found[touches]])
    _, first, number = np.unique(_roots(parent), return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number]


def _roots(parent: NDArray[np.intp]) -> NDArray[np.intp]:
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            return parent
        parent = above


def _join(parent: NDArray[np.intp], a: NDArray[np.intp], b: NDArray[np.intp]) -> None:
    """Join the trees of pairs; every root is the smallest number of its tree."""
    while True:
        parent[:] = _roots(parent)
        low, high = np.minimum(parent[a], parent[b]), np.maximum(parent[a], parent[b])
        apart = low != high
        if not apart.any():
            return
        np.minimum.at(parent, high[apart], low[apart])
