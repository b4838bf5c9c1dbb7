"""The base class of all classifiers: sources by name, checks of an image, prediction by tile."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.classifiers.fit import check_image
from napari_batch_prediction.classifiers.in_memory.methods import PROBABILITIES as PROBABILITIES
from napari_batch_prediction.classifiers.in_memory.methods import PredictsImages
from napari_batch_prediction.classifiers.source import Source as Source
from napari_batch_prediction.colors import Color
from napari_batch_prediction.disk import file_state
from napari_batch_prediction.engine.tiles import Context, Memory
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.features.selection import FeatureSelection, StructureTensor
from napari_batch_prediction.ilp.project import Existing
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import count, did_you_mean

if TYPE_CHECKING:
    from napari_batch_prediction.simd.shelf import Job
    from napari_batch_prediction.training.training_set import TrainingSet

SEGMENTATION = "Simple Segmentation"
UNCERTAINTY = "Uncertainty"
FEATURES = "Features"
LABELS = "Labels"
DENSITY = "Density"
COUNTS = "Counts"

TIME, COUNT, COUNT_IN_REGION = COUNT_COLUMNS = ("time", "count", "count in region")
"""The columns of a table of counts."""


class Classifier(PredictsImages, ABC):
    """A trained classifier: its facts, its sources, checks of images, and prediction.

    Parameters
    ----------
    description
        The facts.
    sources
        The sources, the default first.
    synonyms
        Other names of sources, in any case, with the names that they stand for: ``"Probabilities"`` for the density of
        a counting project, names without a stage for the last stage of Autocontext.
    unlisted
        Sources that are found by their names, but not listed.

    Attributes
    ----------
    path
        The file of the classifier; None if not saved.
    workflow, classes, class_colors, axes, n_channels
        See :class:`~napari_batch_prediction.classifiers.description.Description`.
    sources
        ilastik's names of the sources, the default first.
    context
        The context that a tile needs, in pixels.
    training
        The images and labels that it was trained on; None if they are not at hand.
    structure_tensor
        The formula of the structure tensor that the user chose; None if it is told from the project.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> classifier = nbp.load_classifier("nuclei.ilp")
    >>> classifier
    <PixelClassification nuclei.ilp: 2D, 1 channel, classes Background, Nucleus, Mitotic>
    >>> classifier.sources
    ('Probabilities', 'Simple Segmentation', 'Uncertainty', 'Features', 'Areas', 'Objects', 'Object Table')
    >>> classifier.predict("nuclei_01.png").shape
    (512, 512, 3)
    >>> classifier.predict("nuclei_01.png", source="Simple Segmentation").shape
    (512, 512)
    """

    training: "TrainingSet | None" = None

    def __init__(
        self,
        description: Description,
        sources: Sequence[Source],
        synonyms: Mapping[str, str] | None = None,
        unlisted: Sequence[Source] = (),
    ) -> None:
        self._description = description
        self._sources = {source.name: source for source in (*sources, *unlisted)}
        self._names = {name.lower(): name for name in self._sources}
        self._names |= {name.lower(): stands_for for name, stands_for in (synonyms or {}).items()}
        self._others: dict[StructureTensor, Classifier] = {}
        self.path: Path | None = description.path
        self.workflow: str = description.workflow
        self.classes: tuple[str, ...] = description.classes
        self.class_colors: tuple[Color, ...] = description.class_colors
        self.axes: str = description.axes
        self.n_channels: int = description.n_channels
        self.sources: tuple[str, ...] = tuple(source.name for source in sources)
        self.context: Context = description.context
        self.structure_tensor: StructureTensor | None = None
        self._state = None if self.path is None else file_state(self.path)

    @property
    def file(self) -> Path:
        """The file of the classifier.

        Raises
        ------
        SettingsError
            If the classifier is not saved.
        """
        if self.path is None:
            raise SettingsError("The classifier is in no file yet. Save it, then use the file.", setting="classifier")
        return self.path

    @property
    def features(self) -> FeatureSelection:
        """The features, of the first stage if there are several; :func:`train` takes them for another classifier."""
        return self._description.stages[0].selection

    def _is_now_in(self, path: Path) -> None:
        """Take a file that was written of this classifier as its file."""
        self.path, self._description = path, replace(self._description, path=path)
        self._state = file_state(path)

    @property
    def is_current(self) -> bool:
        """False if the file of the classifier has changed since it was read."""
        return self.path is None or self._state is None or self._state == file_state(self.path)

    def __repr__(self) -> str:
        name = "not saved" if self.path is None else self.path.name
        kind = "2D" if self._description.dimension == 2 else "3D"
        what = f"{kind}, {count(self.n_channels, 'channel')}, classes {', '.join(self.classes)}"
        return f"<{type(self).__name__} {name}: {what}>"

    def __str__(self) -> str:
        # By name: a classifier does not depend on code that shows it.
        return str(import_module("napari_batch_prediction.report").classifier_text(self._description))

    def describe(self) -> Description:
        """Return the facts of the classifier as data."""
        return self._description

    def source(self, name: str) -> Source:
        """Return a source by its name, in any case.

        Raises
        ------
        SettingsError
            If it is unknown; the message lists the names.
        """
        if not isinstance(name, str):
            raise SettingsError(f"A source is one of {', '.join(self.sources)}, got {name!r}.", setting="source")
        own_name = self._names.get(name.strip().lower())
        if own_name is None:
            subject = self.path.name if self.path is not None else "The classifier"
            raise SettingsError(
                f"{subject} cannot export '{name}'{did_you_mean(name, self.sources)}. Choose one of: "
                f"{', '.join(self.sources)}.",
                setting="source",
            )
        return self._sources[own_name]

    def bytes_of(self, sources: Iterable[str]) -> int:
        """Return the number of bytes of a pixel in these sources."""
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

    def with_structure_tensor(self, value: StructureTensor | None) -> "Classifier":
        """Return the classifier with the formula of the structure tensor that the user chose, or itself with None.

        The same object is returned each time, since what is known of images is kept by their classifier.
        """
        if value is None or not any(stage.selection.has_structure_tensor for stage in self._description.stages):
            return self
        if value not in self._others:
            other = self._others[value] = self._with_structure_tensor(value)
            if other is not self:
                other.structure_tensor, other._state = value, self._state
        return self._others[value]

    def _with_structure_tensor(self, value: StructureTensor) -> "Classifier":
        """Return the classifier with another formula of the structure tensor; itself if it has only one."""
        return self

    def save(self, path: str | os.PathLike[str], *, existing: Existing = "error") -> Path:
        """Save the classifier as a project that ilastik opens: whole, or not at all.

        Saved and loaded, it predicts the same, bit for bit. The project is written anew: labels, images, classes,
        features, forest and export settings. Paths of images in or under its folder are relative to it; images that
        are in no single file are copied into it.

        Parameters
        ----------
        path
            The file, which ends in ``.ilp``.
        existing
            Whether a file of that name is replaced: ``"error"`` or ``"overwrite"``.

        Returns
        -------
        The path. A classifier that was in no file has it as its own from now on; another one keeps its file.

        Raises
        ------
        OutputExistsError
            If there is such a file and it is not to be replaced.
        ExportError
            If the file cannot be written, or is open in another program.
        ProjectError
            If the project that the classifier was loaded from, with its labels, cannot be read any more.
        SettingsError
            If the classifier is not a pixel classification, or the name is not that of a project.
        """
        raise SettingsError(
            f"Only pixel classifications are saved, and this is '{self.workflow}'. Copy the project file instead.",
            setting="classifier",
        )

    @abstractmethod
    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return warnings that the prediction of an image of this type may be wrong."""

    @abstractmethod
    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory for predicting these sources."""

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the model takes before the first prediction; 0 once it is prepared."""
        return 0

    def prepare(self, sources: Sequence[str]) -> None:
        """Load or compile all that predicting these sources takes, by predicting the smallest image there can be."""
        least = [(1, 1, 1), *(stage.selection.min_extents for stage in self._description.stages)]
        extents = [max(sizes) for sizes in zip(*least, strict=True)]
        block = np.zeros((self.n_channels, *extents), np.uint8)
        self.predict_tile(block, (slice(0, extents[0]), slice(0, 1), slice(0, 1)), sources)

    def loops(self) -> list["Job"]:
        """Return the compiled loops that exports need, with the usual settings."""
        from napari_batch_prediction.classifiers.derived import OBJECTS
        from napari_batch_prediction.engine.compiled.every import prediction_loops
        from napari_batch_prediction.objects.every import object_loops
        from napari_batch_prediction.objects.settings import Thresholds

        return prediction_loops() + (object_loops(Thresholds()) if OBJECTS in self.sources else [])

    @abstractmethod
    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict a tile.

        Parameters
        ----------
        block
            Pixels ``(c, z, y, x)``, of any numeric dtype, of the tile and its context, which is cut off only at the
            edges of the image.
        inner
            The tile within ``block``: slices along z, y and x.
        sources
            Names of image sources.

        Returns
        -------
        The values ``(channels, z, y, x)`` of the tile in each source, by the source's own name. Predicting runs
        without the interpreter lock.
        """
