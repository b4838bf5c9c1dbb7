"""ilastik's Cell Density Counting."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import COUNTS, DENSITY, PROBABILITIES, Source
from napari_batch_prediction.classifiers.stage import feature_summary
from napari_batch_prediction.classifiers.tiled import TiledClassifier
from napari_batch_prediction.classifiers.warnings import brightest, doubts_of_type
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Memory
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.ilp.counting import CountingProject, ForestRegressor
from napari_batch_prediction.ilp.project import COUNTING

if TYPE_CHECKING:
    from napari_batch_prediction.engine.prediction import DensityPredictor


class DensityCounting(TiledClassifier):
    """A trained Cell Density Counting project; see :class:`~napari_batch_prediction.classifiers.base.Classifier`.

    The density is objects per pixel; its sum over an image is the count. Safe to use from several threads at once.
    """

    workflow: str = COUNTING

    def __init__(self, project: CountingProject) -> None:
        offered = (
            Source(DENSITY, np.dtype(np.float32), 1, (DENSITY,), (0.0, 1.0)),
            Source(COUNTS, np.dtype(np.float64), 1, (COUNTS,), None, sums=DENSITY),
        )
        super().__init__(offered, {PROBABILITIES: DENSITY}, [project.selection])
        self.project = project
        self.path: Path = project.path
        self.classes: tuple[str, ...] = project.classes
        self.class_colors: tuple[Color, ...] = project.class_colors
        self.axes = project.axes
        self.n_channels = project.n_channels

    @cached_property
    def _predictor(self) -> "DensityPredictor":
        # numba costs 0.3 s to import, which looking at a project and planning need not pay.
        from napari_batch_prediction.engine.prediction import DensityPredictor

        return DensityPredictor(self.project.selection, self.n_channels, self.project.regressors)

    @cached_property
    def _brightest(self) -> float:
        project, n = self.project, self.n_channels
        forests = (regressor.trees for regressor in project.regressors if isinstance(regressor, ForestRegressor))
        return max((brightest(trees, project.selection, n, range(n)) for trees in forests), default=0.0)

    def doubts(self, dtype: np.dtype) -> list[str]:
        """Return why counts in an image of this type may not be what was trained; see the protocol."""
        again = [self.project.trained_again] if self.project.trained_again else []
        return again + doubts_of_type(dtype, self.project.dtype, self._brightest)

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes; see the protocol."""
        # One smoothed image for each scale and channel; the density; the channels as they are and as float32.
        smoothed = len(self.project.selection.used_scales) * self.n_channels
        return Memory(4 * smoothed + self.bytes_of([DENSITY]), 8 * self.n_channels)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict part of one time point; see the protocol."""
        tables = [source.name for source in map(self.source, sources) if source.sums]
        if tables:
            raise SettingsError(f"{tables[0]} is a sum over whole images. Predict {DENSITY} and add it up.")
        return {DENSITY: self._predictor.predict(block, inner)}

    def summary(self) -> dict[str, object]:
        """Return what a user wants to know of this classifier, by heading, in the order to be shown."""
        project = self.project
        forests = [r for r in project.regressors if isinstance(r, ForestRegressor)]
        n_trees = sum(len(forest.trees) for forest in forests)
        kind = f"random forest{'s' if len(forests) > 1 else ''}, {n_trees} trees" if forests else "linear"
        return {
            "File": os.fspath(self.path),
            "Workflow": self.workflow,
            "ilastik": project.version,
            "Counts": f"what was marked as {self.classes[0]}",
            "Channels": self.n_channels,
            "Axes": self.axes,
            "Features": feature_summary(project.selection, self.n_channels),
            "Regressors": f"{len(project.regressors)} ({kind})",
            **({"Sigma": f"{project.sigma:g} pixels"} if project.sigma is not None else {}),
            **({"Trained": project.trained_again} if project.trained_again else {}),
            "Sources": ", ".join(self.sources),
        }
