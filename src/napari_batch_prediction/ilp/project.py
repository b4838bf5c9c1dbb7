"""The contents of a project as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.regressors import Regressor
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.trees import Tree
from napari_batch_prediction.ilp.tensor import TensorFormula

PIXEL_CLASSIFICATION = "Pixel Classification"
PIXEL_AND_OBJECT = "Object Classification (from pixel classification)"
"""A workflow whose first half is a pixel classification."""

OBJECTS = {
    "Object Classification (from prediction image)": "prediction_maps",
    "Object Classification (from binary image)": "segmentation_image",
    "Object Classification (from label image)": "label_image",
}
"""The workflows that classify objects of a second image, with the name of its role on ilastik's command line."""

COUNTING = "Cell Density Counting"
AUTOCONTEXT = {"Autocontext (2-stage)": 2, "Autocontext (3-stage)": 3, "Autocontext (4-stage)": 4}
"""Number of stages of each Autocontext workflow, by ilastik's name."""

SUPPORTED = (PIXEL_CLASSIFICATION, COUNTING, *AUTOCONTEXT, PIXEL_AND_OBJECT, *OBJECTS)
"""Supported workflows."""

CLASS_NAMES = {
    "PixelClassificationWorkflow": PIXEL_CLASSIFICATION,
    "CountingWorkflow": COUNTING,
    "Counting": COUNTING,
    **dict(zip(("AutocontextTwoStage", "AutocontextThreeStage", "AutocontextFourStage"), AUTOCONTEXT, strict=True)),
}
"""The workflows by other names: by class, as in Autocontext projects and in projects made by a program, and the name of
ilastik 0.6."""

TRAIN_AGAIN = "Open it in ilastik 1.x, train the classifier (Live Update on) and save the project again."

Existing = Literal["error", "overwrite"]
"""What to do about a file of the same name when a project is saved."""

MAX_LABEL = 255
"""Highest label: ilastik stores labels as uint8."""


@dataclass(frozen=True)
class Lane:
    """A training image, as far as the project describes it.

    Attributes
    ----------
    name
        The group of its description.
    path
        Its file as stored, often relative to the project's folder; or its dataset inside the project. None if unknown.
    is_inside
        True if the image was copied into the project.
    axes
        Axis keys in stored order, or None if unknown.
    shape
        Extents along ``axes``, or None if unknown.
    dtype
        Name of the type; stored only for an image that was copied into the project, else None.
    damage
        Fault of an unreadable description; empty if it is readable.
    """

    name: str = ""
    path: str | None = None
    is_inside: bool = False
    axes: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    damage: str = ""

    def extent(self, key: str) -> int | None:
        """Return the extent along an axis: 1 for a missing axis, None if unknown."""
        if self.axes is None:
            return None
        if key not in self.axes:
            return 1
        return self.shape[self.axes.index(key)] if self.shape else None


@dataclass(frozen=True, eq=False)
class LabelBlock:
    """Labels in part of a training image.

    Attributes
    ----------
    start
        Its first pixel along t, z, y and x.
    labels
        Labels from 1, 0 for unpainted pixels; shape (t, z, y, x).
    """

    start: tuple[int, int, int, int]
    labels: NDArray


@dataclass(frozen=True)
class Forests:
    """All trees of a classifier, and the labels of their columns.

    Attributes
    ----------
    trees
        The trees of all forests. ilastik's result is their plain mean: it weighs forests by their number of trees.
    n_features
        Number of features of the training.
    labels
        Label value (from 1) of each column of probabilities.
    feature_names
        Names of the features; None if none are stored.
    """

    trees: tuple[Tree, ...]
    n_features: int
    labels: tuple[int, ...]
    feature_names: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Project:
    """The facts that projects of all workflows have.

    Attributes
    ----------
    path
        The file; None for a project not yet saved.
    version
        Version of ilastik that saved it.
    lanes
        The training images; the last one is the model for new images.
    selection
        The features of each channel.
    axes
        Axes of the last training image in stored order: ``y`` and ``x``, ``t`` and ``z`` unless of extent 1 or in a
        workflow for 2D images, and ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images; in later stages of Autocontext, probabilities included.
    dtype
        Name of the last training image's type; None if unknown.
    formula
        The formula of the structure tensor, as far as the project's text tells it.
    export
        The export settings in the project that differ from ilastik's defaults, as fields of an export.
    trained_again
        A sentence if what predicts was trained here from the labels in the project, instead of read; else empty.
    """

    path: Path | None
    version: str
    lanes: tuple[Lane, ...]
    selection: FeatureSelection
    axes: str
    n_channels: int
    dtype: str | None
    formula: TensorFormula
    export: Mapping[str, Any] = field(default_factory=dict)
    trained_again: str = ""


@dataclass(frozen=True, kw_only=True)
class PixelClassificationProject(Project):
    """A trained Pixel Classification project, or one stage of an Autocontext project.

    Attributes
    ----------
    label_names
        Names of the classes, one for each output channel.
    label_colors
        Red, green and blue (0 to 255) of each class.
    trees
        The trees of all forests, of equal weight.
    column_labels
        Label value (from 1) of each column of the trees' probabilities.
    channel_of_column
        Output channel (from 0) of each column; channels without a column are 0 everywhere.
    workflow
        ilastik's name of the workflow.
    """

    label_names: tuple[str, ...]
    label_colors: tuple[Color, ...]
    trees: tuple[Tree, ...]
    column_labels: tuple[int, ...]
    channel_of_column: tuple[int, ...]
    workflow: str


@dataclass(frozen=True, kw_only=True)
class CountingProject(Project):
    """A Cell Density Counting project.

    Attributes
    ----------
    classes, class_colors
        Names and colours (0 to 255) of the labels: objects and background.
    regressors
        Regressors whose mean, each clipped at 0, is the density; empty if those in the file cannot be used.
    unusable
        Reason why the regressors in the file cannot be used; else empty.
    sigma
        Standard deviation, in pixels, of the blob for one object; None if not stored.
    """

    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    regressors: tuple[Regressor, ...]
    unusable: str = ""
    sigma: float | None
