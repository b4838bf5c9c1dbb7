"""The compiled search for the best split of a node, and what goes with it.

The quality of a split is the sum over both sides of the squares of the counts of classes, divided by the rows there.
The greater it is, the less is the Gini impurity of the sides. Of rows with values it is the sum of the squares of the
sums of values, divided by the rows: the greater it is, the less is the variance within the sides.
"""

import numpy as np
from numba import float64, int32, njit, uint64

from napari_batch_prediction.forest.growth_space import FIELD_BITS, N_BINS
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED
from napari_batch_prediction.simd.masks import lowest_bit, next_float

FEW = 64
"""With fewer rows in a node, only the bins that have any are looked at."""

_ONE, _BINS = uint64(1), uint64(N_BINS)
_SECOND, _THIRD = uint64(FIELD_BITS), uint64(2 * FIELD_BITS)


@njit(**INLINED)
def _fields(word, masks):
    """Return the three numbers of a word as float64."""
    # By int32, which processors turn into float64 in vectors.
    return (
        float64(int32(word & masks[0])),
        float64(int32((word >> _SECOND) & masks[1])),
        float64(int32((word >> _THIRD) & masks[2])),
    )


@njit(**INLINED)
def _squares(rows, a, b, c):
    """Return the sum of the squares of those numbers of a word that quality is made of."""
    return rows.squared[0] * a * a + rows.squared[1] * b * b + rows.squared[2] * c * c


@njit(**INLINED)
def _number(rows, a, b, c):
    """Return the number of rows that a word counts."""
    return rows.counted[0] * a + rows.counted[1] * b + rows.counted[2] * c


@njit(**UNCOUNTED)
def quality(rows, counts):
    """Return the sum of the squares of what rows add up to, and their number."""
    squares = n = 0.0
    for w in range(uint64(counts.size)):
        a, b, c = _fields(counts[w], rows.masks)
        squares += _squares(rows, a, b, c)
        n += _number(rows, a, b, c)
    return squares, n


@njit(**UNCOUNTED)
def _fill(rows, offset, space, start, stop):
    """Count the rows of a node by the bins of a feature."""
    if space.below.size == 1:
        for k in range(start, stop):
            space.histogram[uint64(rows.bins[offset + uint64(space.rows[k])])] += space.weights[k]
    else:
        for k in range(start, stop):
            row = uint64(space.rows[k])
            space.histogram[uint64(rows.plane[row]) + uint64(rows.bins[offset + row])] += space.weights[k]


@njit(**UNCOUNTED)
def _sum_borders(rows, space, counts):
    """Sum rows and squares below and above every border between bins; return the number of rows."""
    below, above, n_below, m = space.sums[0], space.sums[1], space.sums[2], rows.masks
    n = 0.0
    for w in range(uint64(counts.size)):
        plane = space.histogram[w * _BINS : (w + _ONE) * _BINS]
        total = uint64(0)
        for b in range(_BINS):
            total += plane[b]
            plane[b] = total
        t0, t1, t2 = _fields(counts[w], m)
        n += _number(rows, t0, t1, t2)
        if w == uint64(0):
            for b in range(_BINS):
                c0, c1, c2 = _fields(plane[b], m)
                n_below[b] = _number(rows, c0, c1, c2)
                below[b] = _squares(rows, c0, c1, c2)
                above[b] = _squares(rows, t0 - c0, t1 - c1, t2 - c2)
        else:
            for b in range(_BINS):
                c0, c1, c2 = _fields(plane[b], m)
                n_below[b] += _number(rows, c0, c1, c2)
                below[b] += _squares(rows, c0, c1, c2)
                above[b] += _squares(rows, t0 - c0, t1 - c1, t2 - c2)
    return n


@njit(**UNCOUNTED)
def _best_of_many(rows, offset, space, counts, start, stop, best):
    """Look at every border between bins; see :func:`best_of_feature`."""
    _fill(rows, offset, space, start, stop)
    n = _sum_borders(rows, space, counts)
    below, above, n_below = space.sums[0], space.sums[1], space.sums[2]
    first, last = uint64(0), _BINS - _ONE
    while n_below[first] == 0:
        first += _ONE
    while last > first and n_below[last - _ONE] == n:
        last -= _ONE
    # Borders are those after bins first to last - 1: there are rows on both sides.
    for b in range(first, last):
        n_above = n - n_below[b]
        below[b] = (below[b] * n_above + above[b] * n_below[b]) / (n_below[b] * n_above)
    where = _BINS
    for b in range(first, last):
        if below[b] > best:
            best, where = below[b], b
    following = where
    if where < _BINS:
        # The bins after the border without rows count as above: the bin that follows has rows.
        following = where + _ONE
        while n_below[following] == n_below[where]:
            following += _ONE
        for w in range(uint64(counts.size)):
            space.below[w] = space.histogram[w * _BINS + where]
    space.histogram[:] = 0
    return best, where, following, first < last


@njit(**UNCOUNTED)
def _best_of_few(rows, offset, space, counts, start, stop, best):
    """Look at the borders between bins with rows; see :func:`best_of_feature`."""
    n_words, m = uint64(counts.size), rows.masks
    for k in range(start, stop):
        row = uint64(space.rows[k])
        b = uint64(rows.bins[offset + row])
        space.histogram[uint64(rows.plane[row]) + b] += space.weights[k]
        space.occupied[b >> uint64(6)] |= _ONE << (b & uint64(63))
    where, following, before = _BINS, _BINS, _BINS
    is_split = False
    for w in range(n_words):
        space.here[w] = 0
    for part in range(uint64(4)):
        bits = space.occupied[part]
        space.occupied[part] = 0
        while bits:
            b = (part << uint64(6)) + lowest_bit(bits)
            bits &= bits - _ONE
            if before < _BINS:
                is_split = True
                squares = squares_above = n_below = n_above = 0.0
                for w in range(n_words):
                    c0, c1, c2 = _fields(space.here[w], m)
                    d0, d1, d2 = _fields(counts[w] - space.here[w], m)
                    squares += _squares(rows, c0, c1, c2)
                    squares_above += _squares(rows, d0, d1, d2)
                    n_below += _number(rows, c0, c1, c2)
                    n_above += _number(rows, d0, d1, d2)
                score = (squares * n_above + squares_above * n_below) / (n_below * n_above)
                if score > best:
                    best, where, following = score, before, b
                    for w in range(n_words):
                        space.below[w] = space.here[w]
            for w in range(n_words):
                space.here[w] += space.histogram[w * _BINS + b]
                space.histogram[w * _BINS + b] = 0
            before = b
    return best, where, following, is_split


@njit(**UNCOUNTED)
def best_of_feature(rows, feature, space, counts, start, stop, best):
    """Look for a split of a node by a feature that is better than the best one so far.

    Parameters
    ----------
    rows, space
        See :mod:`~napari_batch_prediction.forest.growth_space`; ``space.below`` is set for a better split.
    feature
        The feature.
    counts
        uint64 (words,): packed counts of the node.
    start, stop
        Where its rows are.
    best
        The quality of the best split so far.

    Returns
    -------
    The quality of the best split, the bins before and after its border (256 if it is none of this feature), and
    whether the feature can part the rows at all.
    """
    offset = uint64(feature) * uint64(rows.one.size)
    if stop - start < uint64(FEW):
        return _best_of_few(rows, offset, space, counts, start, stop, best)
    return _best_of_many(rows, offset, space, counts, start, stop, best)


@njit(**INLINED)
def threshold_between(low, high):
    """Return the float32 in the middle of two, greater than the first; the next one if the second is NaN."""
    if np.isnan(high):
        return next_float(low)
    middle = np.float32(0.5 * (np.float64(low) + np.float64(high)))
    return middle if middle > low else high


@njit(**INLINED)
def border_between(lowest, highest, before, after):
    """Return the last bin below the border that is nearest to the middle between two bins, and the threshold there.

    Bins between the two have no rows in the node, but rows elsewhere: all of a bin go the same way.
    """
    middle = threshold_between(highest[before], lowest[after])
    last = before
    while after - last > _ONE:
        b = (last + after) >> _ONE
        if highest[b] < middle:
            last = b
        else:
            after = b
    return last, threshold_between(highest[last], lowest[last + _ONE])
