"""The compiled walks: 64 pixels at a time through every tree.

The pixels of a patch are neighbours, so most of them go the same way. A patch is a 64-bit mask: at a node one
comparison of 64 values splits the mask in two, and a node is visited once for all pixels that reach it. Nodes to visit
wait in a queue that holds several trees, so that the next nodes can be fetched from memory meanwhile.
"""

import numpy as np
from llvmlite import ir
from numba import float64, njit, types, uint32, uint64
from numba.extending import intrinsic, overload

from napari_batch_prediction.features.vectors import (
    CACHED,
    COMPILED,
    DOUBLE_LANES,
    aligned,
    float64_vector,
    maximum,
    splat_double,
    store_double,
)
from napari_batch_prediction.forest.packed import GROUP, LEAF, PATCH, SPARE, PackedRegressors

_LEAF = uint32(LEAF)
_INDEX = uint32(LEAF - 1)
_SPARE_ROW = uint32(SPARE - 1)


@intrinsic
def _not_less(typingctx, array, offset, threshold):
    """Return a mask: bit i is set unless ``array[offset + i]`` is less than the float32 with these bits."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.FloatType(), PATCH)
        pixels = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        pixels.align = 4
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(
            undefined, builder.bitcast(args[2], ir.FloatType()), ir.Constant(ir.IntType(32), 0)
        )
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), PATCH), [0] * PATCH)
        limit = builder.shuffle_vector(one, undefined, lanes)
        # Unordered: NaN is not less than anything and goes right.
        return builder.bitcast(builder.fcmp_unordered(">=", pixels, limit), ir.IntType(64))

    return types.uint64(array, types.uint64, types.uint32), codegen


@intrinsic
def _is_nan(typingctx, array, offset):
    """Return a mask: bit i is set if ``array[offset + i]`` is NaN."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.FloatType(), PATCH)
        pixels = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        pixels.align = 4
        return builder.bitcast(builder.fcmp_unordered("uno", pixels, pixels), ir.IntType(64))

    return types.uint64(array, types.uint64), codegen


@intrinsic
def _add_where(typingctx, array, offset, mask, value):
    """Add a uint16 to those of ``array[offset : offset + 64]`` whose bit of the mask is set."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.IntType(16), PATCH)
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer())
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(undefined, args[3], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), PATCH), [0] * PATCH)
        chosen = builder.bitcast(args[2], ir.VectorType(ir.IntType(1), PATCH))
        zeros = ir.Constant(vector, [0] * PATCH)
        part = builder.select(chosen, builder.shuffle_vector(one, undefined, lanes), zeros)
        old = builder.load(place)
        old.align = 2
        builder.store(builder.add(old, part), place).align = 2
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint64, types.uint16), codegen


@intrinsic
def _prefetch(typingctx, array, offset):
    """Ask for the cache line of ``array[offset]``."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), byte)
        kinds = [byte] + [ir.IntType(32)] * 3
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), kinds))
        read, keep, data = (ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))
        builder.call(function, [place, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.uint64), codegen


@intrinsic
def _add_value(typingctx, sums, mask, shift, value):
    """Add a float64 to those of 8 sums whose bit of the mask, shifted right, is set."""

    def codegen(context, builder, signature, args):
        vector = args[0].type
        byte = builder.trunc(builder.lshr(args[1], args[2]), ir.IntType(8))
        chosen = builder.bitcast(byte, ir.VectorType(ir.IntType(1), DOUBLE_LANES))
        undefined = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(undefined, args[3], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), DOUBLE_LANES), [0] * DOUBLE_LANES)
        more = builder.fadd(args[0], builder.shuffle_vector(one, undefined, lanes))
        return builder.select(chosen, more, args[0])

    return sums(sums, types.uint64, types.uint64, types.float64), codegen


@intrinsic
def _load_sums(typingctx, array, offset):
    """Return ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(ir.DoubleType(), DOUBLE_LANES)
        value = builder.load(builder.bitcast(builder.gep(flat.data, [args[1]]), vector.as_pointer()))
        value.align = 8
        return value

    return float64_vector(array, types.uint64), codegen


@intrinsic
def _store_sums(typingctx, array, offset, sums):
    """Set ``array[offset : offset + 8]`` of a flat float64 array."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), args[2].type.as_pointer())
        builder.store(args[2], place).align = 8
        return context.get_dummy_value()

    return types.void(array, types.uint64, float64_vector), codegen


@njit(**COMPILED, inline="always")
def _walk_votes(patch, nodes, roots, first, last, mask, queue, reached):
    """Walk trees first to last with pure leaves; OR into ``reached[row]`` the pixels that end at a leaf."""
    head, tail = uint64(0), uint64(0)
    one, two, three = uint64(1), uint64(2), uint64(3)
    for tree in range(first, last):
        root = roots[tree]
        if root & _LEAF:
            reached[root & _INDEX] |= mask
        else:
            queue[two * tail], queue[two * tail + one] = mask, uint64(root)
            tail += one
    spare = uint32(reached.size - SPARE)
    while head < tail:
        pixels, node = queue[two * head], queue[two * head + one] << two
        head += one
        left, right = nodes[node + two], nodes[node + three]
        above = _not_less(patch, uint64(nodes[node + one]), nodes[node])
        goes_right = pixels & above
        goes_left = pixels & ~above
        # Without branches, which nobody could predict: every child is entered in the table, inner nodes in
        # spare rows of it, and every child is put into the queue, whose end moves on for inner nodes only.
        left_is_leaf, right_is_leaf = left >> uint32(31), right >> uint32(31)
        row = left & _INDEX if left_is_leaf else spare + (left & _SPARE_ROW)
        reached[uint64(row)] |= goes_left
        row = right & _INDEX if right_is_leaf else spare + (right & _SPARE_ROW)
        reached[uint64(row)] |= goes_right
        _prefetch(nodes, uint64(left & _INDEX) << two)
        queue[two * tail], queue[two * tail + one] = goes_left, uint64(left)
        tail += (one ^ uint64(left_is_leaf)) & uint64(goes_left != uint64(0))
        queue[two * tail], queue[two * tail + one] = goes_right, uint64(right)
        tail += (one ^ uint64(right_is_leaf)) & uint64(goes_right != uint64(0))


@njit(**COMPILED, inline="always")
def _walk_leaves(patch, nodes, roots, first, last, mask, queue):
    """Walk trees first to last; list the leaves that are reached, as pairs in the second half of the queue.

    For one pixel the order of its leaves is always the same: by their depth, then by tree.

    Returns
    -------
    The number of leaves.
    """
    head, tail = uint64(0), uint64(0)
    one, two, three = uint64(1), uint64(2), uint64(3)
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
        pixels, node = queue[two * head], queue[two * head + one] << two
        head += one
        left, right = nodes[node + two], nodes[node + three]
        above = _not_less(patch, uint64(nodes[node + one]), nodes[node])
        goes_right = pixels & above
        goes_left = pixels & ~above
        _prefetch(nodes, uint64(left & _INDEX) << two)
        # Without branches, as above: a child is put behind the end of one list, which moves on if it is reached.
        is_leaf, is_reached = uint64(left >> uint32(31)), uint64(goes_left != uint64(0))
        at = two * (end if is_leaf else tail)
        queue[at], queue[at + one] = goes_left, uint64(left)
        end += is_leaf & is_reached
        tail += ~is_leaf & is_reached
        is_leaf, is_reached = uint64(right >> uint32(31)), uint64(goes_right != uint64(0))
        at = two * (end if is_leaf else tail)
        queue[at], queue[at + one] = goes_right, uint64(right)
        end += is_leaf & is_reached
        tail += ~is_leaf & is_reached
    return end - start


@njit(**COMPILED, inline="always")
def _add_leaves(values, column, queue, n, sums):
    """Add what the n leaves in the second half of a queue say in a column to the sums of the pixels there."""
    s0, s1, s2, s3 = _load_sums(sums, 0), _load_sums(sums, 8), _load_sums(sums, 16), _load_sums(sums, 24)
    s4, s5, s6, s7 = _load_sums(sums, 32), _load_sums(sums, 40), _load_sums(sums, 48), _load_sums(sums, 56)
    at = uint64(queue.size) >> uint64(1)
    for _ in range(n):
        pixels, leaf = queue[at], uint32(queue[at + uint64(1)])
        at += uint64(2)
        value = values[uint64(leaf & _INDEX), column]
        s0, s1 = _add_value(s0, pixels, 0, value), _add_value(s1, pixels, 8, value)
        s2, s3 = _add_value(s2, pixels, 16, value), _add_value(s3, pixels, 24, value)
        s4, s5 = _add_value(s4, pixels, 32, value), _add_value(s5, pixels, 40, value)
        s6, s7 = _add_value(s6, pixels, 48, value), _add_value(s7, pixels, 56, value)
    _store_sums(sums, 0, s0), _store_sums(sums, 8, s1), _store_sums(sums, 16, s2), _store_sums(sums, 24, s3)
    _store_sums(sums, 32, s4), _store_sums(sums, 40, s5), _store_sums(sums, 48, s6), _store_sums(sums, 56, s7)


@njit(**COMPILED, inline="always")
def _walk_sums(patch, forest, first, last, mask, work):
    """Walk trees first to last and set the sums of what their leaves say."""
    work.sums[:] = 0.0
    for start in range(first, last, GROUP):
        end = min(last, start + GROUP)
        n = _walk_leaves(patch, forest.nodes, forest.roots, start, end, mask, work.queue)
        for column in range(forest.n_columns):
            _add_leaves(forest.values, column, work.queue, n, work.sums[column])


@njit(**COMPILED, inline="always")
def _without_nan(patch, n_features, mask):
    """Return the pixels of a mask that have no feature that is NaN."""
    for f in range(n_features):
        mask &= ~_is_nan(patch, uint64(f * PATCH))
    return mask


@njit(**COMPILED, inline="always")
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
                mean = _load_sums(work.sums[column], pixel) / splat_double(float64(n_trees))
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
            _add_where(votes, uint64(0), counts[uint64(column), uint64(b)], np.uint16(1 << b))
        for pixel in range(PATCH):
            work.mean[column, pixel] = work.share[uint64(votes[uint64(pixel)])]


@njit(**COMPILED, inline="always")
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
            density = maximum(_load_sums(sums, pixel) / splat_double(float64(last - first)), none)
            _store_sums(total, pixel, _load_sums(total, pixel) + density)
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
        store_double(work.mean[0], pixel, _load_sums(total, pixel) / splat_double(float64(n_regressors)))


def walk(patch, n_features, model, mask, work):
    """Do :func:`walk_patch` or :func:`walk_regressors`, by what the model is; for compiled code only."""
    raise NotImplementedError


@overload(walk)
def _walk(patch, n_features, model, mask, work):
    if model.instance_class is PackedRegressors:
        return lambda patch, n_features, model, mask, work: walk_regressors(patch, n_features, model, mask, work)
    return lambda patch, n_features, model, mask, work: walk_patch(patch, n_features, model, mask, work)


@njit(**CACHED)
def predict_rows(rows, forest, work, out):
    """Send rows of features through the forest.

    Parameters
    ----------
    rows
        float32 (n, features).
    forest, work
        :class:`PackedForest` or :class:`PackedRegressors`, and the :class:`WalkSpace` of the forest.
    out
        float32 (n, columns): the mean of the trees or regressors, written here; 0 for rows with NaN.
    """
    n, n_features = rows.shape
    patch = aligned(n_features * PATCH)
    for first in range(0, n, PATCH):
        size = min(PATCH, n - first)
        for f in range(n_features):
            for i in range(PATCH):
                patch[f * PATCH + i] = rows[first + min(i, size - 1), f]
        walk(patch, n_features, forest, ~uint64(0), work)
        for i in range(size):
            for column in range(out.shape[1]):
                out[first + i, column] = work.mean[column, i]
