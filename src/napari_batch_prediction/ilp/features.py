"""The feature selection in a project file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.features.selection import FEATURE_IDS, FeatureSelection
from napari_batch_prediction.ilp.limits import MAX_NAME, MAX_SCALES, MAX_SIGMA
from napari_batch_prediction.ilp.project import TRAIN_AGAIN, Lane
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.ilp.reading.group import ProjectGroup

_CHOOSE_FEATURES = f"Choose features in ilastik's 'Feature Selection'. {TRAIN_AGAIN}"


def read_selection(file: ProjectFile, name: str, image: Lane, n_columns: int, n_more: int = 0) -> FeatureSelection:
    """Read the selection of features of a classifier's training.

    Parameters
    ----------
    file
        The project.
    name
        The group of the feature selection.
    image, n_columns
        The training image and the number of features of the training. They decide between 2D and 3D in projects that
        do not store it.
    n_more
        Number of channels added to those of the image.

    Raises
    ------
    ProjectError
        If no features are selected, a selected one is unknown, or the selection is damaged.
    """
    path, applet = file.path, file.group(name)
    if applet is None:
        raise _unselected(path)
    if applet.has("FeatureListFilename"):
        raise ProjectError(
            f"{path} takes its features from another file (FeatureListFilename), which is not supported. "
            f"{_CHOOSE_FEATURES}"
        )
    ids, scales, selected = _stored(path, applet)
    unknown = sorted({key for key, row in zip(ids, selected, strict=True) if key not in FEATURE_IDS and row.any()})
    if unknown:
        raise ProjectError(
            f"{path} uses features that are not known: expected any of {', '.join(FEATURE_IDS)}, found "
            f"{', '.join(unknown)[:500]}. {_CHOOSE_FEATURES}"
        )
    rows = [(key, tuple(row.tolist())) for key, row in zip(ids, selected, strict=True) if key in FEATURE_IDS]

    def selection(in_2d: tuple[bool, ...]) -> FeatureSelection:
        sigmas = tuple(float(scale) for scale in scales)
        return FeatureSelection(tuple(key for key, _ in rows), sigmas, tuple(row for _, row in rows), in_2d)

    in_2d = applet.array("ComputeIn2d", MAX_SCALES)
    # For an empty list ilastik stores one arbitrary float.
    if in_2d is None or in_2d.size == 0 or in_2d.dtype.kind == "f":
        return _decided_by_image(selection, len(scales), image, n_columns, n_more)
    if in_2d.shape != scales.shape or in_2d.dtype.kind not in "biu":
        expected = f"one value for each of {scales.size} scales"
        raise applet.damaged("ComputeIn2d", f"expected {expected}, found {in_2d.dtype} of shape {in_2d.shape}")
    return selection(tuple(in_2d.astype(bool).tolist()))


def _stored(path: Path, applet: ProjectGroup) -> tuple[tuple[str, ...], NDArray[Any], NDArray[np.bool_]]:
    """Return the names of the features, the scales, and which feature (row) is selected at which scale (column)."""
    ids, scales = applet.texts("FeatureIds", MAX_SCALES, MAX_NAME), applet.array("Scales", MAX_SCALES)
    matrix = applet.array("SelectionMatrix", MAX_SCALES**2)
    if ids is None or scales is None or matrix is None:
        raise _unselected(path)
    if matrix.shape != (len(ids), scales.size) or matrix.dtype.kind not in "biuf":
        expected = f"one row for each of {len(ids)} features and one column for each of {scales.size} scales"
        raise applet.damaged("SelectionMatrix", f"expected {expected}, found {matrix.dtype} of shape {matrix.shape}")
    if not matrix.any():
        raise _unselected(path)
    if scales.ndim != 1 or scales.dtype.kind not in "iuf" or not ((scales > 0) & (scales <= MAX_SIGMA)).all():
        raise applet.damaged("Scales", f"expected positive numbers of pixels up to {MAX_SIGMA}, found {scales!r}")
    return ids, scales, matrix.astype(bool)


def _unselected(path: Path) -> ProjectError:
    return ProjectError(f"{path} has no features selected. {_CHOOSE_FEATURES}")


def _decided_by_image(
    selection: Callable[[tuple[bool, ...]], FeatureSelection],
    n_scales: int,
    image: Lane,
    n_columns: int,
    n_more: int,
) -> FeatureSelection:
    """Decide between 2D and 3D in projects from before 1.3.2 by the extent along z, as ilastik does.

    Without a stored extent, the number of features decides.
    """
    flat, deep = selection((True,) * n_scales), selection((False,) * n_scales)
    z, channels = image.extent("z"), image.extent("c")
    if z is not None:
        return flat if z == 1 else deep
    likely = (deep, flat) if image.axes is not None else (flat, deep)
    for candidate in likely:
        n = candidate.n_features((channels or 1) + n_more)
        if n_columns == n or (channels is None and n_columns % n == 0):
            return candidate
    return likely[0]
