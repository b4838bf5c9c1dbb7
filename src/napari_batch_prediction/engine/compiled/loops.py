"""Features and forest in one pass over a tile, compiled.

A tile is worked through block by block: features of the block are computed into a buffer that stays in the cache;
patches of 64 pixels are gathered from it and sent through the forest; the result is copied to the output. Vectors are
stored whole, so buffers have room behind their rows for lanes that belong to no pixel.
"""

from numba import njit, uint64

from napari_batch_prediction.engine.compiled.buffers import PITCH
from napari_batch_prediction.features.layout import DEEP, WIDTH
from napari_batch_prediction.features.loops.planes import read_box, size_of_block
from napari_batch_prediction.forest.traverse import walk
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED, strict
from napari_batch_prediction.simd.calls import call
from napari_batch_prediction.simd.lanes import LANES, PATCH
from napari_batch_prediction.simd.vectors import load, store


@njit(**UNCOUNTED)
def _gather_8x8(block, start, size, n_features, patch):
    """Copy 8 rows of 8 pixels of every feature; the next row overwrites the lanes that are too many."""
    for f in range(n_features):
        for r in range(8):
            store(patch, f * PATCH + r * 8, load(block, f * size + start + r * WIDTH))


@njit(**UNCOUNTED)
def _gather_4x4x4(block, start, size, n_features, patch):
    """Copy 4 slices of 4 rows of 4 pixels of every feature; the next row overwrites the lanes that are too many."""
    for f in range(n_features):
        for s in range(4):
            for r in range(4):
                row = load(block, f * size + start + (s * DEEP.rows + r) * WIDTH)
                store(patch, f * PATCH + s * 16 + r * 4, row)


@njit(**INLINED)
def _mask(geometry, slices, rows, columns):
    """Return the mask of those pixels of a patch that lie within the block."""
    if slices * rows * columns >= PATCH:
        return ~uint64(0)
    mask = uint64(0)
    for s in range(slices):
        for r in range(rows):
            bits = (uint64(1) << uint64(columns)) - uint64(1)
            mask |= bits << uint64((s * geometry.patch_rows + r) * geometry.patch_columns)
    return mask


@njit(**UNCOUNTED)
def _scatter(mean, column, result, start, slices, rows, geometry):
    """Copy the values of a patch to the rows of a result."""
    for s in range(slices):
        for r in range(rows):
            row = start + (s * geometry.rows + r) * PITCH
            store(result, row, load(mean, column * PATCH + (s * geometry.patch_rows + r) * geometry.patch_columns))


@njit(**INLINED)
def _copy_row(source, start, row, x, n):
    """Copy n values to ``row[x:]``."""
    whole = n // LANES * LANES
    for c in range(0, whole, LANES):
        store(row, x + c, load(source, start + c))
    for c in range(whole, n):
        row[x + c] = source[start + c]


@njit(**UNCOUNTED)
def _copy_block(source, size, pitch, geometry, box, target):
    """Copy a block, of ``size`` elements for each channel and ``pitch`` for each row, to channels (n, z, y, x)."""
    for channel in range(target.shape[0]):
        for s in range(box.slices):
            for r in range(box.rows):
                start = channel * size + (s * geometry.rows + r) * pitch
                _copy_row(source, start, target[channel, box.z + s, box.y + r], box.x, box.columns)


@strict
def vote(buffers, n_features, n_values, geometry, box, model, space):
    """Send a block through the forest, patch by patch.

    Parameters
    ----------
    buffers
        :class:`~.buffers.Buffers`, with the features of the block.
    n_features, n_values
        Length of the feature vector, and number of values of the model.
    geometry, box
        :class:`~.layout.Geometry`, and the numbers of a :class:`~.layout.Box` in an int64 array.
    model, space
        :class:`~.packed.PackedForest` or :class:`~.packed.PackedRegressors`, and the :class:`~.packed.WalkSpace` for
        it.
    """
    box, size = read_box(box), size_of_block(geometry)
    for s in range(0, box.slices, geometry.patch_slices):
        for r in range(0, box.rows, geometry.patch_rows):
            for c in range(0, box.columns, geometry.patch_columns):
                start = (s * geometry.rows + r) * WIDTH + c
                if geometry.patch_slices == 1:
                    _gather_8x8(buffers.block, start, size, n_features, buffers.patch)
                else:
                    _gather_4x4x4(buffers.block, start, size, n_features, buffers.patch)
                slices = min(geometry.patch_slices, box.slices - s)
                rows = min(geometry.patch_rows, box.rows - r)
                columns = min(geometry.patch_columns, box.columns - c)
                walk(buffers.patch, n_features, model, _mask(geometry, slices, rows, columns), space)
                for value in range(n_values):
                    start = ((value * geometry.slices + s) * geometry.rows + r) * PITCH + c
                    _scatter(space.mean, value, buffers.result, start, slices, rows, geometry)


@strict
def predict_tile(features_of_block, vote_on_block, buffers, geometry, box, values, features):
    """Predict a tile.

    Parameters
    ----------
    features_of_block, vote_on_block
        int64 (n, 2): a :class:`~.kernel.Call` in each row, of kernels that compute the features of a block, and its
        values.
    buffers
        :class:`~.buffers.Buffers`.
    geometry
        :class:`~.layout.Geometry`: a flat one if no feature looks beyond its slice.
    box
        int64 (6,): the block for which these are called, written here.
    values, features
        float32 (n, z, y, x), written here: as many channels as the model has values, or none if they are not wanted,
        and likewise as there are features.

    Returns
    -------
    The number of calls that raised an error.
    """
    depth, height, width = values.shape[1:]
    errors = 0
    for z in range(0, depth, geometry.slices):
        for y in range(0, height, geometry.rows):
            for x in range(0, width, WIDTH):
                slices, rows = min(geometry.slices, depth - z), min(geometry.rows, height - y)
                box[0], box[1], box[2] = z, y, x
                box[3], box[4], box[5] = slices, rows, min(WIDTH, width - x)
                here = read_box(box)
                for i in range(features_of_block.shape[0]):
                    errors += call(features_of_block[i, 0], features_of_block[i, 1])
                _copy_block(buffers.block, size_of_block(geometry), WIDTH, geometry, here, features)
                if values.shape[0] > 0:
                    for i in range(vote_on_block.shape[0]):
                        errors += call(vote_on_block[i, 0], vote_on_block[i, 1])
                    size = geometry.slices * geometry.rows * PITCH
                    _copy_block(buffers.result, size, PITCH, geometry, here, values)
    return errors
