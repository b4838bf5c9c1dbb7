"""Reading ilastik's Cell Density Counting projects. Nothing is ever unpickled."""

import os
from dataclasses import dataclass
from pathlib import Path

import h5py

from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.regressors import ForestRegressor, LinearRegressor, Regressor
from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.features import read_selection
from napari_batch_prediction.ilp.forests import TRAIN_AGAIN
from napari_batch_prediction.ilp.hdf5 import (
    array,
    attribute,
    damaged,
    group,
    open_project,
    text,
    texts,
)
from napari_batch_prediction.ilp.input import TrainingImage, read_training_image
from napari_batch_prediction.ilp.labels import read_label_colors
from napari_batch_prediction.ilp.project import COUNTING, workflow_name
from napari_batch_prediction.ilp.regressors import read_wrappers

__all__ = ["COUNTING", "CountingProject", "ForestRegressor", "LinearRegressor", "read_counting_project"]

_CLASSES = ("Foreground", "Background")
_MAX_SIGMA = 1000


@dataclass(frozen=True)
class CountingProject:
    """A trained Cell Density Counting project.

    Attributes
    ----------
    path
        The file.
    version
        Version of ilastik that saved it.
    selection
        The features of each channel.
    axes
        Axes of the training images: ``y`` and ``x`` in stored order, and ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images.
    dtype
        Name of the training image's dtype if the file tells.
    classes, class_colors
        Names and colours (0 to 255) of what was painted: objects and background.
    regressors
        The density is the mean of theirs, each at least 0.
    sigma
        Standard deviation, in pixels, of the blob that stands for one object; None if the file does not tell.
    trained_again
        A sentence if the regressors were not read but trained here; empty otherwise.
    """

    path: Path
    version: str
    selection: FeatureSelection
    axes: str
    n_channels: int
    dtype: str | None
    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    regressors: tuple[Regressor, ...]
    sigma: float | None
    trained_again: str


def read_counting_project(path: str | os.PathLike[str]) -> CountingProject:
    """Read a Cell Density Counting project.

    If ilastik saved its regressors incompletely, they are trained again from the dots and strokes in the project,
    as far as the training images are there.

    Raises
    ------
    ProjectError
        If the file cannot serve as a classifier. The message says why and what to do.
    """
    path = Path(path)
    workflow = workflow_name(path)
    if workflow != COUNTING:
        raise ProjectError(f"{path} is a project of the workflow '{workflow}', expected '{COUNTING}'.")
    with open_project(path) as file:
        image = read_training_image(file)
        _check_dimensions(path, image)
        applet = group(file, "Counting")
        if applet is None:
            raise ProjectError(
                f"{path} was saved before anything was counted: it has no group /Counting. {TRAIN_AGAIN}"
            )
        stored, reasons = read_wrappers(applet)
        selection = read_selection(file, "FeatureSelections", image, stored[0].n_features if stored else 0)
        if not selection.all_in_2d:
            raise ProjectError(
                f"{path} uses features that are computed in 3D, but counting is in 2D. Choose 2D features in ilastik's "
                f"'Feature Selection'. {TRAIN_AGAIN}"
            )
        n_channels = image.extent("c") or max(1, stored[0].n_features // selection.n_features() if stored else 1)
        n_features = selection.n_features(n_channels)
        usable = [wrapper for wrapper in stored if wrapper.n_features == n_features]
        if stored and not usable:
            reasons.append(
                f"they were trained on {stored[0].n_features} features, but the feature selection gives {n_features}"
            )
        sigma = _read_sigma(applet)
        if usable:
            regressors = tuple(regressor for wrapper in usable for regressor in wrapper.regressors)
            sigma = usable[0].sigma if sigma is None else sigma
            trained_again = ""
        else:
            from napari_batch_prediction.training.counting import train_again

            regressors, trained_again = train_again(file, selection, n_channels, sigma, "; ".join(reasons))
        classes = texts(applet, "LabelNames") or _CLASSES
        return CountingProject(
            path=path,
            version=text(file, "ilastikVersion") or "",
            selection=selection,
            axes=_axes(image, n_channels),
            n_channels=n_channels,
            dtype=image.dtype,
            classes=classes,
            class_colors=read_label_colors(applet, len(classes)),
            regressors=regressors,
            sigma=sigma,
            trained_again=trained_again,
        )


def _check_dimensions(path: Path, image: TrainingImage) -> None:
    for key, what in (("z", "a volume (3D)"), ("t", "a time series")):
        extent = image.extent(key)
        # Files that do not store the shape can name axes of extent 1.
        if extent not in (None, 1):
            shape = "x".join(map(str, image.shape or ()))
            raise ProjectError(
                f"{path} was trained on {what} with the axes {image.axes} and the shape {shape}, but counting is "
                "trained on single 2D images. Train it in ilastik on 2D images and save the project."
            )


def _read_sigma(applet: h5py.Group) -> float | None:
    stored = array(applet, "Sigma")
    if stored is None or stored.size != 1 or attribute(applet["Sigma"], "isEmpty"):
        return None
    if stored.dtype.kind not in "iuf" or not 0 < stored.ravel()[0] <= _MAX_SIGMA:
        raise damaged(applet, "Sigma", f"expected a number of pixels, found {stored.ravel()[0]!r}")
    return float(stored.ravel()[0])


def _axes(image: TrainingImage, n_channels: int) -> str:
    stored = image.axes or "yxc"
    return "".join(key for key in stored if key in "yx" or (key == "c" and n_channels > 1))
