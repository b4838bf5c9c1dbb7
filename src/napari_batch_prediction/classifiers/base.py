"""The protocol behind which every workflow stands."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Context, Memory

PROBABILITIES = "Probabilities"
SEGMENTATION = "Simple Segmentation"
UNCERTAINTY = "Uncertainty"
FEATURES = "Features"
DENSITY = "Density"
COUNTS = "Counts"


class Source(NamedTuple):
    """One thing a classifier can export: an image, or a table of numbers for the whole batch.

    Attributes
    ----------
    name
        Its name.
    dtype, channels, channel_names
        Type of the values, how many there are for each pixel, and what each is.
    value_range
        The smallest and the largest value possible; None if there is no such limit.
    is_labels
        Whether values are numbers of classes, from 1, of which a mean has no meaning.
    classes, class_colors
        The classes that values are numbers or, channel by channel, probabilities of; empty otherwise.
    sums
        The image source whose sums over whole images this is. A source of sums is a table; empty for images.
    """

    name: str
    dtype: np.dtype
    channels: int
    channel_names: tuple[str, ...]
    value_range: tuple[float, float] | None
    is_labels: bool = False
    classes: tuple[str, ...] = ()
    class_colors: tuple[Color, ...] = ()
    sums: str = ""


class Classifier(Protocol):
    """A trained classifier: what it needs of an image, what it can export, and the prediction itself.

    Attributes
    ----------
    path
        The file it was read from.
    workflow
        ilastik's name of the workflow, for example ``"Pixel Classification"``.
    classes
        Names of the classes, in channel order.
    class_colors
        Red, green, blue (0 to 255) of each class.
    sources
        Names of what can be exported, ilastik's names; the first is what is exported if nothing else is asked for.
        Each is also found by the name it has in other workflows: ``"Probabilities"`` is the density of a counting
        project, and without a stage the last one of Autocontext is meant.
    axes
        Axes of the training images without those of extent 1, for example ``"yx"``, ``"tyx"`` or ``"zyxc"``.
    n_channels
        Number of channels an image must have.
    context
        Pixels of surroundings a tile needs.
    """

    path: Path
    workflow: str
    classes: tuple[str, ...]
    class_colors: tuple[Color, ...]
    sources: tuple[str, ...]
    axes: str
    n_channels: int
    context: Context

    def source(self, name: str) -> Source:
        """Return the source of this name, in any case; :class:`SettingsError` lists the names if there is none."""

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
        """Raise :class:`ImageMismatchError` if an image with these axes, this shape and type cannot be predicted."""

    def doubts(self, dtype: np.dtype) -> list[str]:
        """Return, as sentences, why the prediction of an image of this type may not be what was trained."""

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes."""

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict part of one time point.

        Parameters
        ----------
        block
            Pixels ``(c, z, y, x)`` of any numeric dtype: the tile and its context, cut off only where the
            image ends.
        inner
            The tile itself within ``block``: slices along z, y and x.
        sources
            Names of the sources wanted: images, not sums.

        Returns
        -------
        For each source, by its name in ``sources`` of the classifier, its values: ``(channels, z, y, x)`` of the
        tile. Runs without the interpreter lock.
        """

    def predict(
        self, array: NDArray, axes: str | None = None, source: str = "Probabilities", workers: int | None = None
    ) -> NDArray:
        """Predict a whole image in memory.

        Parameters
        ----------
        array
            The image.
        axes
            Its axis keys; guessed from the shape by ilastik's rules if None.
        source
            What to return, one of ``sources``.
        workers
            Number of threads; all cores if None.

        Returns
        -------
        Values of the source in the axes of the input, then ``c`` if the input had none. Of a source of sums
        (``"Counts"``) one float64 for each time point, ``(t,)``, or a single one if the input has no ``t``.
        """

    def summary(self) -> dict[str, object]:
        """Return what a user wants to know of this classifier, by heading, in the order to be shown."""
