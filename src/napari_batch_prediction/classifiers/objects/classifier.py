"""ilastik's Object Classification."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.classifiers.description import Description, ObjectDescription
from napari_batch_prediction.classifiers.objects.result import ObjectResult
from napari_batch_prediction.classifiers.objects.second import check_predicted
from napari_batch_prediction.classifiers.objects.sources import IDENTITIES, PREDICTIONS, object_sources
from napari_batch_prediction.classifiers.pixel_classification import PixelClassification
from napari_batch_prediction.classifiers.warnings import unlike
from napari_batch_prediction.engine.tiles import Box, Memory
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.features.selection import FeatureSelection, StructureTensor
from napari_batch_prediction.ilp.objects.project import ObjectProject
from napari_batch_prediction.ilp.project import OBJECTS
from napari_batch_prediction.objects.components import Inside
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.labelling import (
    MakeVolume,
    label_components,
    label_objects,
    renumber_labels,
)
from napari_batch_prediction.objects.volume import ScratchVolume, Volume
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import count

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.in_memory.finding import FoundObjects
    from napari_batch_prediction.forest.packed import PackedForest
    from napari_batch_prediction.simd.shelf import Job

_BLOCKWISE = "blockwise "


class ObjectClassification(Classifier):
    """A trained Object Classification project. Safe to use from several threads at once.

    Objects are those of a second image beside the image, or, in the workflow that begins with a pixel classification,
    are made of its probabilities.

    Parameters
    ----------
    project
        What classifies objects.
    pixels
        The pixel classification that it begins with, if it does.
    variant
        See :class:`~napari_batch_prediction.classifiers.source.Source`; of sources that are made of objects.

    Attributes
    ----------
    project
        What classifies objects.
    pixels
        The pixel classification that comes first; None if objects are those of a second image.
    second
        What the second image is, as ilastik's command line names it: ``"prediction_maps"``, ``"segmentation_image"``
        or ``"label_image"``; empty if there is none.
    """

    def __init__(self, project: ObjectProject, pixels: PixelClassification | None = None, variant: str = "") -> None:
        self.project, self.pixels = project, pixels
        self.second: str = "" if pixels is not None else OBJECTS.get(project.workflow, "")
        sources = object_sources(project, "" if pixels is None else pixels.sources[0], variant)
        of_pixels = () if pixels is None else [s for s in map(pixels.source, pixels.sources) if not s.whole]
        described = None if pixels is None else pixels.describe()
        description = Description(
            path=project.path,
            workflow=project.workflow,
            version=project.version,
            classes=project.label_names,
            class_colors=project.label_colors,
            n_channels=project.n_channels,
            axes=project.axes,
            stages=() if described is None else described.stages,
            sources=tuple(source.name for source in (*of_pixels, *sources)),
            objects=ObjectDescription(
                second=self.second,
                thresholds=project.thresholds,
                features=project.selected,
                n_columns=len(project.selected.columns(project.n_channels, project.n_dims)),
                n_trees=len(project.trees),
            ),
            structure_tensor="" if described is None else described.structure_tensor,
            export=project.export,
        )
        synonyms = {} if pixels is None else {"Pixel Probabilities": pixels.sources[0]}
        super().__init__(description, (*of_pixels, *sources), synonyms)

    @property
    def features(self) -> FeatureSelection:
        """The features of the pixel classification.

        Raises
        ------
        SettingsError
            If there is none.
        """
        if self.pixels is None:
            raise SettingsError("The classifier looks at objects: it has no features of pixels.", setting="classifier")
        return self.pixels.features

    def source(self, name: str) -> Source:
        """Return a source by its name, in any case."""
        if isinstance(name, str) and name.strip().lower().startswith(_BLOCKWISE):
            instead = name.strip()[len(_BLOCKWISE) :]
            raise SettingsError(
                f"'{name.strip()}' is not made here: objects that a block cuts would have the class of a part of them. "
                f"Export '{instead}', which is the same for blocks of any size.",
                setting="source",
            )
        return super().source(name)

    def with_pixels(self, pixels: PixelClassification, variant: str) -> "ObjectClassification":
        """Return the classifier with another one that predicts its probabilities, instead of an image of them.

        Parameters
        ----------
        pixels
            The pixel classification.
        variant
            What tells it from others.

        Raises
        ------
        SettingsError
            If this classifier does not take probabilities, or they do not go together.
        """
        check_predicted(self.project, pixels)
        return ObjectClassification(self.project, pixels, variant)

    def segment(
        self,
        second: Volume,
        labels: Volume,
        *,
        scratch: MakeVolume | None = None,
        workers: int = 1,
        inside: Inside | None = None,
    ) -> tuple[int, NDArray | None]:
        """Make the objects of a time point.

        Parameters
        ----------
        second
            The second image, or the probabilities of the pixel classification: floats from 0 to 1.
        labels
            Takes the numbers of objects: one channel of uint32.
        scratch
            Makes volumes for what comes between; in temporary files if None.
        workers
            Number of threads.
        inside
            Where objects of probabilities may be; everywhere if None.

        Returns
        -------
        The number of objects; and if the second image is a label image, the number that each object has there, by its
        own, with 0 for the background, else None.
        """
        if self.project.thresholds is not None:
            settings, scratch = self.project.thresholds, scratch or ScratchVolume
            return label_objects(second, settings, labels, scratch=scratch, workers=workers, inside=inside), None
        if self.second == "segmentation_image":
            return label_components(second, labels, workers=workers), None
        originals = renumber_labels(second, labels, workers=workers)
        return len(originals) - 1, originals

    def classify(
        self,
        raw: Volume,
        labels: Volume,
        n: int,
        originals: NDArray | None = None,
        *,
        more: Collection[str] | None = None,
        workers: int = 1,
    ) -> ObjectResult:
        """Classify the objects of a time point.

        Parameters
        ----------
        raw
            The image.
        labels, n, originals
            The numbers of objects, and what :meth:`segment` returned.
        more
            Names of features that are wanted besides those that the forest looks at; all that the project computes if
            None.
        workers
            Number of threads.
        """
        from napari_batch_prediction.forest.rows import predict_rows
        from napari_batch_prediction.objects.features.table import feature_matrix, feature_table

        selected, computed = self.project.selected, self.project.computed
        wanted = {*selected.features, *(f for f in computed.features if more is None or f.name in more)}
        features = ObjectFeatures(tuple(sorted(wanted)), computed.margin)
        table = feature_table(labels, raw, n, features, workers)
        matrix = feature_matrix(table, selected)
        n_columns = len(selected.columns(self.n_channels, self.project.n_dims))
        if matrix.shape[1] != n_columns:
            raise ImageMismatchError(
                f"The image gives {matrix.shape[1]} features of objects, but the classifier was trained on "
                f"{n_columns}. Use images like the training images: {count(self.n_channels, 'channel')}, axes "
                f"{self.axes}."
            )
        probabilities = np.zeros((n + 1, len(self.classes)), np.float32)
        if n:
            probabilities[1:] = predict_rows(matrix, self._forest)
        classes = (1 + probabilities.argmax(1)).astype(np.uint8)
        classes[0] = 0
        return ObjectResult(n=n, probabilities=probabilities, classes=classes, features=table, originals=originals)

    @cached_property
    def _forest(self) -> "PackedForest":
        from napari_batch_prediction.forest.packed import pack

        return pack(self.project.trees, len(self.classes), range(self.project.n_columns))

    def objects(  # type: ignore[override] # objects are those of a second image, and not made by settings
        self,
        image: Any,
        axes: str | None = None,
        *,
        prediction_maps: Any = None,
        segmentation_image: Any = None,
        label_image: Any = None,
        workers: int | None = None,
        mask: Any = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> "FoundObjects":
        """Classify the objects of an image in memory.

        Parameters
        ----------
        image, axes, workers
            See :meth:`.Classifier.predict`.
        prediction_maps, segmentation_image, label_image
            The second image, given as the image is: that which the project was trained with.
        mask
            As in :meth:`.Classifier.predict`, if a pixel classification comes first: objects are inside.
        progress
            Called after each time point with the number of those that are done and of all.

        Returns
        -------
        The numbers of objects, with the axes of the image but ``c``; and a table with a row for each object.
        """
        from napari_batch_prediction.classifiers.in_memory.finding import FoundObjects
        from napari_batch_prediction.classifiers.objects.in_memory import ObjectsInMemory

        given = {"prediction_maps": prediction_maps, "segmentation_image": segmentation_image}
        given |= {"label_image": label_image, "mask": mask}
        with ObjectsInMemory(self, image, axes, given, workers, progress) as found:
            return FoundObjects(found.values(IDENTITIES), found.table())

    def predict(
        self,
        image: Any,
        axes: str | None = None,
        source: str = PREDICTIONS,
        workers: int | None = None,
        *,
        prediction_maps: Any = None,
        segmentation_image: Any = None,
        label_image: Any = None,
        mask: Any = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Any:
        """Predict a whole image into memory, as :meth:`.Classifier.predict` does.

        What is made of objects takes the second image as :meth:`objects` does.
        """
        from napari_batch_prediction.classifiers.objects.in_memory import ObjectsInMemory, check_given

        wanted = self.source(source)
        given = {"prediction_maps": prediction_maps, "segmentation_image": segmentation_image}
        given |= {"label_image": label_image, "mask": mask}
        if not wanted.whole:
            check_given(self, given)
            return super().predict(image, axes, source, workers, mask=mask, progress=progress)
        if wanted.kind == "table":
            raise SettingsError(f"{wanted.name} is a table, and not an array: call objects().", setting="source")
        with ObjectsInMemory(self, image, axes, given, workers, progress) as found:
            return found.values(wanted.name)

    def warnings(self, dtype: np.dtype) -> list[Problem]:
        """Return warnings that an image of this type may be unlike the training images."""
        if self.pixels is not None:
            return self.pixels.warnings(dtype)
        if self.project.dtype is not None and np.dtype(self.project.dtype) != dtype:
            text = f"The image is {dtype}, but the training images were {self.project.dtype}; nothing is normalised."
            return [unlike(text)]
        return []

    def _with_structure_tensor(self, value: StructureTensor) -> Classifier:
        pixels = None if self.pixels is None else self.pixels.with_structure_tensor(value)
        if pixels is self.pixels or not isinstance(pixels, PixelClassification):
            return self
        return ObjectClassification(self.project, pixels)

    def memory(self, sources: Sequence[str]) -> Memory:
        """Return the memory for predicting these sources tile by tile."""
        names = self._of_pixels(sources)
        return Memory(0, 0) if self.pixels is None or not names else self.pixels.memory(names)

    @property
    def model_bytes(self) -> int:
        """The memory that preparing the forest of pixels takes; 0 once it is."""
        return 0 if self.pixels is None else self.pixels.model_bytes

    def prepare(self, sources: Sequence[str]) -> None:
        """Load or compile all that predicting these sources takes."""
        names = self._of_pixels(sources)
        if self.pixels is not None and names:
            self.pixels.prepare(names)

    def loops(self) -> list["Job"]:
        """Return the compiled loops that exports need."""
        return self.object_loops() + (self.pixels.loops() if self.pixels is not None else [])

    def object_loops(self) -> list["Job"]:
        """Return the compiled loops that make and classify objects."""
        from napari_batch_prediction.forest.rows import predict_rows
        from napari_batch_prediction.objects.every import object_loops
        from napari_batch_prediction.simd.kernel import noted

        with noted() as jobs:
            predict_rows(np.zeros((1, self.project.n_columns), np.float32), self._forest)
        return object_loops(self.project.thresholds, self.project.computed) + jobs

    def predict_tile(self, block: NDArray, inner: Box, sources: Sequence[str]) -> Mapping[str, NDArray]:
        """Predict a tile of the sources of pixels."""
        names = self._of_pixels(sources)
        if self.pixels is None or len(names) < len(sources):
            whole = next(source for source in map(self.source, sources) if source.whole)
            raise SettingsError(f"{whole.name} is made of whole time points, not of tiles.", setting="source")
        return self.pixels.predict_tile(block, inner, names)

    def _of_pixels(self, sources: Sequence[str]) -> list[str]:
        return [source.name for source in map(self.source, sources) if not source.whole]
