"""What all workflows have in common: sources by name, checks of an image, and prediction tile by tile."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.classifiers.fit import check_image
from napari_batch_prediction.classifiers.in_memory import predict_image
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Context, Memory
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.problems import Problem

PROBABILITIES = "Probabilities"
SEGMENTATION = "Simple Segmentation"
UNCERTAINTY = "Uncertainty"
FEATURES = "Features"
DENSITY = "Density"
COUNTS = "Counts"

TIME, COUNT, COUNT_IN_REGION = COUNT_COLUMNS = ("time", "count", "count in region")
"""The columns of a table of counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing a classifier can export: an image, or a table of numbers for the whole batch.

    Attributes
    ----------
    name
        Its name.
    kind
        ``"image"``; ``"labels"`` for an image of numbers of classes, from 1, of which a mean has no meaning; or
        ``"table"``.
    dtype, channels, channel_names
        Type of the values, how many there are for each pixel, and what each is.
    value_range
        The smallest and the largest value possible; None if there is no such limit.
    classes, class_colors
        The classes that values are numbers or, channel by channel, probabilities of; empty otherwise.
    columns
        The columns of a table; empty for images.
    made_from
        The image source that a table is made from; empty for images.
    """

    name: str
    kind: Literal["image", "labels", "table"] = "image"
    dtype: np.dtype
    channels: int = 1
    channel_names: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    class_colors: tuple[Color, ...] = ()
    columns: tuple[str, ...] = ()
    made_from: str = ""


class Classifier(ABC):
    """A trained classifier: what it needs of an image, what it can export, and the prediction itself.

    Parameters
    ----------
    description
        Its facts.
    sources
        What can be exported, the default first.
    synonyms
        Other names of sources, in any case, and the names they stand for: ``"Probabilities"`` is the density of a
        counting project, and without a stage the last one of Autocontext is meant.

    Attributes
    ----------
    path
        The file that holds it; None as long as it is not saved.
    workflow, classes, class_colors, axes, n_channels
        See :class:`~napari_batch_prediction.classifiers.description.Description`.
    sources
        Names of what can be exported, ilastik's names; the first is what is exported if nothing else is asked for.
    context
        Pixels of surroundings a tile needs.
    """

    def __init__(
        self, description: Description, sources: Iterable[Source], synonyms: Mapping[str, str] | None = None
    ) -> None:
        self._description = description
        self._sources = {source.name: source for source in sources}
        self._names = {name.lower(): name for name in self._sources}
        self._names |= {name.lower(): stands_for for name, stands_for in (synonyms or {}).items()}
        self.path: Path | None = description.path
        self.workflow: str = description.workflow
        self.classes: tuple[str, ...] = description.classes
        self.class_colors: tuple[Color, ...] = description.class_colors
        self.axes: str = description.axes
        self.n_channels: int = description.n_channels
        self.sources: tuple[str, ...] = tuple(self._sources)
        self.context: Context = description.context

    @property
    def file(self) -> Path:
        """The file that holds it, for what cannot do without.

        Raises
        ------
        SettingsError
            If it is not saved.
        """
        if self.path is None:
            raise SettingsError("The classifier is in no file yet. Save it, then use the file.", setting="classifier")
        return self.path

    def describe(self) -> Description:
        """Return its facts as data."""
        return self._description

    def source(self, name: str) -> Source:
        """Return the source of this name, in any case.

        Raises
        ------
        SettingsError
            If there is none; the message lists the names.
        """
        known = self._names.get(name.lower())
        if known is None:
            own = self.path.name if self.path is not None else "The classifier"
            raise SettingsError(
                f"{own} cannot export '{name}'. Choose one of: {', '.join(self.sources)}.", setting="source"
            )
        return self._sources[known]

    def bytes_of(self, sources: Iterable[str]) -> int:
        """Return how many bytes the values of a pixel take in these sources."""
        return sum(source.channels * source.dtype.itemsize for source in map(self.source, sources))

    def check(self, axes: str, shape: Sequence[int], dtype: np.dtype | None = None) -> None:
        """Check that an image with these axes, this shape and this type can be predicted.

        Raises
        ------
        ImageMismatchError
            If the number of channels or of dimensions differs from the training images, the image is too small for
            the features, or no image of its type can be predicted.
        """
        check_image(self._description, axes, shape)

    @abstractmethod
    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return, as warnings, why the prediction of an image of this type may not be what was trained."""

    @abstractmethod
    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes."""

    @abstractmethod
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
            Names of the sources wanted: images, not tables.

        Returns
        -------
        For each source, by its name in ``sources`` of the classifier, its values: ``(channels, z, y, x)`` of the
        tile. Runs without the interpreter lock.
        """

    def predict(
        self, array: NDArray, axes: str | None = None, source: str = PROBABILITIES, workers: int | None = None
    ) -> NDArray:
        """Predict a whole image in memory.

        Parameters
        ----------
        array
            The image, of any numeric dtype.
        axes
            Its axis keys; guessed from the shape by ilastik's rules if None.
        source
            What to return, one of ``sources``.
        workers
            Number of threads; all cores if None.

        Returns
        -------
        Values of the source in the axes of the input, then ``c`` if the input had none. Of a table (``"Counts"``)
        the sum of the image it is made from, one float64 for each time point, ``(t,)``, or a single one if the
        input has no ``t``.

        Raises
        ------
        AxesError
            If the axes do not fit the array.
        ImageMismatchError
            If the image does not fit the classifier.
        SettingsError
            If there is no such source.
        """
        return predict_image(self, array, axes, source, workers)
