"""The compiled loop that grows one tree."""

from typing import NamedTuple

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED, cached


class Grown(NamedTuple):
    """Arrays for the nodes of one tree, level by level, with room for the most nodes that it can have.

    Attributes
    ----------
    feature
        int32: the column a node looks at; -1 at a leaf.
    threshold
        float32: see :class:`~napari_batch_prediction.forest.trees.Tree`.
    left
        int32: the left child; 0 at a leaf. The right one comes after it.
    counts
        int32 (nodes, classes): the training rows of each class that reach a node.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    counts: NDArray[np.int32]


class GrowthSpace(NamedTuple):
    """Work space of one thread.

    Attributes
    ----------
    weight
        int32 (rows,): how often the bootstrap has drawn each row.
    rows, moved
        int32 (rows,): rows by node, and room to part them.
    spans
        int32 (nodes, 2): the rows of each node, in ``rows``.
    order
        int32 (features,): features in the order in which they are tried.
    histogram
        int32 (256, classes).
    below, whole
        int64 (classes,): rows of each class left of a border, and in the node.
    """

    weight: NDArray[np.int32]
    rows: NDArray[np.int32]
    moved: NDArray[np.int32]
    spans: NDArray[np.int32]
    order: NDArray[np.int32]
    histogram: NDArray[np.int32]
    below: NDArray[np.int64]
    whole: NDArray[np.int64]


def growth_space(n_rows: int, n_features: int, n_classes: int) -> GrowthSpace:
    """Return work space for trees of so many rows, features and classes."""
    return GrowthSpace(
        np.empty(n_rows, np.int32),
        np.empty(n_rows, np.int32),
        np.empty(n_rows, np.int32),
        np.empty((2 * n_rows, 2), np.int32),
        np.empty(n_features, np.int32),
        np.zeros((256, n_classes), np.int32),
        np.empty(n_classes, np.int64),
        np.empty(n_classes, np.int64),
    )


def grown_space(n_rows: int, n_classes: int) -> Grown:
    """Return room for a tree of so many rows."""
    n = 2 * n_rows
    return Grown(
        np.empty(n, np.int32), np.empty(n, np.float32), np.empty(n, np.int32), np.empty((n, n_classes), np.int32)
    )


@njit(**INLINED)
def _drawn(state, n):
    """Return the next state of a generator (splitmix64), and a random number below n."""
    state += uint64(0x9E3779B97F4A7C15)
    bits = state
    bits = (bits ^ (bits >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> uint64(27))) * uint64(0x94D049BB133111EB)
    bits ^= bits >> uint64(31)
    return state, ((bits >> uint64(32)) * uint64(n)) >> uint64(32)


@njit(**UNCOUNTED)
def _best_of_feature(column, classes, space, start, stop, best):
    """Return the best score of a split by one feature, the bins on both sides of it, and if there is any split."""
    lo, hi = 255, 0
    for k in range(start, stop):
        b = column[space.rows[k]]
        lo, hi = min(lo, b), max(hi, b)
    if lo == hi:
        return best, -1, -1, False
    n_classes = space.whole.size
    space.histogram[lo : hi + 1] = 0
    for k in range(start, stop):
        row = space.rows[k]
        space.histogram[column[row], classes[row]] += space.weight[row]
    n = 0
    for c in range(n_classes):
        space.below[c] = 0
        n += space.whole[c]
    n_below, last, before, after = 0, -1, -1, -1
    for b in range(lo, hi + 1):
        n_here = 0
        for c in range(n_classes):
            n_here += space.histogram[b, c]
        if n_here == 0:
            continue
        if last >= 0:
            left = right = 0.0
            for c in range(n_classes):
                left += float(space.below[c]) * space.below[c]
                right += float(space.whole[c] - space.below[c]) * (space.whole[c] - space.below[c])
            score = left / n_below + right / (n - n_below)
            if score > best:
                best, before, after = score, last, b
        for c in range(n_classes):
            space.below[c] += space.histogram[b, c]
        n_below += n_here
        last = b
    return best, before, after, True


@njit(**UNCOUNTED)
def _count(classes, space, start, stop, counts):
    """Count the rows of each class in a node; return the number of classes that there are."""
    space.whole[:] = 0
    for k in range(start, stop):
        row = space.rows[k]
        space.whole[classes[row]] += space.weight[row]
    n = 0
    for c in range(space.whole.size):
        counts[c] = space.whole[c]
        n += space.whole[c] > 0
    return n


@njit(**UNCOUNTED)
def _part(column, space, start, stop, last):
    """Put the rows of a node whose bin is at most ``last`` first; return the end of these."""
    middle, n_moved = start, 0
    for k in range(start, stop):
        row = space.rows[k]
        if column[row] <= last:
            space.rows[middle] = row
            middle += 1
        else:
            space.moved[n_moved] = row
            n_moved += 1
    for k in range(n_moved):
        space.rows[middle + k] = space.moved[k]
    return middle


@njit(**INLINED)
def _threshold(low, high):
    """Return the middle of two float32 as one that is greater than the first; NaN is greater than all."""
    if np.isnan(high):
        return np.nextafter(low, np.float32(np.inf))
    middle = np.float32(0.5 * (np.float64(low) + np.float64(high)))
    return middle if middle > low else high


@cached
def grow_tree(bins, lowest, highest, classes, n_tried, seed, space, grown, importance):
    """Grow a tree on a bootstrap of the rows until its leaves are pure, or of equal rows.

    Parameters
    ----------
    bins, lowest, highest
        See :class:`~napari_batch_prediction.forest.binning.BinnedFeatures`.
    classes
        uint8 (rows,): the class of each row, from 0.
    n_tried
        The number of features that are not constant in a node of which the best split is taken.
    seed
        uint64.
    space, grown
        Work space, and room for the tree.
    importance
        float64 (features,): what each split takes from the impurity of the rows is added.

    Returns
    -------
    The number of nodes.
    """
    n_features, n_rows = bins.shape
    state = uint64(seed)
    space.weight[:] = 0
    for _ in range(n_rows):
        state, row = _drawn(state, n_rows)
        space.weight[row] += 1
    n_drawn = 0
    for row in range(n_rows):
        if space.weight[row]:
            space.rows[n_drawn] = row
            n_drawn += 1
    for j in range(n_features):
        space.order[j] = j
    space.spans[0, 0], space.spans[0, 1] = 0, n_drawn
    n_nodes, node = 1, 0
    while node < n_nodes:
        start, stop = space.spans[node, 0], space.spans[node, 1]
        grown.feature[node], grown.threshold[node], grown.left[node] = -1, 0, 0
        if _count(classes, space, start, stop, grown.counts[node]) > 1:
            best, feature, before, after = -1.0, -1, -1, -1
            tried, j = 0, 0
            while j < n_features and tried < n_tried:
                state, other = _drawn(state, n_features - j)
                other += uint64(j)
                candidate = space.order[other]
                space.order[other], space.order[j] = space.order[j], candidate
                j += 1
                best, last, following, is_split = _best_of_feature(bins[candidate], classes, space, start, stop, best)
                if is_split:
                    tried += 1
                if last >= 0:
                    feature, before, after = candidate, last, following
            if feature >= 0:
                n = own = 0.0
                for c in range(space.whole.size):
                    n += space.whole[c]
                    own += float(space.whole[c]) * space.whole[c]
                importance[feature] += (best - own / n) / n_rows
                middle = _part(bins[feature], space, start, stop, before)
                grown.feature[node], grown.left[node] = feature, n_nodes
                grown.threshold[node] = _threshold(highest[feature, before], lowest[feature, after])
                space.spans[n_nodes, 0], space.spans[n_nodes, 1] = start, middle
                space.spans[n_nodes + 1, 0], space.spans[n_nodes + 1, 1] = middle, stop
                n_nodes += 2
        node += 1
    return n_nodes


VOTE = 2**32
"""The vote of a tree, in the units in which votes are added up: whole numbers, so that their order does not matter."""


@cached
def add_votes(bins, highest, nodes, weight, votes):
    """Add the vote of a tree to the rows that it has not seen.

    Parameters
    ----------
    bins, highest
        See :class:`~napari_batch_prediction.forest.binning.BinnedFeatures`.
    nodes
        The nodes of the tree.
    weight
        int32 (rows,): 0 for the rows that the tree has not seen.
    votes
        int64 (rows, classes): the shares of the classes in the leaf that a row reaches are added.
    """
    for row in range(weight.size):
        if weight[row]:
            continue
        node = 0
        while nodes.feature[node] >= 0:
            # A bin of NaN is not less than any threshold.
            feature = nodes.feature[node]
            is_left = highest[feature, bins[feature, row]] < nodes.threshold[node]
            node = nodes.left[node] + (0 if is_left else 1)
        n = 0
        for c in range(votes.shape[1]):
            n += nodes.counts[node, c]
        for c in range(votes.shape[1]):
            votes[row, c] += VOTE * nodes.counts[node, c] // n
