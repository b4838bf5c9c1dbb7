"""The compiled walks: 64 pixels at a time through every tree.

The pixels of a patch are neighbours, so most of them go the same way. A patch is a 64-bit mask: at a node one
comparison of 64 values splits the mask in two, and a node is visited once for all pixels that reach it. Nodes to visit
wait in a queue that holds several trees, so that the next nodes can be fetched from memory meanwhile.
"""

import numpy as np
from numba import float64, njit, uint32, uint64
from numba.extending import overload
from numpy.typing import NDArray

from napari_batch_prediction.forest.packed import GROUP, LEAF, SPARE, PackedForest, PackedRegressors, WalkSpace
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED
from napari_batch_prediction.simd.lanes import DOUBLE_LANES, PATCH
from napari_batch_prediction.simd.masks import (
    add_value,
    add_where,
    is_nan,
    load_sums,
    not_less,
    prefetch,
    store_sums,
)
from napari_batch_prediction.simd.vectors import maximum, splat_double, store_double

_LEAF = uint32(LEAF)
_INDEX = uint32(LEAF - 1)
_SPARE_ROW = uint32(SPARE - 1)


@njit(**INLINED)
def _visit(patch, nodes, queue, head):
    """Return the children of the node at the head of the queue, and the pixels that go to each."""
    pixels, node = queue[uint64(2) * head], queue[uint64(2) * head + uint64(1)] << uint64(2)
    left, right = nodes[node + uint64(2)], nodes[node + uint64(3)]
    above = not_less(patch, uint64(nodes[node + uint64(1)]), nodes[node])
    return left, right, pixels & ~above, pixels & above


@njit(**UNCOUNTED)
def _walk_votes(patch, nodes, roots, first, last, mask, queue, reached):
    """Walk trees first to last with pure leaves; OR into ``reached[row]`` the pixels that end at a leaf."""
    head, tail = uint64(0), uint64(0)
    one, two = uint64(1), uint64(2)
    for tree in range(first, last):
        root = roots[tree]
        if root & _LEAF:
            reached[root & _INDEX] |= mask
        else:
            queue[two * tail], queue[two * tail + one] = mask, uint64(root)
            tail += one
    spare = uint32(reached.size - SPARE)
    while head < tail:
        left, right, goes_left, goes_right = _visit(patch, nodes, queue, head)
        head += one
        # Without branches, which no processor could predict: every child is entered in the table, inner nodes in
        # spare rows of it, and every child is put into the queue, whose end moves on for inner nodes only.
        left_is_leaf, right_is_leaf = left >> uint32(31), right >> uint32(31)
        row = left & _INDEX if left_is_leaf else spare + (left & _SPARE_ROW)
        reached[uint64(row)] |= goes_left
        row = right & _INDEX if right_is_leaf else spare + (right & _SPARE_ROW)
        reached[uint64(row)] |= goes_right
        prefetch(nodes, uint64(left & _INDEX) << two)
        queue[two * tail], queue[two * tail + one] = goes_left, uint64(left)
        tail += (one ^ uint64(left_is_leaf)) & uint64(goes_left != uint64(0))
        queue[two * tail], queue[two * tail + one] = goes_right, uint64(right)
        tail += (one ^ uint64(right_is_leaf)) & uint64(goes_right != uint64(0))


@njit(**UNCOUNTED)
def _walk_leaves(patch, nodes, roots, first, last, mask, queue):
    """Walk trees first to last; list the leaves that are reached, as pairs in the second half of the queue.

    For one pixel the order of its leaves is always the same: by their depth, then by tree.

    Returns
    -------
    The number of leaves.
    """
    head, tail = uint64(0), uint64(0)
    one, two = uint64(1), uint64(2)
    start = uint64(queue.size) >> two
    end = start
    for tree in range(first, last):
        root = roots[tree]
        if root & _LEAF:
            queue[two * end], queue[two * end + one] = mask, uint64(root)
            end += one
        else:
            queue[two * tail], queue[two * tail + one] = mask, uint64(root)
            tail += one
    while head < tail:
        left, right, goes_left, goes_right = _visit(patch, nodes, queue, head)
        head += one
        prefetch(nodes, uint64(left & _INDEX) << two)
        # Without branches, as above: a child is put behind the end of one list, which moves on if it is reached.
        is_leaf, is_reached = uint64(left >> uint32(31)), uint64(goes_left != uint64(0))
        entry = two * (end if is_leaf else tail)
        queue[entry], queue[entry + one] = goes_left, uint64(left)
        end += is_leaf & is_reached
        tail += ~is_leaf & is_reached
        is_leaf, is_reached = uint64(right >> uint32(31)), uint64(goes_right != uint64(0))
        entry = two * (end if is_leaf else tail)
        queue[entry], queue[entry + one] = goes_right, uint64(right)
        end += is_leaf & is_reached
        tail += ~is_leaf & is_reached
    return end - start


@njit(**UNCOUNTED)
def _add_leaves(values, column, queue, n, sums):
    """Add one column of the n leaves in the second half of a queue to the sums of the pixels that reach them."""
    s0, s1, s2, s3 = load_sums(sums, 0), load_sums(sums, 8), load_sums(sums, 16), load_sums(sums, 24)
    s4, s5, s6, s7 = load_sums(sums, 32), load_sums(sums, 40), load_sums(sums, 48), load_sums(sums, 56)
    entry = uint64(queue.size) >> uint64(1)
    for _ in range(n):
        pixels, leaf = queue[entry], uint32(queue[entry + uint64(1)])
        entry += uint64(2)
        value = values[uint64(leaf & _INDEX), column]
        s0, s1 = add_value(s0, pixels, 0, value), add_value(s1, pixels, 8, value)
        s2, s3 = add_value(s2, pixels, 16, value), add_value(s3, pixels, 24, value)
        s4, s5 = add_value(s4, pixels, 32, value), add_value(s5, pixels, 40, value)
        s6, s7 = add_value(s6, pixels, 48, value), add_value(s7, pixels, 56, value)
    store_sums(sums, 0, s0), store_sums(sums, 8, s1), store_sums(sums, 16, s2), store_sums(sums, 24, s3)
    store_sums(sums, 32, s4), store_sums(sums, 40, s5), store_sums(sums, 48, s6), store_sums(sums, 56, s7)


@njit(**UNCOUNTED)
def _walk_sums(patch, forest, first, last, mask, work):
    """Walk trees first to last and set the sums of their leaves."""
    work.sums[:] = 0.0
    for start in range(first, last, GROUP):
        end = min(last, start + GROUP)
        n = _walk_leaves(patch, forest.nodes, forest.roots, start, end, mask, work.queue)
        for column in range(forest.n_columns):
            _add_leaves(forest.values, column, work.queue, n, work.sums[column])


@njit(**UNCOUNTED)
def _without_nan(patch, n_features, mask):
    """Return the pixels of a mask that have no feature that is NaN."""
    for f in range(n_features):
        mask &= ~is_nan(patch, uint64(f * PATCH))
    return mask


@njit(**UNCOUNTED)
def walk_patch(patch, n_features, forest, mask, work):
    """Send a patch through the forest.

    Parameters
    ----------
    patch
        float32 (64 features,) or more: for each feature the values of the 64 pixels.
    n_features
        Number of features.
    forest
        :class:`PackedForest`.
    mask
        uint64: the pixels that matter.
    work
        :class:`WalkSpace` of this forest. Its ``mean`` gets the mean of the trees, which is 0 for pixels with a
        feature that is NaN.
    """
    n_trees, n_columns = forest.roots.size, forest.n_columns
    mask = _without_nan(patch, n_features, mask)
    if not forest.pure:
        _walk_sums(patch, forest, 0, n_trees, mask, work)
        for column in range(n_columns):
            for pixel in range(0, PATCH, DOUBLE_LANES):
                mean = load_sums(work.sums[column], pixel) / splat_double(float64(n_trees))
                store_double(work.mean[column], pixel, mean)
        return
    # Votes are counted for all 64 pixels at once: counts[column, b] holds bit b of each pixel's count.
    counts, reached, votes = work.counts, work.reached, work.votes
    bits = counts.shape[1]
    counts[:] = uint64(0)
    for first in range(0, n_trees, GROUP):
        last = min(n_trees, first + GROUP)
        reached[:] = uint64(0)
        _walk_votes(patch, forest.nodes, forest.roots, first, last, mask, work.queue, reached)
        for tree in range(last - first):
            for column in range(n_columns):
                carry = reached[uint64(tree * n_columns + column)]
                for b in range(bits):
                    old = counts[uint64(column), uint64(b)]
                    counts[uint64(column), uint64(b)] = old ^ carry
                    carry &= old
    for column in range(n_columns):
        votes[:] = 0
        for b in range(bits):
            add_where(votes, uint64(0), counts[uint64(column), uint64(b)], np.uint16(1 << b))
        for pixel in range(PATCH):
            work.mean[column, pixel] = work.share[uint64(votes[uint64(pixel)])]


@njit(**UNCOUNTED)
def walk_regressors(patch, n_features, regressors, mask, work):
    """Send a patch through regressors.

    Parameters
    ----------
    patch, n_features, mask
        As for :func:`walk_patch`.
    regressors
        :class:`PackedRegressors`.
    work
        :class:`WalkSpace` of their forest. Its ``mean`` gets in column 0 the mean of the regressors, each of which
        is at least 0; it is 0 for pixels with a feature that is NaN.
    """
    mask = _without_nan(patch, n_features, mask)
    linear, n_regressors = regressors.linear, regressors.ends.size + regressors.linear.shape[0]
    sums, total, none = work.sums[0], work.total, splat_double(0.0)
    total[:] = 0.0
    first = 0
    for last in regressors.ends:
        _walk_sums(patch, regressors.forest, first, last, mask, work)
        for pixel in range(0, PATCH, DOUBLE_LANES):
            density = maximum(load_sums(sums, pixel) / splat_double(float64(last - first)), none)
            store_sums(total, pixel, load_sums(total, pixel) + density)
        first = last
    for i in range(linear.shape[0]):
        sums[:] = linear[i, n_features]
        for f in range(n_features):
            for pixel in range(PATCH):
                sums[pixel] += linear[i, f] * patch[f * PATCH + pixel]
        for pixel in range(PATCH):
            if mask >> uint64(pixel) & uint64(1):
                total[pixel] += max(sums[pixel], 0.0)
    for pixel in range(0, PATCH, DOUBLE_LANES):
        store_double(work.mean[0], pixel, load_sums(total, pixel) / splat_double(float64(n_regressors)))


def walk(
    patch: NDArray[np.float32], n_features: int, model: PackedForest | PackedRegressors, mask: int, work: WalkSpace
) -> None:
    """Do :func:`walk_patch` or :func:`walk_regressors`, by the type of the model; for compiled code only."""
    raise TypeError("This is for compiled code, which chooses the walk by the type of the model.")


@overload(walk, inline="always")
def _walk(patch, n_features, model, mask, work):
    if model.instance_class is PackedRegressors:
        return lambda patch, n_features, model, mask, work: walk_regressors(patch, n_features, model, mask, work)
    return lambda patch, n_features, model, mask, work: walk_patch(patch, n_features, model, mask, work)
