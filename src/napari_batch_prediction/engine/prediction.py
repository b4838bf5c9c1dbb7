"""Features and forest in one pass over a tile, compiled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from napari_batch_prediction.axes import as_float32
from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor, Regressor
from napari_batch_prediction.features import filters2d, filters3d
from napari_batch_prediction.features.blocks import WORK_SIZE, block_features, feature_tables, smooth_tile
from napari_batch_prediction.features.filters2d import WIDTH
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.packed import PATCH, PackedRegressors, pack, pack_regressors, walk_space
from napari_batch_prediction.forest.traverse import walk
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.simd.caching import cached
from napari_batch_prediction.simd.vectors import LANES, UNCOUNTED, aligned, load, store

_SLICES_2D, _ROWS_2D = 1, filters2d.HEIGHT
_SLICES_3D, _ROWS_3D = filters3d.DEPTH, filters3d.HEIGHT
_PITCH = WIDTH + LANES


@njit(**UNCOUNTED)
def _gather_8x8(block, at, size, n_features, patch):
    """Copy 8 rows of 8 pixels of every feature; what is copied too much, the next row overwrites."""
    for f in range(n_features):
        for r in range(8):
            store(patch, f * PATCH + r * 8, load(block, f * size + at + r * WIDTH))


@njit(**UNCOUNTED)
def _gather_4x4x4(block, at, size, n_features, patch):
    """Copy 4 slices of 4 rows of 4 pixels of every feature; what is copied too much, the next row overwrites."""
    for f in range(n_features):
        for s in range(4):
            for r in range(4):
                store(patch, f * PATCH + s * 16 + r * 4, load(block, f * size + at + (s * _ROWS_3D + r) * WIDTH))


@njit(**UNCOUNTED)
def _copy_row(block, start, row, x, n):
    """Copy n values to ``row[x:]``."""
    whole = n // LANES * LANES
    for c in range(0, whole, LANES):
        store(row, x + c, load(block, start + c))
    for c in range(whole, n):
        row[x + c] = block[start + c]


@njit(**UNCOUNTED)
def _scatter(mean, column, result, at, slices, rows, height, deep, wide):
    """Copy what a patch came to; the rows of ``result`` have room for what is copied too much."""
    for s in range(slices):
        for r in range(rows):
            row = at + (s * height + r) * _PITCH
            store(result, row, load(mean, column * PATCH + (s * deep + r) * wide))


@cached
def _predict(smoothed, tables, n_features, model, space, channel_of_column, flat, probabilities, features):
    """Fill probabilities (channels, z, y, x) and features (n, z, y, x) of a tile; either may have no channels."""
    depth, height, width = probabilities.shape[1:]
    wants_features = features.shape[0] > 0
    wants_forest = probabilities.shape[0] > 0
    slices = _SLICES_2D if flat else _SLICES_3D
    rows = _ROWS_2D if flat else _ROWS_3D
    pz, py, px = (1, 8, 8) if flat else (4, 4, 4)
    size = slices * rows * WIDTH + LANES
    n_columns = channel_of_column.size

    work = aligned(WORK_SIZE)
    work[:] = 0
    block = aligned((n_features + 1) * size + PATCH)
    block[:] = 0
    patch = aligned(n_features * PATCH + LANES)
    result = aligned(n_columns * slices * rows * _PITCH)

    for z in range(0, depth, slices):
        d = min(slices, depth - z)
        for y in range(0, height, rows):
            h = min(rows, height - y)
            for x in range(0, width, WIDTH):
                w = min(WIDTH, width - x)
                block_features(smoothed, tables, work, (z, y, x), d, h, rows, size, block)
                if wants_features:
                    for f in range(n_features):
                        for s in range(d):
                            for r in range(h):
                                i = f * size + (s * rows + r) * WIDTH
                                _copy_row(block, i, features[f, z + s, y + r], x, w)
                if not wants_forest:
                    continue
                for s0 in range(0, d, pz):
                    for r0 in range(0, h, py):
                        for c0 in range(0, w, px):
                            at = (s0 * rows + r0) * WIDTH + c0
                            if flat:
                                _gather_8x8(block, at, size, n_features, patch)
                            else:
                                _gather_4x4x4(block, at, size, n_features, patch)
                            ns, nr, nc = min(pz, d - s0), min(py, h - r0), min(px, w - c0)
                            mask = ~uint64(0)
                            if ns * nr * nc < PATCH:
                                mask = uint64(0)
                                for s in range(ns):
                                    for r in range(nr):
                                        mask |= ((uint64(1) << uint64(nc)) - uint64(1)) << uint64((s * py + r) * px)
                            walk(patch, n_features, model, mask, space)
                            for column in range(n_columns):
                                at = ((column * slices + s0) * rows + r0) * _PITCH + c0
                                _scatter(space.mean, column, result, at, ns, nr, rows, py, px)
                for column in range(n_columns):
                    for s in range(d):
                        for r in range(h):
                            i = ((column * slices + s) * rows + r) * _PITCH
                            _copy_row(result, i, probabilities[channel_of_column[column], z + s, y + r], x, w)


class Channels(NamedTuple):
    """Channels of a block of pixels, and where in the block the tile lies.

    Attributes
    ----------
    values
        Pixels (c, z, y, x) of any numeric dtype: the tile and its context.
    tile
        Slices along z, y and x: the tile in ``values``.
    """

    values: NDArray
    tile: tuple[slice, slice, slice]


class DensityPredictor:
    """What :class:`TilePredictor` is, for regressors.

    Parameters
    ----------
    selection
        The features of each channel.
    n_channels
        Number of channels of an image.
    regressors
        What gives the density; it is the mean of all.
    """

    def __init__(self, selection: FeatureSelection, n_channels: int, regressors: Sequence[Regressor]) -> None:
        self._selection = selection
        self._n_features = selection.n_features(n_channels)
        self._tables = feature_tables(selection, n_channels)
        self.model = packed_regressors(regressors, self._n_features)

    def predict(self, block: NDArray, inner: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        """Return the density (1, z, y, x) of a tile; block and tile as for :class:`TilePredictor`."""
        smoothed = smooth_tile([(as_float32(block), inner)], self._selection)
        shape = tuple(s.stop - s.start for s in inner)
        found, nothing = np.empty((1, *shape), np.float32), np.empty((0, *shape), np.float32)
        space = walk_space(self.model.forest)
        _predict(
            smoothed, self._tables, self._n_features, self.model, space, np.zeros(1, np.int64), True, found, nothing
        )  # fmt: skip
        return found


def packed_regressors(regressors: Sequence[Regressor], n_features: int) -> PackedRegressors:
    """Return regressors of this many features as the compiled loops want them."""
    forests = [regressor.trees for regressor in regressors if isinstance(regressor, ForestRegressor)]
    linear = [regressor for regressor in regressors if isinstance(regressor, LinearRegressor)]
    rows = [np.append(regressor.scale * regressor.weights, regressor.offset) for regressor in linear]
    return pack_regressors(forests, np.array(rows, np.float64).reshape(-1, n_features + 1))


class TilePredictor:
    """Everything the compiled loops need to know of a classifier. Safe to use from several threads at once.

    Parameters
    ----------
    selection
        The features of each channel.
    n_channels
        Number of channels of an image.
    trees
        The forest.
    channel_of_column
        The class to which each column of the forest belongs.
    n_classes
        Number of classes.
    """

    def __init__(
        self,
        selection: FeatureSelection,
        n_channels: int,
        trees: Sequence[Tree],
        channel_of_column: Sequence[int],
        n_classes: int,
    ) -> None:
        self._selection = selection
        self._n_features = selection.n_features(n_channels)
        self._tables = feature_tables(selection, n_channels)
        self._forest = pack(trees)
        self._channels = np.array(channel_of_column, np.int64)
        self._n_classes = n_classes

    def predict(
        self,
        block: NDArray,
        inner: tuple[slice, slice, slice],
        *,
        probabilities: bool,
        features: bool,
        more: Channels | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return probabilities and features of a tile.

        Parameters
        ----------
        block
            Pixels (c, z, y, x) of any numeric dtype: the tile and its context.
        inner
            Slices along z, y and x: the tile in ``block``.
        probabilities, features
            What is wanted.
        more
            Further channels of the same tile, with no more context than ``block``.

        Returns
        -------
        float32 (classes, z, y, x) and float32 (features, z, y, x); with no channels what is not wanted.
        """
        parts = [Channels(block, inner)] if more is None else [Channels(block, inner), more]
        smoothed = smooth_tile([(as_float32(part.values), part.tile) for part in parts], self._selection)
        shape = tuple(s.stop - s.start for s in inner)
        found = np.zeros((self._n_classes if probabilities else 0, *shape), np.float32)
        values = np.empty((self._n_features if features else 0, *shape), np.float32)
        flat = smoothed.extents[0] == 1
        space = walk_space(self._forest)
        _predict(
            smoothed, self._tables, self._n_features, self._forest, space, self._channels, flat, found, values
        )  # fmt: skip
        return found, values
