"""A stage of a classifier: a forest and its features. Pixel Classification has one, Autocontext several."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import FEATURES, LABELS, PROBABILITIES, SEGMENTATION, UNCERTAINTY, Source
from napari_batch_prediction.classifiers.description import StageDescription
from napari_batch_prediction.engine.base import Channels, ClassForest, Predictor
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.engine.tiles import Context, Memory
from napari_batch_prediction.ilp.project import PixelClassificationProject


class Stage:
    """A forest with its features and sources. Safe to use from several threads at once.

    Parameters
    ----------
    project
        A project of Pixel Classification, or one stage of Autocontext.
    suffix
        Suffix of the names of its sources.
    variant
        The variant of its sources; see :class:`~napari_batch_prediction.classifiers.base.Source`.

    Attributes
    ----------
    sources
        Probabilities, segmentation, uncertainty and features; no segmentation with more than 255 classes.
    unlisted
        Sources that ilastik has, too, and nobody needs.
    probabilities, features
        The names of these two sources.
    context
        The context that a tile needs, in pixels.
    """

    def __init__(self, project: PixelClassificationProject, suffix: str = "", variant: str = "") -> None:
        self.project = project
        classes, colors = project.label_names, project.label_colors
        single, n = np.dtype(np.float32), len(classes)
        names = {name: name + suffix for name in (PROBABILITIES, SEGMENTATION, UNCERTAINTY, FEATURES, LABELS)}
        probabilities = Source(
            name=names[PROBABILITIES],
            dtype=single,
            channels=n,
            channel_names=classes,
            value_range=(0.0, 1.0),
            classes=classes,
            class_colors=colors,
            about="For each class, how probable it is that a pixel belongs to it: one channel a class, from 0 to 1.",
        )
        segmentation = Source(
            name=names[SEGMENTATION],
            kind="labels",
            dtype=np.dtype(np.uint8),
            channel_names=(names[SEGMENTATION],),
            value_range=(0.0, float(n)),
            classes=classes,
            class_colors=colors,
            outside=1.0,
            about="The number of the most probable class of each pixel: 1 is the first class.",
        )
        uncertainty = Source(
            name=names[UNCERTAINTY],
            dtype=single,
            channel_names=(names[UNCERTAINTY],),
            value_range=(0.0, 1.0),
            outside=1.0,
            about="How undecided the classifier is: 1 minus the difference of the two largest probabilities.",
        )
        values = project.selection.names(project.n_channels)
        features = Source(
            name=names[FEATURES],
            dtype=single,
            channels=len(values),
            channel_names=values,
            outside=None,
            about="The filtered images from which the classes are predicted: one channel a feature.",
        )
        none = Source(
            name=names[LABELS],
            kind="labels",
            dtype=np.dtype(np.uint8),
            channel_names=(names[LABELS],),
            value_range=(0.0, float(n)),
            classes=classes,
            class_colors=colors,
            about="The labels in a new image: it has none, so that all values are 0, as ilastik exports them.",
        )
        # Labels are uint8, as in ilastik.
        labels = (segmentation,) if n <= np.iinfo(np.uint8).max else ()
        sources = (probabilities, *labels, uncertainty, features)
        self.sources = tuple(replace(source, variant=variant) for source in sources)
        self.unlisted = (none,)
        self._all = (*self.sources, *self.unlisted)
        self.probabilities, self.features = names[PROBABILITIES], names[FEATURES]
        self.context = Context(*project.selection.context)
        self._names = names

    @property
    def _model(self) -> ClassForest:
        project = self.project
        return ClassForest(project.trees, project.channel_of_column, len(project.label_names))

    @cached_property
    def _predictor(self) -> Predictor:
        return ENGINE.prepare(self.project.selection, self.project.n_channels, self._model)

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the forest takes; 0 once it is."""
        return 0 if "_predictor" in self.__dict__ else ENGINE.model_bytes(self._model)

    def memory(self, wanted: Collection[str]) -> Memory:
        """Return the memory for predicting the wanted sources; names of other sources are ignored.

        Whatever is made of probabilities takes the memory of all of them.
        """
        sources = [source for source in self._all if source.name in wanted]
        values = any(source.name != self.features for source in sources)
        engine = ENGINE.memory(self.project.selection, self.project.n_channels, len(self.project.label_names) * values)
        made = sum(s.channels * s.dtype.itemsize for s in sources if s.name != self.probabilities)
        return engine._replace(tile=engine.tile + made)

    def wants(self, wanted: Collection[str]) -> bool:
        """Return True if one of these names is a source of this stage."""
        return any(source.name in wanted for source in self._all)

    def predict(
        self,
        block: NDArray,
        inner: tuple[slice, slice, slice],
        wanted: Collection[str],
        more: Channels | None = None,
    ) -> dict[str, NDArray]:
        """Return the values of the wanted sources; names of other sources are ignored.

        Parameters
        ----------
        block, inner, more
            Pixels (c, z, y, x), the tile in them, and additional channels; see
            :class:`~napari_batch_prediction.engine.base.Predictor`.
        wanted
            Names of sources.
        """
        with_features = self.features in wanted
        if not any(source.name in wanted for source in self._all if source.name != self.features):
            return {self.features: self._predictor.features(block, inner, more)} if with_features else {}
        if not with_features:
            return self.derived(self._predictor.predict(block, inner, more), wanted)
        probabilities, features = self._predictor.predict_with_features(block, inner, more)
        return self.derived(probabilities, wanted) | {self.features: features}

    def derived(self, probabilities: NDArray, wanted: Collection[str]) -> dict[str, NDArray]:
        """Return the values of the wanted sources that are made of probabilities (classes, z, y, x)."""
        from napari_batch_prediction.engine.sources import segmentation, uncertainty

        results = {}
        if self.probabilities in wanted:
            results[self.probabilities] = probabilities
        if self._names[SEGMENTATION] in wanted:
            results[self._names[SEGMENTATION]] = segmentation(probabilities)
        if self._names[UNCERTAINTY] in wanted:
            results[self._names[UNCERTAINTY]] = uncertainty(probabilities)
        if self._names[LABELS] in wanted:
            results[self._names[LABELS]] = np.zeros((1, *probabilities.shape[1:]), np.uint8)
        return results

    def describe(self) -> StageDescription:
        """Return the facts of the stage as data."""
        project = self.project
        return StageDescription(
            selection=project.selection,
            n_channels=project.n_channels,
            classes=project.label_names,
            n_trees=len(project.trees),
        )
