"""ilastik's Pixel Classification."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.stage import Stage
from napari_batch_prediction.classifiers.tiled import TiledClassifier
from napari_batch_prediction.classifiers.warnings import brightest, doubts_of_type
from napari_batch_prediction.colors import Color
from napari_batch_prediction.engine.tiles import Memory
from napari_batch_prediction.ilp.project import PIXEL_CLASSIFICATION, PixelClassificationProject


class PixelClassification(TiledClassifier):
    """A trained Pixel Classification project; see :class:`~napari_batch_prediction.classifiers.base.Classifier`.

    Safe to use from several threads at once.
    """

    workflow: str = PIXEL_CLASSIFICATION

    def __init__(self, project: PixelClassificationProject) -> None:
        self._stage = Stage(project)
        super().__init__(self._stage.sources, {}, [project.selection])
        self.project = project
        self.path: Path = project.path
        self.classes: tuple[str, ...] = project.label_names
        self.class_colors: tuple[Color, ...] = project.label_colors
        self.axes = project.axes
        self.n_channels = project.n_channels

    @cached_property
    def _brightest(self) -> float:
        project, n = self.project, self.n_channels
        return brightest(project.trees, project.selection, n, range(n))

    def doubts(self, dtype: np.dtype) -> list[str]:
        """Return why an image of this type may be unlike the training images; see the protocol."""
        return doubts_of_type(dtype, self.project.dtype, self._brightest)

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory that predicting these sources takes; see the protocol."""
        # One smoothed image for each scale and channel; the channels as they are and as float32.
        smoothed = len(self.project.selection.used_scales) * self.n_channels
        return Memory(4 * smoothed + self.bytes_of(sources), 8 * self.n_channels)

    def predict_tile(
        self, block: NDArray, inner: tuple[slice, slice, slice], sources: Sequence[str]
    ) -> Mapping[str, NDArray]:
        """Predict part of one time point; see the protocol."""
        return self._stage.predict(block, inner, [self.source(name).name for name in sources])

    def summary(self) -> dict[str, object]:
        """Return what a user wants to know of this classifier, by heading, in the order to be shown."""
        stage = self._stage.summary()
        return {
            "File": os.fspath(self.path),
            "Workflow": self.workflow,
            "ilastik": self.project.version,
            "Classes": stage["Classes"],
            "Channels": self.n_channels,
            "Axes": self.axes,
            "Features": stage["Features"],
            "Trees": stage["Trees"],
            "Sources": ", ".join(self.sources),
        }
