"""A classifier as the compiled loops want it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.axes import as_float32
from napari_batch_prediction.engine.base import Channels, ClassForest, Model, Predictor
from napari_batch_prediction.engine.compiled.loops import predict_tile
from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor, Regressor
from napari_batch_prediction.engine.tiles import Box, Context, Tile
from napari_batch_prediction.features.blocks import feature_tables, smooth_tile, smoothings
from napari_batch_prediction.features.layout import DEEP, FLAT
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.packed import PackedForest, PackedRegressors, pack, pack_regressors, walk_space

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
        predicted = np.empty((self._forest.n_columns if values else 0, *shape), np.float32)
        computed = np.empty((self._tables.n_features if features else 0, *shape), np.float32)
        predict_tile(smoothed, self._tables, self._model, walk_space(self._forest), self._geometry, predicted, computed)
        return predicted, computed
