"""The compiled walks: 64 pixels at a time through every tree.

The pixels of a patch are neighbours, so most of them go the same way. A patch is a 64-bit mask: at a node one
comparison of 64 values splits the mask in two, and a node is visited once for all pixels that reach it. Nodes to visit
wait in a queue that holds several trees, so that the next nodes can be fetched from memory meanwhile.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types, uint32, uint64
from numba.extending import intrinsic

from napari_batch_prediction.forest.packed import GROUP, LEAF, PATCH

_LEAF = uint32(LEAF)
_INDEX = uint32(LEAF - 1)

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "cache": True}


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
def _prefetch(typingctx, array, offset):
    """Ask for the cache line of ``array[offset]``."""

    def codegen(context, builder, signature, args):
        flat = context.make_array(signature.args[0])(context, builder, args[0])
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(flat.data, [args[1]]), byte)
        kinds = [byte] + [ir.IntType(32)] * 3
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), kinds)
        )
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


@njit(**_OPTIONS)
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
    one = uint64(1)
    while head < tail:
        node = uint64(queue[head]) << uint64(2)
        pixels = masks[head]
        head += one
        left, right = nodes[node + uint64(2)], nodes[node + uint64(3)]
        above = _not_less(patch, uint64(nodes[node + one]), nodes[node])
        goes_right = pixels & above
        goes_left = pixels & ~above
        # Without branches: a leaf is entered in the table, a node in the queue, and what does not apply is
        # written where it is overwritten, or ORed with nothing.
        is_leaf = uint64(left >> uint32(31))
        reached[(left & _INDEX) * uint32(is_leaf)] |= goes_left & (uint64(0) - is_leaf)
        queue[tail] = left
        masks[tail] = goes_left
        tail += (one - is_leaf) & uint64(goes_left != uint64(0))
        is_leaf = uint64(right >> uint32(31))
        reached[(right & _INDEX) * uint32(is_leaf)] |= goes_right & (uint64(0) - is_leaf)
        queue[tail] = right
        masks[tail] = goes_right
        tail += (one - is_leaf) & uint64(goes_right != uint64(0))
    return tail


@njit(**_OPTIONS)
def _add_values(values, row, pixels, sums):
    n_columns = values.shape[1]
    while pixels != uint64(0):
        pixel = _trailing_zeros(pixels)
        pixels &= pixels - uint64(1)
        for column in range(n_columns):
            sums[column, pixel] += values[row, column]


@njit(**_OPTIONS)
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


@njit(**_OPTIONS)
def _not_a_number(patch):
    """Return a mask of the pixels of which any feature is NaN."""
    found = uint64(0)
    for i in range(patch.size):
        if patch[i] != patch[i]:
            found |= uint64(1) << uint64(i % PATCH)
    return found


@njit(**_OPTIONS)
def walk_patch(patch, forest, mask, queue, masks, reached, counts, sums):
    """Send a patch through the forest.

    Parameters
    ----------
    patch
        float32 (64 features,): for each feature the values of the 64 pixels.
    forest
        :class:`PackedForest`.
    mask
        uint64: the pixels that matter.
    queue, masks
        Work space: uint32 and uint64 of ``forest.capacity + GROUP + 2`` elements.
    reached, counts
        Work space: uint64 (GROUP * columns,) and (columns, bits), 2**bits being more than the number of trees.
    sums
        float64 (columns, 64): the mean of the trees, written here; of pixels with a feature that is NaN, 0.
    """
    n_trees, n_columns, bits = forest.roots.size, forest.n_columns, counts.shape[1]
    mask &= ~_not_a_number(patch)
    sums[:] = 0.0
    if not forest.pure:
        for first in range(0, n_trees, GROUP):
            last = min(n_trees, first + GROUP)
            _walk_sums(patch, forest.nodes, forest.roots, forest.values, first, last, mask, queue, masks, sums)
        for column in range(n_columns):
            for pixel in range(PATCH):
                sums[column, pixel] /= n_trees
        return
    # Votes are counted for all 64 pixels at once, bit by bit: counts[column, b] holds bit b of each count.
    counts[:] = uint64(0)
    for first in range(0, n_trees, GROUP):
        last = min(n_trees, first + GROUP)
        reached[:] = uint64(0)
        _walk_votes(patch, forest.nodes, forest.roots, first, last, mask, queue, masks, reached)
        for tree in range(last - first):
            for column in range(n_columns):
                carry = reached[tree * n_columns + column]
                for b in range(bits):
                    both = counts[column, b] & carry
                    counts[column, b] ^= carry
                    carry = both
    for column in range(n_columns):
        for pixel in range(PATCH):
            votes = uint64(0)
            for b in range(bits):
                votes |= ((counts[column, b] >> uint64(pixel)) & uint64(1)) << uint64(b)
            sums[column, pixel] = np.float64(votes) / n_trees


@njit(**_OPTIONS)
def predict_rows(rows, forest, bits, out):
    """Send rows of features through the forest.

    Parameters
    ----------
    rows
        float32 (n, features).
    forest
        :class:`PackedForest`.
    bits
        Binary digits of the number of trees.
    out
        float32 (n, columns): the mean of the trees, written here.
    """
    n, n_features = rows.shape
    patch = np.empty(n_features * PATCH, np.float32)
    queue = np.empty(forest.capacity + GROUP + 2, np.uint32)
    masks = np.empty(forest.capacity + GROUP + 2, np.uint64)
    reached = np.empty(GROUP * forest.n_columns, np.uint64)
    counts = np.empty((forest.n_columns, bits), np.uint64)
    sums = np.empty((forest.n_columns, PATCH))
    for first in range(0, n, PATCH):
        size = min(PATCH, n - first)
        mask = ~uint64(0) >> uint64(PATCH - size)
        for f in range(n_features):
            for i in range(PATCH):
                patch[f * PATCH + i] = rows[first + min(i, size - 1), f]
        walk_patch(patch, forest, mask, queue, masks, reached, counts, sums)
        for i in range(size):
            for column in range(forest.n_columns):
                out[first + i, column] = sums[column, i]
