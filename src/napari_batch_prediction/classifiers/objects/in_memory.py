"""Classifying the objects of an image in memory."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_batch_prediction.axes import output_axes, reorder
from napari_batch_prediction.classifiers.in_memory.predicting import (
    as_image,
    check_workers,
    empty_result,
    image_beside,
    mask_of,
)
from napari_batch_prediction.classifiers.objects.result import ObjectResult
from napari_batch_prediction.classifiers.objects.second import check_second
from napari_batch_prediction.engine.tiles import n_cores
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.images.arrays import as_xarray, is_xarray
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.second import MASK, ROLES
from napari_batch_prediction.objects.table import ObjectTable, joined
from napari_batch_prediction.objects.volume import ArrayVolume, Volume, probabilities_of
from napari_batch_prediction.simd.building import expecting

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification


class ObjectsInMemory:
    """The objects of an image, classified time point by time point.

    Parameters
    ----------
    classifier
        The classifier.
    given, axes
        An image, and its axes if they are not its own.
    beside
        Images beside it by their roles: the second image, and a mask; None for other roles.
    workers
        Number of threads; all cores if None.
    progress
        Called after each time point with the number of those that are done and of all.

    Raises
    ------
    SettingsError
        If the second image is missing, or is in another role than that of the project.
    ImageMismatchError
        If an image does not fit the classifier, or the second image does not fit the image.
    """

    def __init__(
        self,
        classifier: "ObjectClassification",
        given: Any,
        axes: str | None,
        beside: Mapping[str, Any],
        workers: int | None,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        check_workers(workers)
        check_given(classifier, beside)
        self._classifier, self._given, self._workers = classifier, given, workers
        self._opened = ExitStack()
        try:
            self._image = as_image(given, axes)
            if self._image is not given:
                self._opened.callback(self._image.close)
            classifier.check(self._image.axes, self._image.shape, self._image.dtype)
            self._second = self._second_image(beside)
            self._given_mask = beside.get(MASK.field)
            self._mask = mask_of(self._image, self._given_mask, self._opened)
            # With those of predictions, which come first.
            self._opened.enter_context(expecting(classifier.object_loops))
            self._labels: list[NDArray[np.uint32]] = []
            self._results: list[ObjectResult] = []
            n_times = self._image.extents["t"]
            for t in range(n_times):
                self._classify(t)
                if progress is not None:
                    progress(t + 1, n_times)
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def values(self, name: str) -> Any:
        """Return the values of an image source, with the axes that predicting gives."""
        source, image = self._classifier.source(name), self._image
        values, target, view = empty_result(image, source)
        for t, (labels, result) in enumerate(zip(self._labels, self._results, strict=True)):
            view[t] = result.paint(source.name, labels)
        if is_xarray(self._given):
            return as_xarray(values, target, self._given, image.axes, source.name, source.channel_names)
        return values

    def table(self) -> ObjectTable:
        """Return the table of all objects, time point by time point."""
        project, extents = self._classifier.project, self._image.extents
        n_dims = 3 if extents["z"] > 1 else 2
        return joined([result.table(project, t, extents["c"], n_dims) for t, result in enumerate(self._results)])

    def _second_image(self, given: Mapping[str, Any]) -> Image | None:
        role = self._classifier.second
        if not role:
            return None
        if given.get(role) is None:
            raise SettingsError(
                f"The classifier needs a second image beside the image: {role}, of the workflow "
                f"'{self._classifier.workflow}'.",
                setting=role,
            )
        second = image_beside(ROLES[role], self._image, given[role], self._opened)
        check_second(self._classifier.project, ROLES[role], second.axes, second.shape, second.dtype)
        return second

    def _classify(self, t: int) -> None:
        classifier, workers = self._classifier, self._workers or n_cores()
        labels = np.zeros((1, *(self._image.extents[key] for key in "zyx")), np.uint32)
        mask = self._mask
        n, originals = classifier.segment(
            self._second_volume(t),
            ArrayVolume(labels),
            scratch=_in_memory,
            workers=workers,
            inside=None if mask is None else lambda box: mask.read(t, *box),
        )
        raw = _volume(self._image, t)
        self._results.append(classifier.classify(raw, ArrayVolume(labels), n, originals, workers=workers))
        self._labels.append(labels[0])

    def _second_volume(self, t: int) -> Volume:
        if self._second is None:
            return ArrayVolume(self._probabilities[t])
        volume = _volume(self._second, t)
        if self._classifier.project.thresholds is None:
            return volume
        return probabilities_of(volume, self._second.value_range)

    @cached_property
    def _probabilities(self) -> NDArray:
        """The probabilities of pixels: (t, c, z, y, x)."""
        pixels = self._classifier.pixels
        if pixels is None:
            raise AssertionError
        values = pixels.predict(self._image, workers=self._workers, mask=self._given_mask)
        return reorder(values, output_axes(self._image.axes), "tczyx")


def check_given(classifier: "ObjectClassification", given: Mapping[str, Any]) -> None:
    """Check that a classifier uses all that is given beside an image, by role; None for what is not.

    Raises
    ------
    SettingsError
        If it does not use something.
    """
    role = classifier.second
    for name, value in given.items():
        if value is not None and name != (role or MASK.field):
            expected = f"expected {role}" if role else "which makes objects of its own probabilities"
            raise SettingsError(f"{name} is not used by this project, {expected}.", setting=name)


def _volume(image: Image, t: int) -> ArrayVolume:
    extents = image.extents
    return ArrayVolume(image.read_czyx(t, *(slice(0, extents[key]) for key in "zyx")))


def _in_memory(shape: Any, dtype: DTypeLike) -> Volume:
    return ArrayVolume(np.zeros(tuple(shape), dtype))
