"""What a classifier is trained on: images, labels, classes, features, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.ilp.project import LabelBlock, Lane
from napari_batch_prediction.training.labelled_image import LabelledImage

N_TREES = 100
"""Number of trees, as in ilastik."""

COLORS: tuple[Color, ...] = (
    (255, 225, 25),
    (0, 130, 200),
    (230, 25, 75),
    (70, 240, 240),
    (60, 180, 75),
    (250, 190, 190),
    (170, 110, 40),
    (145, 30, 180),
    (0, 128, 128),
    (240, 50, 230),
    (128, 128, 0),
    (128, 0, 0),
    (170, 255, 195),
    (255, 215, 180),
    (0, 0, 128),
    (128, 128, 128),
)
"""Colours of new classes, those of ilastik's first two; more classes begin again."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MissingImage:
    """A training image of a project that was not found, with its labels.

    Attributes
    ----------
    number
        Its number in the project, from 0.
    lane
        Its description; its path is absolute.
    blocks
        Its labels.
    reason
        Why it cannot be opened.
    """

    number: int
    lane: Lane
    blocks: tuple[LabelBlock, ...]
    reason: str

    def relabelled(self, number_of: NDArray[np.uint8]) -> "MissingImage":
        """Return the same with other labels: ``number_of`` (256,) has the new one of each, 0 for none."""
        return replace(self, blocks=tuple(LabelBlock(block.start, number_of[block.labels]) for block in self.blocks))


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingSet:
    """What a classifier is trained on; a project keeps it beside the forest.

    Attributes
    ----------
    images
        Images with their labels.
    class_names, class_colors
        Name of each class, and red, green and blue (0 to 255). The first class is the label 1.
    selection
        The features.
    n_trees
        Number of trees.
    seed
        Seed of the random numbers.
    missing
        Images of the project that were not found. Nothing is trained on their labels, which are saved again.
    export
        The export settings of the project, as fields of an export, where they differ from ilastik's defaults.
    """

    images: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    class_colors: tuple[Color, ...]
    selection: FeatureSelection
    n_trees: int = N_TREES
    seed: int = 0
    missing: tuple[MissingImage, ...] = ()
    export: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_channels(self) -> int:
        """Number of channels of the images."""
        return self.images[-1].image.extents["c"]

    @property
    def highest_label(self) -> int:
        """The highest label of all images; 0 without labels."""
        return highest_label(self.images)

    def with_selection(self, selection: FeatureSelection) -> "TrainingSet":
        """Return the same with other features."""
        return replace(self, selection=selection)


def highest_label(images: Sequence[LabelledImage]) -> int:
    """Return the highest label of all images; 0 without labels."""
    return max((int(np.max(block.labels)) for image in images for block in image.blocks), default=0)


def class_names(n: int) -> tuple[str, ...]:
    """Return names for classes that have none."""
    return tuple(f"Class {i}" for i in range(1, n + 1))


def class_colors(n: int) -> tuple[Color, ...]:
    """Return colours for classes that have none."""
    return tuple(COLORS[i % len(COLORS)] for i in range(n))
