"""Training the regressors of a Cell Density Counting project from its labels, as ilastik does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.regressors import ForestRegressor
from napari_batch_prediction.errors import BatchPredictionError, ProjectError
from napari_batch_prediction.features.kernels import FILTER_WINDOW, half_kernel, radius
from napari_batch_prediction.forest.growing import grow_regressor
from napari_batch_prediction.ilp.counting import counting_axes
from napari_batch_prediction.ilp.label_blocks import read_label_blocks
from napari_batch_prediction.ilp.limits import MAX_FEATURES
from napari_batch_prediction.ilp.project import TRAIN_AGAIN, CountingProject, LabelBlock, Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.training.images import training_image
from napari_batch_prediction.training.labelled import LabelledPixels


@dataclass(frozen=True, eq=False, slots=True)
class DensityPixels:
    """Pixels of a training image, and the density that a regressor is to give them.

    Attributes
    ----------
    positions
        int64 (n, 3): positions along z, y and x.
    density
        float64 (n,).
    """

    positions: NDArray[np.int64]
    density: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class _Labelled:
    """A training image with labels: its description, its extents, and its pixels to train on."""

    lane: Lane
    extents: Mapping[str, int]
    objects: DensityPixels
    background: DensityPixels


SEED = 0
"""Fixed seed of the random numbers, so that a project always gives the same regressors."""

N_REGRESSORS = 4
N_TREES = 10
MAX_DEPTH = 50
DEFAULT_SIGMA = 2.5

MAX_PIXELS = 2**25
"""Pixels of all training images with labels, channels counted; they are in memory while regressors are trained."""

MAX_SUMS = 2**29
"""Pixels times the radius of a blob, which the time to spread the dots depends on."""

MAX_VALUES = 2**21
"""Features of all pixels that are drawn, which the time to train depends on; ilastik draws a quarter of the labelled
pixels for each regressor, and has no limit."""

DOT, BACKGROUND = 1, 2

LABEL_AXES = {3: "xyc"}
"""Axes of labels that do not store theirs, by their number."""

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
        images = _training_images(file, project)
        project = _with_channels(project, images)
        features, density = _training_rows(file, project, images)
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


def _with_channels(project: CountingProject, images: Sequence[_Labelled]) -> CountingProject:
    """Return the project with the number of channels of its training images, which old projects do not store."""
    last = project.lanes[-1]
    n_channels = project.n_channels if last.extent("c") else images[-1].extents["c"]
    for image in images:
        if image.extents["c"] != n_channels:
            raise ProjectError(f"a training image has {image.extents['c']} channels, expected {n_channels}")
        project.selection.check_extents(1, image.extents["y"], image.extents["x"])
    if (n_features := project.selection.n_features(n_channels)) > MAX_FEATURES:
        raise ProjectError(f"its images give {n_features} features, expected at most {MAX_FEATURES}")
    return replace(project, n_channels=n_channels, axes=counting_axes(last, n_channels))


def labelled_density(file: ProjectFile, project: CountingProject) -> list[LabelledPixels]:
    """Return the pixels on which the regressors of a project were trained, and the densities there.

    Raises
    ------
    ProjectError
        See :func:`train_again`.
    """
    found = []
    for image in _training_images(file, project):
        positions = np.concatenate([image.objects.positions, image.background.positions])
        density = np.concatenate([image.objects.density, image.background.density])
        found.append(LabelledPixels(image.lane, np.pad(positions, [(0, 0), (1, 0)]), density))
    return found


def blob_density(dots: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """Return the density (y, x) of dots: a Gaussian of sum 1 for each, mirrored at the borders."""
    taps = half_kernel(sigma, 0, FILTER_WINDOW)
    density = dots.astype(np.float32)
    for axis in (1, 0):
        n, r = density.shape[axis], len(taps) - 1
        padded = np.moveaxis(np.pad(density, [(r, r) if i == axis else (0, 0) for i in range(2)], "reflect"), axis, 0)
        density = taps[0] * padded[r : r + n]
        for k in range(1, r + 1):
            density += taps[k] * (padded[r + k : r + k + n] + padded[r - k : r - k + n])
        density = np.moveaxis(density, 0, axis)
    return density


def density_pixels(blocks: Sequence[LabelBlock], extents: Mapping[str, int], sigma: float) -> list[DensityPixels]:
    """Return the pixels of an image on which regressors are trained: those of objects, and those of the background.

    Parameters
    ----------
    blocks
        The labels of the image.
    extents
        The extents of the image.
    sigma
        Standard deviation of the blob for one object, in pixels.

    Raises
    ------
    ProjectError
        If labels lie outside the image.
    """
    shape = extents["y"], extents["x"]
    labels, inside = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    for block in blocks:
        _, _, y, x = block.start
        n_times, depth, height, width = block.labels.shape
        if n_times > 1 or depth > 1 or y + height > shape[0] or x + width > shape[1]:
            raise ProjectError(f"a training image has {shape[0]} x {shape[1]} pixels, but labels reach beyond it")
        labels[y : y + height, x : x + width], inside[y : y + height, x : x + width] = block.labels[0, 0], True
    density = blob_density(labels == DOT, sigma)
    masks = inside & (density > _OBJECT_DENSITY), labels == BACKGROUND
    return [DensityPixels(np.argwhere(mask[np.newaxis]), density[mask].astype(np.float64)) for mask in masks]


def _training_images(file: ProjectFile, project: CountingProject) -> list[_Labelled]:
    """Return every training image with labels, and the pixels to train on; only headers are read.

    Raises
    ------
    ProjectError
        If there are no dots or images, an image does not fit, or training would take too long.
    """
    sigma = DEFAULT_SIGMA if project.sigma is None else project.sigma
    applet = file.group("Counting")
    blocks = read_label_blocks(applet, LABEL_AXES) if applet is not None else []
    if not any((block.labels == DOT).any() for image in blocks for block in image):
        raise ProjectError("the project has no dots")
    if not project.lanes:
        raise file.damaged("Input Data", "it names no training images")
    if len(project.lanes) < len(blocks):
        raise ProjectError(f"the project has labels of {len(blocks)} images, but names {len(project.lanes)} images")
    images: list[_Labelled] = []
    n_pixels = 0
    for lane, image in zip(project.lanes, blocks, strict=False):
        if not image:
            continue
        with training_image(file, lane, otherwise={"t": 1, "z": 1}) as opened:
            extents = opened.extents
        n_pixels += extents["y"] * extents["x"] * extents["c"]
        if n_pixels > MAX_PIXELS or n_pixels * radius(sigma, FILTER_WINDOW) > MAX_SUMS:
            raise ProjectError(
                f"its training images have {n_pixels} pixels or more, with blobs of sigma {sigma:g}; training takes up "
                f"to {MAX_PIXELS} pixels, and {MAX_SUMS} of pixels times sigma"
            )
        images.append(_Labelled(lane, extents, *density_pixels(image, extents, sigma)))
    return images


def _training_rows(
    file: ProjectFile, project: CountingProject, images: Sequence[_Labelled]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float64]]]:
    """Return features and density of the pixels that each regressor is trained on, drawn at random.

    All objects come first, then all background, image by image. Features are computed only of pixels that are drawn.
    """
    selection, n_channels = project.selection, project.n_channels
    parts = [image.objects for image in images] + [image.background for image in images]
    density = np.concatenate([part.density for part in parts])
    n_features = selection.n_features(n_channels)
    n_drawn = max(1, min(len(density) // N_REGRESSORS, MAX_VALUES // (N_REGRESSORS * n_features)))
    random = np.random.default_rng(SEED)
    drawn = [np.sort(random.integers(0, len(density), n_drawn)) for _ in range(N_REGRESSORS)]
    used = np.unique(np.concatenate(drawn))
    # The first of the rows in use that belongs to each part.
    firsts = np.searchsorted(used, np.cumsum([0, *(len(part.density) for part in parts)]))
    starts = np.cumsum([0, *(len(part.density) for part in parts)])
    features = np.empty((len(used), n_features), np.float32)
    predictor = ENGINE.prepare(selection, n_channels)
    for i, image in enumerate(images):
        with training_image(file, image.lane) as opened:
            y, x = (slice(0, opened.extents[key]) for key in "yx")
            block = opened.read_czyx(0, slice(0, 1), y, x)
        for k in (i, len(images) + i):
            here = slice(firsts[k], firsts[k + 1])
            features[here] = predictor.features_at(block, parts[k].positions[used[here] - starts[k]])
    return [features[np.searchsorted(used, rows)] for rows in drawn], [density[rows] for rows in drawn]


def _train(
    features: Sequence[NDArray[np.float32]], density: Sequence[NDArray[np.float64]]
) -> tuple[ForestRegressor, ...]:
    regressors = []
    for i, (rows, values) in enumerate(zip(features, density, strict=True)):
        trees = grow_regressor(rows, values, n_trees=N_TREES, max_depth=MAX_DEPTH, seed=SEED + i)
        regressors.append(ForestRegressor(trees))
    return tuple(regressors)
