"""ilastik's Pixel Classification."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import PROBABILITIES, Classifier, Source
from napari_batch_prediction.classifiers.derived import derived_sources
from napari_batch_prediction.classifiers.description import Description
from napari_batch_prediction.classifiers.stage import Stage
from napari_batch_prediction.classifiers.tensor import chosen, formula_text, project_warnings, variant
from napari_batch_prediction.classifiers.warnings import brightest, type_warnings
from napari_batch_prediction.engine.tiles import Memory
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.ilp.project import Existing, PixelClassificationProject
from napari_batch_prediction.problems import Problem

OBJECT_SOURCES = ("object predictions", "object probabilities", "object identities")
"""What a project that goes on with objects exports of them."""

if TYPE_CHECKING:
    from napari_batch_prediction.training.report import TrainingReport
    from napari_batch_prediction.training.training_set import TrainingSet


class PixelClassification(Classifier):
    """A trained Pixel Classification project. Safe to use from several threads at once.

    Parameters
    ----------
    project
        The project.
    training
        The images and labels that it was trained on, if they are at hand.
    without_objects
        Why the objects of a project that goes on with them cannot be classified; empty if it does not.
    """

    def __init__(
        self,
        project: PixelClassificationProject,
        training: "TrainingSet | None" = None,
        without_objects: str = "",
    ) -> None:
        self.project = project
        self._without_objects = without_objects
        self.training = training
        self._stage = Stage(project, variant=variant([project]))
        sources = (*self._stage.sources, *derived_sources(self._stage.sources[0]))
        description = Description(
            path=project.path,
            workflow=project.workflow,
            version=project.version,
            classes=project.label_names,
            class_colors=project.label_colors,
            n_channels=project.n_channels,
            axes=project.axes,
            trained_again=project.trained_again,
            stages=(self._stage.describe(),),
            sources=tuple(source.name for source in sources),
            structure_tensor=formula_text([project]),
            export=project.export,
        )
        # Its name where objects are classified, too.
        synonyms = {f"Pixel {PROBABILITIES}": PROBABILITIES}
        super().__init__(description, sources, synonyms, self._stage.unlisted)

    def source(self, name: str) -> Source:
        """Return a source by its name, in any case; see :meth:`.Classifier.source`."""
        if self._without_objects and isinstance(name, str) and name.strip().lower() in OBJECT_SOURCES:
            raise SettingsError(
                f"'{name.strip()}' cannot be exported, only what comes of the pixels. {self._without_objects}",
                setting="source",
            )
        return super().source(name)

    @cached_property
    def _brightest(self) -> float:
        project, n = self.project, self.n_channels
        return brightest(project.trees, project.selection, n, range(n))

    def report(self, *, smaller: bool = True, seconds: float = 20.0) -> "TrainingReport":
        """Return a report: agreement with the labels, importance of features, labels that are predicted wrongly.

        Parameters
        ----------
        smaller
            True to look for a smaller selection that is as good, too.
        seconds
            The time for that, about.

        Raises
        ------
        SettingsError
            If there are no labels, or none of the images that have some is found.
        ProjectError, ImageReadError
            If the project or an image cannot be read any more.
        """
        from napari_batch_prediction.training.opening import open_training
        from napari_batch_prediction.training.report import make_report

        training = self.training
        if training is None and self.path is not None:
            training = open_training(self.path).with_selection(self.features)
        if training is None or not training.images:
            gone = "".join(f" {image.reason}." for image in (training.missing if training is not None else ()))
            raise SettingsError(
                f"There is no report without the images and labels that the classifier was trained on.{gone}",
                setting="classifier",
            )
        return make_report(training, smaller=smaller, seconds=seconds)

    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return warnings that an image of this type may be unlike the training images."""
        return project_warnings([self.project]) + type_warnings(dtype, self.project.dtype, self._brightest)

    def _with_structure_tensor(self, value: StructureTensor) -> Classifier:
        # What was trained here is right with the features that it was trained on.
        if self.training is not None:
            return self
        (project,) = chosen([self.project], value)
        return PixelClassification(project, without_objects=self._without_objects)

    def save(self, path: str | os.PathLike[str], *, existing: Existing = "error") -> Path:
        """Save the classifier as a project of ilastik; see :meth:`.Classifier.save`."""
        # Only saving needs it.
        from napari_batch_prediction.classifiers.saving import save_classifier

        saved = save_classifier(self.project, self.training, Path(path), existing)
        if self.path is None:
            self._is_now_in(saved)
        return saved

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory for predicting these sources."""
        return self._stage.memory([self.source(name).name for name in sources])

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the forest takes; 0 once it is."""
        return self._stage.model_bytes

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict a tile."""
        return self._stage.predict(block, inner, [self.source(name).name for name in sources])
