"""Regressors: the density of objects at a pixel from its features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.forest.trees import Tree


@dataclass(frozen=True, eq=False)
class ForestRegressor:
    """A random forest: the density is the mean of its trees.

    Attributes
    ----------
    trees
        Trees with one column of values.
    """

    trees: tuple[Tree, ...]


@dataclass(frozen=True, eq=False)
class LinearRegressor:
    """A linear regressor: the density is ``(features * scale) @ weights + offset``.

    Attributes
    ----------
    scale, weights
        float64 (features,).
    offset
        The density of a pixel whose features are all 0.
    """

    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: float


Regressor = ForestRegressor | LinearRegressor
