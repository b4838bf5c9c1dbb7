"""A classifier as the compiled loops want it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import as_float32
from napari_batch_prediction.engine.base import Channels, ClassForest, Model, Predictor
from napari_batch_prediction.engine.compiled.buffers import Buffers, make_buffers
from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor, Regressor
from napari_batch_prediction.engine.tiles import Box, Context, Tile
from napari_batch_prediction.features.layout import DEEP, FLAT
from napari_batch_prediction.features.layout import Box as BlockBox
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.features.smoothing import SmoothedTile, smooth_tile, smoothings
from napari_batch_prediction.features.tables import feature_tables
from napari_batch_prediction.forest.packed import PackedForest, PackedRegressors, pack, pack_regressors, walk_space
from napari_batch_prediction.simd.kernel import Bound, Kernel, KernelError

_LOOPS, _BLOCKS = "napari_batch_prediction.engine.compiled.loops", "napari_batch_prediction.features.loops.blocks"
_predict_tile, _vote = Kernel(_LOOPS, "predict_tile"), Kernel(_LOOPS, "vote")
_DERIVATIVES = {in_2d: Kernel(_BLOCKS, f"block_derivatives_{'2d' if in_2d else '3d'}") for in_2d in (True, False)}
_TENSORS = {in_2d: Kernel(_BLOCKS, f"block_tensors_{'2d' if in_2d else '3d'}") for in_2d in (True, False)}

# Extents along z, y and x of a part of an image; the features of single pixels in it are computed together.
_PART = (16, 64, 128)


def packed(model: Model, n_features: int) -> PackedForest | PackedRegressors:
    """Return a model in flat arrays."""
    if model is None:
        return pack((), 0)
    if isinstance(model, ClassForest):
        return pack(model.trees, model.n_classes, model.class_of_column)
    return _packed_regressors(model, n_features)


def _packed_regressors(regressors: Sequence[Regressor], n_features: int) -> PackedRegressors:
    forests = [regressor.trees for regressor in regressors if isinstance(regressor, ForestRegressor)]
    linear = [regressor for regressor in regressors if isinstance(regressor, LinearRegressor)]
    rows = [np.append(regressor.scale * regressor.weights, regressor.offset) for regressor in linear]
    return pack_regressors(forests, np.array(rows, np.float64).reshape(-1, n_features + 1))


class CompiledPredictor(Predictor):
    """Features and a model; see :class:`~napari_batch_prediction.engine.base.Predictor`.

    Parameters
    ----------
    selection
        The features of each channel.
    n_channels
        Number of channels of an image.
    model
        The values of a pixel from its features.
    """

    def __init__(self, selection: FeatureSelection, n_channels: int, model: Model) -> None:
        self._context = Context(*selection.context)
        self._scales = smoothings(selection)
        self._tables = feature_tables(selection, n_channels)
        # The types differ: a loop is compiled for either.
        self._at_gradient = True if selection.structure_tensor == "gradient" else None
        self._geometry = FLAT if selection.all_in_2d else DEEP
        self._model = packed(model, self._tables.n_features)
        self._forest = self._model.forest if isinstance(self._model, PackedRegressors) else self._model

    def predict(self, block: NDArray, tile: Box, more: Channels | None = None) -> NDArray[np.float32]:
        """Return the values of a tile."""
        return self.compute(block, tile, more, values=True, features=False)[0]

    def features(self, block: NDArray, tile: Box, more: Channels | None = None) -> NDArray[np.float32]:
        """Return the features of a tile."""
        return self.compute(block, tile, more, values=False, features=True)[1]

    def predict_with_features(
        self, block: NDArray, tile: Box, more: Channels | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return values and features of a tile."""
        return self.compute(block, tile, more, values=True, features=True)

    def features_at(self, block: NDArray, coordinates: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the features of single pixels."""
        rows = np.empty((len(coordinates), self._tables.n_features), np.float32)
        if not len(rows):
            return rows
        extents = dict(zip("zyx", block.shape[1:], strict=True))
        parts, part_of_row = np.unique(np.asarray(coordinates) // _PART, axis=0, return_inverse=True)
        order = np.argsort(part_of_row, kind="stable")
        for members in np.split(order, np.cumsum(np.bincount(part_of_row, minlength=len(parts)))[:-1]):
            pixels = coordinates[members]
            first, last = pixels.min(0), pixels.max(0)
            z, y, x = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
            outer, inner = Tile(0, z, y, x).with_context(extents, self._context)
            values = self.features(block[(slice(None), *outer)], inner)
            rows[members] = values[(slice(None), *(pixels - first).T)].T
        return rows

    def compute(
        self, block: NDArray, tile: Box, more: Channels | None = None, *, values: bool, features: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return values and features of a tile, each with no channels unless wanted.

        With neither, features are computed into the cache only, which measures their time.
        """
        channels = [Channels(block, tile)] if more is None else [Channels(block, tile), more]
        smoothed = smooth_tile([(as_float32(source.values), source.tile) for source in channels], self._scales)
        shape = tuple(s.stop - s.start for s in tile)
        n_values = self._forest.n_columns if values else 0
        predicted = np.empty((n_values, *shape), np.float32)
        computed = np.empty((self._tables.n_features if features else 0, *shape), np.float32)
        buffers = make_buffers(self._tables.n_features, n_values, self._geometry)
        box = np.empty(len(BlockBox._fields), np.int64)
        loops = self._loops(smoothed, box, buffers)
        vote = _vote.bind(
            buffers,
            self._tables.n_features,
            n_values,
            self._geometry,
            box,
            self._model,
            walk_space(self._forest),
        )
        errors = _predict_tile(_calls(loops), _calls([vote]), buffers, self._geometry, box, predicted, computed)
        if errors:
            raise KernelError("A compiled loop raised an error while a tile was predicted.")
        return predicted, computed

    def _loops(self, tile: SmoothedTile, box: NDArray[np.int64], buffers: Buffers) -> list[Bound]:
        """Return the loops that compute the features of a block."""
        args = (tile, self._tables, self._geometry, box, buffers.work, buffers.block)
        loops = []
        for in_2d in sorted(set(self._tables.in_2d.tolist())):
            loops.append(_DERIVATIVES[in_2d].bind(*args))
            if (self._tables.needs_tensor & (self._tables.in_2d == in_2d)).any():
                loops.append(_TENSORS[in_2d].bind(*args, self._at_gradient))
        return loops


def _calls(loops: Sequence[Bound]) -> NDArray[np.int64]:
    return np.array([loop.call for loop in loops], np.int64).reshape(-1, 2)
