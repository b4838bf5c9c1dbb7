"""The images and the classes that a classifier is trained on, as the window names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.training.training_set import MissingImage

Region = tuple[slice, slice, slice, slice]
"""A box along t, z, y and x."""


class LabelArray(Protocol):
    """Labels of an image, read where they are asked for; somebody may paint on them meanwhile."""

    def read(self, region: Region) -> NDArray[np.uint8]:
        """Return the labels (t, z, y, x) of a region; 0 where nothing is painted."""


@dataclass(frozen=True, eq=False, slots=True)
class TrainingImage:
    """An image with its labels.

    Attributes
    ----------
    name
        Its name, for messages.
    levels
        The image at each of its resolutions, the full one, on which labels are painted, first.
    labels
        Its labels.
    stored
        The same image in its file, which a project refers to; None if it is in none.
    """

    name: str
    levels: tuple[Image, ...]
    labels: LabelArray
    stored: Image | None = None

    @property
    def image(self) -> Image:
        """The image at full resolution."""
        return self.levels[0]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The extents along t, z, y and x."""
        sizes = self.image.extents
        return sizes["t"], sizes["z"], sizes["y"], sizes["x"]


class PaintedClass(NamedTuple):
    """A class that is painted.

    Attributes
    ----------
    label
        The number that its pixels have among the labels, from 1 to 255. It stays, whatever classes come and go.
    name, color
        The name and the colour.
    """

    label: int
    name: str
    color: Color


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything but images and labels that a classifier depends on.

    Attributes
    ----------
    classes
        The classes in their order.
    selection
        The features.
    n_trees
        Number of trees.
    seed
        Seed of the forest.
    missing
        Images of an opened project that were not found; their labels are kept with the classifier.
    export
        The export settings of an opened project, which are kept with the classifier; see :class:`TrainingSet`.
    """

    classes: tuple[PaintedClass, ...]
    selection: FeatureSelection
    n_trees: int = 100
    seed: int = 0
    missing: tuple[MissingImage, ...] = ()
    export: Mapping[str, Any] = field(default_factory=dict)


Images = Mapping[int, TrainingImage]
"""The images, each by a number that stays with it."""
