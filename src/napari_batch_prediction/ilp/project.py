"""The contents of a project as data, read from a file or made to be written to one."""

from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.regressors import Regressor
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.forest.trees import Tree

PIXEL_CLASSIFICATION = "Pixel Classification"
COUNTING = "Cell Density Counting"
AUTOCONTEXT = {"Autocontext (2-stage)": 2, "Autocontext (3-stage)": 3, "Autocontext (4-stage)": 4}
"""The workflows of Autocontext, as ilastik's window names them, and their numbers of stages."""

SUPPORTED = (PIXEL_CLASSIFICATION, COUNTING, *AUTOCONTEXT)
"""The workflows whose projects are read."""

CLASS_NAMES = {
    "PixelClassificationWorkflow": PIXEL_CLASSIFICATION,
    "CountingWorkflow": COUNTING,
    **dict(zip(("AutocontextTwoStage", "AutocontextThreeStage", "AutocontextFourStage"), AUTOCONTEXT, strict=True)),
}
"""The workflows by their classes: so a project is named that a program made, and every project of Autocontext."""

TRAIN_AGAIN = "Open it in ilastik 1.x, train the classifier (Live Update on) and save the project again."

MAX_LABEL = 255
"""ilastik stores labels as uint8."""


@dataclass(frozen=True)
class Lane:
    """A training image, as far as the project describes it.

    Attributes
    ----------
    name
        The group that describes it.
    path
        Its file as the project names it, often from the project's folder on; or the dataset in the project that
        holds it. None if unknown.
    is_inside
        Whether it was copied into the project.
    axes
        Axis keys in stored order, or None if unknown.
    shape
        Extents along ``axes``, or None if unknown.
    dtype
        Name of the dtype; a project knows it only of an image that was copied into it.
    damage
        Why its description cannot be read; empty if it can.
    """

    name: str = ""
    path: str | None = None
    is_inside: bool = False
    axes: str | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    damage: str = ""

    def extent(self, key: str) -> int | None:
        """Return the extent along an axis: 1 for an axis the image does not have, None if unknown."""
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
    y, x
        Where the block begins.
    labels
        (y, x): from 1, or 0 where nothing was painted.
    """

    y: int
    x: int
    labels: NDArray


@dataclass(frozen=True)
class Forests:
    """All trees of a classifier, and what their columns stand for.

    Attributes
    ----------
    trees
        The trees of all forests. Their plain mean is ilastik's result, which weighs forests by their trees.
    n_features
        Length of the feature vector they were trained on.
    labels
        Label value (from 1) of each column of probabilities.
    """

    trees: tuple[Tree, ...]
    n_features: int
    labels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PixelClassificationProject:
    """A trained Pixel Classification project, or one stage of an Autocontext project.

    Attributes
    ----------
    path
        The file; None if there is none yet.
    version
        Version of ilastik that saved it.
    lanes
        The training images. ilastik goes by the last one for new images.
    label_names
        Names of the classes; one output channel each.
    label_colors
        Red, green and blue (0 to 255) of each class.
    axes
        Axes of the last training image in stored order: ``y`` and ``x``, ``t`` and ``z`` unless of extent 1,
        and ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images; for later stages of Autocontext, and the probabilities before.
    dtype
        Name of the training image's dtype if it is known.
    selection
        The features of each channel.
    trees
        The trees of all forests, of equal weight.
    column_labels
        Label value (from 1) of each column of the trees' probabilities.
    channel_of_column
        Output channel (from 0) of each column. Channels that are not listed are 0 everywhere.
    """

    path: Path | None
    version: str
    lanes: tuple[Lane, ...]
    label_names: tuple[str, ...]
    label_colors: tuple[Color, ...]
    axes: str
    n_channels: int
    dtype: str | None
    selection: FeatureSelection
    trees: tuple[Tree, ...]
    column_labels: tuple[int, ...]
    channel_of_column: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class CountingProject:
    """A Cell Density Counting project.

    Attributes
    ----------
    path
        The file; None if there is none yet.
    version
        Version of ilastik that saved it.
    lanes
        The training images. ilastik goes by the last one for new images.
    selection
        The features of each channel.
    axes
        Axes of the training images: ``y`` and ``x`` in stored order, and ``c`` if there is more than one channel.
    n_channels
        Number of channels of the training images.
    dtype
        Name of the training image's dtype if it is known.
    classes, class_colors
        Names and colours (0 to 255) of what was painted: objects and background.
    regressors
        The density is the mean of theirs, each at least 0. There are none if those in the file cannot be used.
    unusable
        Why those in the file cannot be used; empty if they can.
    sigma
        Standard deviation, in pixels, of the blob that stands for one object; None if the file does not tell.
    trained_again
        A sentence if the regressors were not read but trained here; empty otherwise.
    """

    path: Path | None
    version: str
    lanes: tuple[Lane, ...]
    selection: FeatureSelection
    axes: str
    n_channels: int
    dtype: str | None
    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    regressors: tuple[Regressor, ...]
    unusable: str = ""
    sigma: float | None
    trained_again: str = ""
