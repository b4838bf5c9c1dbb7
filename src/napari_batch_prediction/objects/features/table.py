"""All features of the objects of a time point: computed, and as the matrix that a forest takes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.objects.features.hull import hull_features
from napari_batch_prediction.objects.features.names import (
    DEFAULT,
    DEFAULT_FEATURES,
    HULL_2D,
    HULL_3D,
    NEAR,
    SKELETON_2D,
    STANDARD,
    WITH_NEAR,
    Feature,
    is_local,
)
from napari_batch_prediction.objects.features.neighbourhood import neighbourhood_features
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.features.skeleton.features import skeleton_features
from napari_batch_prediction.objects.features.standard import standard_features
from napari_batch_prediction.objects.features.windows import Corners
from napari_batch_prediction.objects.volume import Volume

FeatureTable = dict[Feature, NDArray]
"""By feature, the values (objects, columns)."""


def feature_table(
    labels: Volume, raw: Volume, n_objects: int, features: ObjectFeatures, workers: int = 1
) -> FeatureTable:
    """Return features of the objects of one time point.

    The volumes are read slab by slab; features that look at more than an object's own pixels read the objects' boxes.

    Parameters
    ----------
    labels
        Numbers of objects, from 1 to ``n_objects``; 0 for none. Its first channel counts.
    raw
        The image, of any type, with the same extents along z, y and x.
    n_objects
        Number of objects.
    features
        What is wanted; features that such an image does not have are left out.
    workers
        Number of threads.

    Returns
    -------
    For each feature float32 (objects, columns) as in ilastik, where NaN and infinity stay; for each of ilastik's
    default features, whose plugin is ``DEFAULT``, float64. Row i is the object i + 1.
    """
    n_channels, n_dims = raw.shape[0], 3 if labels.shape[1] > 1 else 2
    present = features.present(n_channels, n_dims)
    own = [name for plugin, name in present if plugin == STANDARD and not is_local(name)]
    values = standard_features(labels, raw, n_objects, {*own, *DEFAULT_FEATURES}, workers)
    table: FeatureTable = {Feature(DEFAULT, name): values[name] for name in DEFAULT_FEATURES}
    table |= {Feature(STANDARD, name): _single(values[name]) for name in own}
    low, high = (_corners(values[name], end) for end, name in enumerate(("Coord<Minimum>", "Coord<Maximum>")))
    for ending in (NEAR, WITH_NEAR):
        names = [name.removesuffix(ending) for plugin, name in present if plugin == STANDARD and name.endswith(ending)]
        if names:
            around = neighbourhood_features(
                labels, raw, low, high, names, features.margin, ending == WITH_NEAR, workers
            )
            table |= {Feature(STANDARD, name + ending): _single(around[name]) for name in names}
    plugin = HULL_3D if n_dims == 3 else HULL_2D
    names = [name for its_plugin, name in present if its_plugin == plugin]
    if names:
        hull = hull_features(labels, low, high, values["Count"], values["RegionCenter"], workers)
        table |= {Feature(plugin, name): _single(hull[name]) for name in names}
    names = [name for its_plugin, name in present if its_plugin == SKELETON_2D]
    if names:
        skeletons = skeleton_features(labels, low, high, workers)
        table |= {Feature(SKELETON_2D, name): _single(skeletons[name]) for name in names}
    return table


def feature_matrix(table: Mapping[Feature, NDArray], features: ObjectFeatures) -> NDArray[np.float32]:
    """Return the columns that a forest takes, float32 (objects, columns), with 0 for NaN and infinity.

    Parameters
    ----------
    table
        What :func:`feature_table` returned for these features, or for more.
    features
        The features that the forest was trained on.
    """
    n = len(table[Feature(DEFAULT, "Count")])
    columns = [table[feature] for feature in features.features if feature in table]
    matrix = np.concatenate(columns, axis=1) if columns else np.zeros((n, 0), np.float32)
    matrix[~np.isfinite(matrix)] = 0.0
    return matrix


def _corners(coordinates: NDArray[np.float64], missing: int) -> Corners:
    """Return corners along z, y, x of coordinates x, y and, in 3D, z."""
    corners = np.full((len(coordinates), 3), missing)
    # Numbers that no pixel has are in an empty box.
    corners[:, 3 - coordinates.shape[1] :] = np.where(np.isfinite(coordinates), coordinates, 0)[:, ::-1]
    return corners


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    # Sums of fourth powers may be larger than any number of single precision: they become infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)
