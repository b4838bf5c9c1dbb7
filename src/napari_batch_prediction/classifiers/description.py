"""The facts of a classifier as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Context
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.settings import Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDescription:
    """The facts of one stage: its features, and its forest or regressors.

    Attributes
    ----------
    selection, n_channels
        The features of each channel, and the number of channels.
    classes
        Names of the classes of the stage.
    n_trees
        Number of trees; 0 for linear regressors.
    n_regressors
        Number of regressors; 0 for a classification.
    n_forests
        Number of regressors that are forests.
    """

    selection: FeatureSelection
    n_channels: int
    classes: tuple[str, ...]
    n_trees: int
    n_regressors: int = 0
    n_forests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDescription:
    """The facts of a classifier of objects.

    Attributes
    ----------
    second
        What the second image is, as ilastik's command line names it; empty if objects are made of the classifier's own
        probabilities.
    thresholds
        What makes objects of probabilities; None if they are those of a binary image or a label image.
    features, n_columns
        The features of objects, and the number of values that they are.
    n_trees
        Number of trees.
    """

    second: str
    thresholds: Thresholds | None
    features: ObjectFeatures
    n_columns: int
    n_trees: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The facts of a classifier.

    Attributes
    ----------
    path
        The file of the classifier; None if not saved.
    workflow
        ilastik's name of the workflow, for example ``"Pixel Classification"``.
    version
        Version of ilastik that saved it; None if unknown.
    classes, class_colors
        Names of the classes in channel order, and red, green and blue (0 to 255) of each.
    n_channels
        Number of channels of an image.
    axes
        Axes of the training images without those of extent 1, for example ``"yx"``, ``"tyx"`` or ``"zyxc"``.
    stages
        The stages of classifying pixels, in order; none if only objects are classified.
    sources
        Names of the sources, the default first.
    objects
        What classifies objects; None for other workflows.
    counted
        The class of the counted objects; empty for other workflows.
    sigma
        Standard deviation, in pixels, of the blob for one object; None if unknown.
    trained_again
        A sentence if what predicts was trained here from the labels in the project, instead of read; else empty.
    export
        The export settings in the project that differ from ilastik's defaults, as fields of an export.
    structure_tensor
        The formula of the structure tensor in words, and how it was told; empty for the usual one.
    """

    workflow: str
    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    n_channels: int
    axes: str
    sources: tuple[str, ...]
    stages: tuple[StageDescription, ...] = ()
    path: Path | None = None
    version: str | None = None
    objects: ObjectDescription | None = None
    counted: str = ""
    sigma: float | None = None
    trained_again: str = ""
    structure_tensor: str = ""
    export: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> Literal[2, 3]:
        """The number of spatial dimensions of an image."""
        return 3 if "z" in self.axes else 2

    @property
    def context(self) -> Context:
        """The context that a tile needs, in pixels: the sum over all stages."""
        contexts = [stage.selection.context for stage in self.stages] or [(0, 0, 0)]
        return Context(*(sum(pixels) for pixels in zip(*contexts, strict=True)))

    @property
    def min_extents(self) -> Mapping[str, int]:
        """The least extent of an image along each spatial axis: ``y`` and ``x`` in 2D, also ``z`` in 3D."""
        extents = [stage.selection.min_extents for stage in self.stages] or [(1, 1, 1)]
        z, y, x = (max(pixels) for pixels in zip(*extents, strict=True))
        # A volume of one slice is a 2D image.
        return {"z": max(z, 2), "y": y, "x": x} if self.dimension == 3 else {"y": y, "x": x}
