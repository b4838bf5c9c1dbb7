"""Sets of numbers (union-find), in an array that holds a parent for each number; the root of a set is its own."""

from numba import njit

from napari_batch_prediction.simd.caching import UNCOUNTED


@njit(**UNCOUNTED)
def find_root(parents, i):
    """Return the root of the set that a number is in; paths become shorter on the way."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(**UNCOUNTED)
def unite(parents, a, b):
    """Make one set of two, whose root is the smaller one of theirs; return it."""
    a, b = find_root(parents, a), find_root(parents, b)
    if a < b:
        parents[b] = a
        return a
    parents[a] = b
    return b
