"""Making the objects of one image in memory."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from numpy.typing import NDArray

from napari_batch_prediction.classifiers.derived import OBJECT_TABLE, OBJECTS
from napari_batch_prediction.classifiers.in_memory.predicting import as_image
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.objects.table import ObjectTable

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier


class FoundObjects(NamedTuple):
    """The objects of an image.

    Attributes
    ----------
    labels
        Each pixel's object, numbered from 1, uint32, with the axes of the image but ``c``; 0 is background.
    table
        A row for each object: its columns by name.
    """

    labels: Any
    table: ObjectTable


def find_objects(
    classifier: "Classifier",
    given: Any,
    axes: str | None,
    settings: ObjectSettings,
    workers: int | None,
    progress: Callable[[int, int], object] | None,
    mask: Any = None,
) -> FoundObjects:
    """Return the objects of an image; see :meth:`~napari_batch_prediction.classifiers.base.Classifier.objects`."""
    if OBJECTS not in classifier.sources:
        raise SettingsError(
            f"Objects are made of the probabilities of a class, and '{classifier.workflow}' has none.", setting="source"
        )
    settings.for_classes(classifier.source(classifier.source(OBJECTS).made_from).classes)
    image = as_image(given, axes)
    try:
        classifier.check(image.axes, image.shape, image.dtype)
        in_memory = image if isinstance(image, MemoryImage) else _in_memory(image)
        exports = [OBJECTS, OBJECT_TABLE]
        job = BatchJob(classifier, [in_memory], exports, objects=settings, workers=workers, mask=mask)
        (row,) = job.run(progress=progress)
    finally:
        if image is not given:
            image.close()
    if row.status != "done":
        raise ImageMismatchError(row.reason)
    return FoundObjects(row.arrays[OBJECTS], row.arrays[OBJECT_TABLE])


class _Lazy:
    """The pixels of an opened image, read part by part."""

    def __init__(self, image: Image) -> None:
        self.shape, self.dtype, self._image = image.shape, image.dtype, image

    def __getitem__(self, region: tuple[slice, ...]) -> NDArray:
        return self._image.read(region)


def _in_memory(image: Image) -> MemoryImage:
    """Return an opened image as one in memory, whose results stay there."""
    return MemoryImage(
        image.location,
        cast("NDArray", _Lazy(image)),
        image.axes,
        axes_known="user",
        pixel_size=image.pixel_size,
        units=image.units,
        origin=image.origin,
        channel_names=image.channel_names,
    )
