"""Features and forest in one pass over a tile, compiled.

A tile is worked through block by block: features of the block are computed into a buffer that stays in the cache;
patches of 64 pixels are gathered from it and sent through the forest; the result is copied to the output. Vectors are
stored whole, so buffers have room behind their rows for lanes that belong to no pixel.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from napari_batch_prediction.features.blocks import WORK_SIZE, block_features
from napari_batch_prediction.features.layout import DEEP, WIDTH, Box, block_size
from napari_batch_prediction.forest.traverse import walk
from napari_batch_prediction.simd.caching import COMPILED, INLINED, UNCOUNTED, cached
from napari_batch_prediction.simd.masks import PATCH
from napari_batch_prediction.simd.vectors import LANES, aligned, load, store

_PITCH = WIDTH + LANES  # Elements from row to row of a result.


class Buffers(NamedTuple):
    """Work space of one thread, float32, flat.

    Attributes
    ----------
    work
        The passes of the filters.
    block
        Features of a block: for each feature slices, rows, and :data:`WIDTH` columns.
    patch
        Features of a patch: for each feature 64 pixels.
    result
        Values of a block: for each value slices, rows, and columns in rows of :data:`_PITCH`.
    """

    work: NDArray[np.float32]
    block: NDArray[np.float32]
    patch: NDArray[np.float32]
    result: NDArray[np.float32]


@njit(**COMPILED)
def _buffers(n_features, n_values, geometry):
    """Return buffers. Work space and block are 0 at first: the filters read beyond the elements they have written."""
    work = aligned(WORK_SIZE)
    work[:] = 0
    block = aligned((n_features + 1) * block_size(geometry) + PATCH)
    block[:] = 0
    patch = aligned(n_features * PATCH + LANES)
    return Buffers(work, block, patch, aligned(n_values * geometry.slices * geometry.rows * _PITCH))


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
            row = start + (s * geometry.rows + r) * _PITCH
            store(result, row, load(mean, column * PATCH + (s * geometry.patch_rows + r) * geometry.patch_columns))


@njit(**UNCOUNTED)
def _vote(buffers, n_features, n_values, geometry, box, model, space):
    """Send a block through the forest, patch by patch."""
    size = block_size(geometry)
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
                    start = ((value * geometry.slices + s) * geometry.rows + r) * _PITCH + c
                    _scatter(space.mean, value, buffers.result, start, slices, rows, geometry)


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


@cached
def predict_tile(tile, tables, model, space, geometry, values, features):
    """Predict a tile.

    Parameters
    ----------
    tile, tables
        :class:`~.blocks.SmoothedTile` and :class:`~.blocks.FeatureTables`.
    model, space
        :class:`~.packed.PackedForest` or :class:`~.packed.PackedRegressors`, and the :class:`~.packed.WalkSpace` for
        it.
    geometry
        :class:`~.layout.Geometry`: a flat one if no feature looks beyond its slice.
    values, features
        float32 (n, z, y, x), written here: as many channels as the model has values, or none if they are not wanted,
        and likewise as there are features.
    """
    depth, height, width = values.shape[1:]
    n_features, n_values = tables.n_features, values.shape[0]
    buffers = _buffers(n_features, n_values, geometry)
    for z in range(0, depth, geometry.slices):
        for y in range(0, height, geometry.rows):
            for x in range(0, width, WIDTH):
                slices, rows = min(geometry.slices, depth - z), min(geometry.rows, height - y)
                box = Box(z, y, x, slices, rows, min(WIDTH, width - x))
                block_features(tile, tables, geometry, box, buffers.work, buffers.block)
                _copy_block(buffers.block, block_size(geometry), WIDTH, geometry, box, features)
                if n_values > 0:
                    _vote(buffers, n_features, n_values, geometry, box, model, space)
                    size = geometry.slices * geometry.rows * _PITCH
                    _copy_block(buffers.result, size, _PITCH, geometry, box, values)
