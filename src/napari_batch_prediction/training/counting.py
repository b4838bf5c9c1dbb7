"""Training the regressors of a Cell Density Counting project from its labels, as ilastik does."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.regressors import ForestRegressor
from napari_batch_prediction.errors import BatchPredictionError, ProjectError
from napari_batch_prediction.features.kernels import FILTER_WINDOW, half_kernel
from napari_batch_prediction.forest.trees import Tree, tree_from_sklearn
from napari_batch_prediction.ilp.file import ProjectFile
from napari_batch_prediction.ilp.label_blocks import read_label_blocks
from napari_batch_prediction.ilp.project import TRAIN_AGAIN, CountingProject, LabelBlock
from napari_batch_prediction.training.images import read_training_pixels

SEED = 0
"""Fixed seed of the random numbers, so that a project always gives the same regressors."""

N_REGRESSORS = 4
N_TREES = 10
MAX_DEPTH = 50
DEFAULT_SIGMA = 2.5

_DOT, _BACKGROUND = 1, 2
_OBJECT_DENSITY = 1e-4  # the least density of an object's pixels


def train_again(file: ProjectFile, project: CountingProject) -> CountingProject:
    """Train the regressors of a project without usable ones.

    Parameters
    ----------
    file
        The project's file, which holds its labels, and possibly its images.
    project
        The project.

    Returns
    -------
    The project with regressors, and a sentence about their training here.

    Raises
    ------
    ProjectError
        If there are no labels, or a training image is missing or does not fit them.
    """
    without = f"without regressors that can be used ({project.unusable})"
    try:
        features, density = _training_rows(file, project)
    except BatchPredictionError as error:
        raise ProjectError(
            f"{file.path} was saved {without}, and they cannot be trained again here: {str(error).rstrip('.')}. "
            f"{TRAIN_AGAIN} Training here needs the training images beside the project."
        ) from error
    return replace(
        project,
        regressors=_train(features, density),
        trained_again=(
            f"The project was saved {without}. They were trained again here from its dots and strokes, with the random "
            f"seed {SEED}; counts differ a little from those that ilastik showed."
        ),
    )


def blob_density(dots: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Return the density (y, x) of dots: a Gaussian of sum 1 for each, mirrored at the borders."""
    taps = half_kernel(sigma, 0, FILTER_WINDOW)
    density = dots.astype(np.float32)
    for axis in (1, 0):
        padded = np.pad(density, [(len(taps) - 1,) * 2 if i == axis else (0, 0) for i in range(2)], "reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * len(taps) - 1, axis)
        density = windows @ np.concatenate([taps[:0:-1], taps])
    return density


def _training_rows(file: ProjectFile, project: CountingProject) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return features and density of the pixels to train on: all objects first, then all background."""
    selection, n_channels, lanes = project.selection, project.n_channels, project.lanes
    sigma = DEFAULT_SIGMA if project.sigma is None else project.sigma
    applet = file.group("Counting")
    blocks = read_label_blocks(applet) if applet is not None else []
    if not any((block.labels == _DOT).any() for image in blocks for block in image):
        raise ProjectError("the project has no dots")
    if not lanes:
        raise file.damaged("Input Data", "it names no training images")
    if len(lanes) < len(blocks):
        raise ProjectError(f"the project has labels of {len(blocks)} images, but names {len(lanes)} images")
    predictor = ENGINE.prepare(selection, n_channels)
    groups: list[list[tuple[NDArray[np.float32], NDArray[np.float64]]]] = [[], []]
    for lane, image in zip(lanes, blocks, strict=False):
        if not image:
            continue
        pixels = read_training_pixels(file, lane)
        density, *masks = _density_and_masks(image, pixels.shape[1:], sigma)
        if len(pixels) != n_channels:
            raise ProjectError(f"a training image has {len(pixels)} channels, expected {n_channels}")
        selection.check_extents(1, *pixels.shape[1:])
        for rows, mask in zip(groups, masks, strict=True):
            coordinates = np.argwhere(mask[np.newaxis])
            rows.append((predictor.features_at(pixels[:, np.newaxis], coordinates), density[mask].astype(np.float64)))
    features, densities = zip(*(row for rows in groups for row in rows), strict=True)
    return np.concatenate(features), np.concatenate(densities)


def _density_and_masks(
    blocks: Sequence[LabelBlock], shape: tuple[int, ...], sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the density of an image, and masks of the pixels to train on: objects and background."""
    labels, inside = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    for block in blocks:
        height, width = block.labels.shape
        if block.y + height > shape[0] or block.x + width > shape[1]:
            raise ProjectError(f"a training image has {shape[0]} x {shape[1]} pixels, but labels reach beyond it")
        block_slices = slice(block.y, block.y + height), slice(block.x, block.x + width)
        labels[block_slices], inside[block_slices] = block.labels, True
    density = blob_density(labels == _DOT, sigma)
    return density, inside & (density > _OBJECT_DENSITY), labels == _BACKGROUND


def _train(features: NDArray[np.float32], density: NDArray[np.float64]) -> tuple[ForestRegressor, ...]:
    # Only training needs scikit-learn, whose import takes a second.
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(SEED)
    regressors = []
    for i in range(N_REGRESSORS):
        rows = np.sort(random.integers(0, len(density), max(1, len(density) // N_REGRESSORS)))
        forest = RandomForestRegressor(n_estimators=N_TREES, max_depth=MAX_DEPTH, random_state=SEED + i)
        forest.fit(features[rows], density[rows])
        regressors.append(ForestRegressor(tuple(_tree(estimator.tree_) for estimator in forest.estimators_)))
    return tuple(regressors)


def _tree(stored: Any) -> Tree:
    return tree_from_sklearn(
        stored.children_left,
        stored.children_right,
        stored.feature,
        stored.threshold,
        stored.value[:, :, 0],
        stored.n_features,
    )
