"""ilastik's Cell Density Counting."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS, DENSITY, PROBABILITIES, Classifier, Source
from napari_batch_prediction.classifiers.description import Description, StageDescription
from napari_batch_prediction.classifiers.tensor import Fit, chosen, formula_text, project_warnings, variant
from napari_batch_prediction.classifiers.warnings import brightest, type_warnings
from napari_batch_prediction.engine.base import Predictor
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.regressors import ForestRegressor
from napari_batch_prediction.engine.tiles import Memory
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.features.selection import StructureTensor
from napari_batch_prediction.ilp.project import COUNTING, CountingProject
from napari_batch_prediction.ilp.reading.file import ProjectFile
from napari_batch_prediction.problems import Problem

GOOD_FIT = 0.5
"""The least fit of a project's regressors with its own labels; see :func:`density_fit`."""


def density_fit(file: ProjectFile, project: CountingProject) -> Fit:
    """Return the share of the variance of densities that a classifier predicts at labelled pixels, as a function of it.

    Each regressor was trained on a quarter of them.
    """

    def fit(classifier: Classifier) -> tuple[float, int]:
        from napari_batch_prediction.training.counting import labelled_density
        from napari_batch_prediction.training.labelled import read_parts

        expected, predicted = [], []
        for part in read_parts(file, labelled_density(file, project), classifier.context, classifier.n_channels):
            density = classifier.predict_tile(part.block, part.tile, [DENSITY])[DENSITY]
            z, y, x = part.positions.T
            predicted.append(density[0, z, y, x])
            expected.append(part.values)
        truth = np.concatenate(expected)
        errors, spread = np.square(np.concatenate(predicted) - truth).sum(), np.square(truth - truth.mean()).sum()
        return float(1 - errors / spread), len(truth)

    return fit


class DensityCounting(Classifier):
    """A trained Cell Density Counting project. Safe to use from several threads at once.

    The density is in objects per pixel; its sum over an image is the count.
    """

    def __init__(self, project: CountingProject) -> None:
        self.project = project
        forests = [regressor for regressor in project.regressors if isinstance(regressor, ForestRegressor)]
        stage = StageDescription(
            selection=project.selection,
            n_channels=project.n_channels,
            classes=project.classes,
            n_trees=sum(len(forest.trees) for forest in forests),
            n_regressors=len(project.regressors),
            n_forests=len(forests),
        )
        description = Description(
            path=project.path,
            workflow=COUNTING,
            version=project.version,
            classes=project.classes,
            class_colors=project.class_colors,
            n_channels=project.n_channels,
            axes=project.axes,
            stages=(stage,),
            sources=(DENSITY, COUNTS),
            counted=project.classes[0],
            sigma=project.sigma,
            trained_again=project.trained_again,
            structure_tensor=formula_text([project]),
            export=project.export,
        )
        sources = (
            Source(
                name=DENSITY,
                dtype=np.dtype(np.float32),
                channel_names=(DENSITY,),
                value_range=(0.0, 1.0),
                variant=variant([project]),
                about="How many objects there are to a pixel: the sum over a region is their number in it.",
            ),
            Source(
                name=COUNTS,
                kind="table",
                dtype=np.dtype(np.float64),
                channel_names=(COUNTS,),
                columns=COUNT_COLUMNS,
                made_from=DENSITY,
                whole=True,
                variant=variant([project]),
                about="A table with the number of objects in each image: the sum of its density.",
            ),
        )
        super().__init__(description, sources, {PROBABILITIES: DENSITY})

    @cached_property
    def _predictor(self) -> Predictor:
        return ENGINE.prepare(self.project.selection, self.n_channels, self.project.regressors)

    @cached_property
    def _brightest(self) -> float:
        project, n = self.project, self.n_channels
        forests = (regressor.trees for regressor in project.regressors if isinstance(regressor, ForestRegressor))
        return max((brightest(trees, project.selection, n, range(n)) for trees in forests), default=0.0)

    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return warnings that counts in an image of this type may be wrong."""
        return project_warnings([self.project]) + type_warnings(dtype, self.project.dtype, self._brightest)

    def _with_structure_tensor(self, value: StructureTensor) -> Classifier:
        # Regressors that were trained here are right with the features that they were trained on.
        return self if self.project.trained_again else DensityCounting(*chosen([self.project], value))

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory for predicting these sources."""
        return ENGINE.memory(self.project.selection, self.n_channels, 1)

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the regressors takes; 0 once they are."""
        return 0 if "_predictor" in self.__dict__ else ENGINE.model_bytes(self.project.regressors)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict a tile."""
        tables = [source.name for source in map(self.source, sources) if source.kind == "table"]
        if tables:
            raise SettingsError(f"{tables[0]} is a sum over whole images. Predict {DENSITY} and add it up.")
        return {DENSITY: self._predictor.predict(block, inner)}
