"""The compiled walks: 64 pixels at a time through every tree.

The pixels of a patch are neighbours, so most of them go the same way. A patch is a 64-bit mask: at a node one
comparison of 64 values splits the mask in two, and a node is visited once for all pixels that reach it. Nodes to visit
wait in a queue that holds several trees, so that the next nodes can be fetched from memory meanwhile.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types, uint32, uint64
from numba.extending import intrinsic

from napari_batch_prediction.features.vectors import CACHED, COMPILED
from napari_batch_prediction.forest.packed import GROUP, LEAF, PATCH, SPARE

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
def _trailing_zeros(typingctx, mask):
    """Return the index of the lowest bit set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@njit(**COMPILED)
def _walk_votes(patch, nodes, roots, first, last, mask, queue, masks, reached):
    """Walk trees first to last with pure leaves; OR into ``reached[row]`` the pixels that end at a leaf."""
    tail = uint64(0)
    for tree in range(first, last):
        root = roots[tree]
        if root & _LEAF:
            reached[root & _INDEX] |= mask
        else:
            queue[tail] = root
            masks[tail] = mask
            tail += uint64(1)
    head = uint64(0)
    one, two, three = uint64(1), uint64(2), uint64(3)
    spare = uint32(reached.size - SPARE)
    while head < tail:
        node = uint64(queue[head]) << two
        pixels = masks[head]
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
        queue[tail] = left
        masks[tail] = goes_left
        tail += (one ^ uint64(left_is_leaf)) & uint64(goes_left != uint64(0))
        queue[tail] = right
        masks[tail] = goes_right
        tail += (one ^ uint64(right_is_leaf)) & uint64(goes_right != uint64(0))
    return tail


@njit(**COMPILED)
def _add_values(values, row, pixels, sums):
    n_columns = values.shape[1]
    while pixels != uint64(0):
        pixel = _trailing_zeros(pixels)
        pixels &= pixels - uint64(1)
        for column in range(n_columns):
            sums[column, pixel] += values[row, column]


@njit(**COMPILED)
def _walk_sums(patch, nodes, roots, values, first, last, mask, queue, masks, sums):
    """Walk trees first to last and add the values of the leaves; for one pixel the order is always the same."""
    tail = uint64(0)
    for tree in range(first, last):
        root = roots[tree]
        if root & _LEAF:
            _add_values(values, root & _INDEX, mask, sums)
        else:
            queue[tail] = root
            masks[tail] = mask
            tail += uint64(1)
    head = uint64(0)
    while head < tail:
        node = uint64(queue[head]) << uint64(2)
        pixels = masks[head]
        head += uint64(1)
        above = _not_less(patch, uint64(nodes[node + uint64(1)]), nodes[node])
        for side in range(2):
            child = nodes[node + uint64(2 + side)]
            part = pixels & (above if side else ~above)
            if part == uint64(0):
                continue
            if child & _LEAF:
                _add_values(values, child & _INDEX, part, sums)
            else:
                queue[tail] = child
                masks[tail] = part
                tail += uint64(1)


@njit(**COMPILED)
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
    for f in range(n_features):
        mask &= ~_is_nan(patch, uint64(f * PATCH))
    if not forest.pure:
        work.sums[:] = 0.0
        for first in range(0, n_trees, GROUP):
            last = min(n_trees, first + GROUP)
            _walk_sums(
                patch, forest.nodes, forest.roots, forest.values, first, last, mask, work.queue, work.masks, work.sums
            )  # fmt: skip
        for column in range(n_columns):
            for pixel in range(PATCH):
                work.mean[column, pixel] = work.sums[column, pixel] / n_trees
        return
    # Votes are counted for all 64 pixels at once: counts[column, b] holds bit b of each pixel's count.
    counts, reached, votes = work.counts, work.reached, work.votes
    bits = counts.shape[1]
    counts[:] = uint64(0)
    for first in range(0, n_trees, GROUP):
        last = min(n_trees, first + GROUP)
        reached[:] = uint64(0)
        _walk_votes(patch, forest.nodes, forest.roots, first, last, mask, work.queue, work.masks, reached)
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


@njit(**CACHED)
def predict_rows(rows, forest, work, out):
    """Send rows of features through the forest.

    Parameters
    ----------
    rows
        float32 (n, features).
    forest, work
        :class:`PackedForest` and its :class:`WalkSpace`.
    out
        float32 (n, columns): the mean of the trees, written here; 0 for rows with NaN.
    """
    n, n_features = rows.shape
    patch = np.empty(n_features * PATCH, np.float32)
    for first in range(0, n, PATCH):
        size = min(PATCH, n - first)
        for f in range(n_features):
            for i in range(PATCH):
                patch[f * PATCH + i] = rows[first + min(i, size - 1), f]
        walk_patch(patch, n_features, forest, ~uint64(0), work)
        for i in range(size):
            for column in range(forest.n_columns):
                out[first + i, column] = work.mean[column, i]
