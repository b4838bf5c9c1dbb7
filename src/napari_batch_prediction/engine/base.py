"""An engine: it prepares a classifier once, and then predicts blocks of pixels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.regressors import Regressor
from napari_batch_prediction.engine.tiles import Box, Memory, TileLimits
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.trees import Tree


@dataclass(frozen=True, eq=False)
class ClassForest:
    """A random forest of classes.

    Attributes
    ----------
    trees
        Trees that give each of their columns a probability.
    class_of_column
        The class, from 0, to which each column belongs.
    n_classes
        Number of classes. Those without a column have the probability 0.
    """

    trees: Sequence[Tree]
    class_of_column: Sequence[int]
    n_classes: int


Model = ClassForest | Sequence[Regressor] | None
"""The values of a pixel from its features: a probability of each class; one density, the mean of all regressors; or
nothing, for features alone."""


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
    tile: Box


class Predictor(ABC):
    """Features and a model, prepared by an engine. Safe to use from several threads at once.

    The methods take a block of pixels (c, z, y, x) of any numeric dtype, which is the tile and its context; slices
    along z, y and x, the tile in that; and further channels of the same tile with no more context, if any. The
    result is that of the whole image, bit for bit, however that is cut into tiles.
    """

    @abstractmethod
    def predict(self, block: NDArray, tile: Box, more: Channels | None = None) -> NDArray[np.float32]:
        """Return the values (classes or 1, z, y, x) of a tile; 0 in pixels with a feature that is NaN."""

    @abstractmethod
    def features(self, block: NDArray, tile: Box, more: Channels | None = None) -> NDArray[np.float32]:
        """Return the features (features, z, y, x) of a tile."""

    @abstractmethod
    def predict_with_features(
        self, block: NDArray, tile: Box, more: Channels | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return values and features of a tile, for little more than the time of one."""

    @abstractmethod
    def features_at(self, block: NDArray, coordinates: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the features of single pixels, as training needs them.

        Parameters
        ----------
        block
            Pixels (c, z, y, x): a whole image, or enough context around the pixels.
        coordinates
            (n, 3): positions along z, y and x in the block.

        Returns
        -------
        float32 (n, features), in the order of the coordinates.
        """


class Engine(ABC):
    """A way to compute: on the cores of this computer, or on another device.

    Attributes
    ----------
    limits
        The tiles with which it works best.
    """

    limits: TileLimits

    @abstractmethod
    def memory(self, selection: FeatureSelection, n_channels: int, n_values: int) -> Memory:
        """Return the memory that a pixel and a thread take while a tile is worked on.

        Parameters
        ----------
        selection, n_channels
            The features, and the number of channels of an image.
        n_values
            Number of values of a pixel that a model computes, which count here; 0 for features alone, which do not.
        """

    @abstractmethod
    def model_bytes(self, model: Model) -> int:
        """Return the most memory that preparing a model takes, beside the model itself."""

    @abstractmethod
    def prepare(self, selection: FeatureSelection, n_channels: int, model: Model = None) -> Predictor:
        """Return a predictor of these features, for images with this many channels, and of a model of them."""
