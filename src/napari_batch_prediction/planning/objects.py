"""Planning the objects of a batch: what they are made of, and the memory and disk space that this takes."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.objects.classifier import ObjectClassification
from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.images.physical import spacing
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.locations.paths import outside_stores
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.labelling import labelling_memory
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.objects.smoothing import Smoothing
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.inputs.header import ImageInfo
from napari_batch_prediction.planning.inputs.second import Beside, SecondImage
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.problems import Problem

MOST_IN_MEMORY = 2**26
"""Bytes of a time point's probabilities and labels that stay in memory; larger ones go through a temporary file."""

WRITTEN_AT_ONCE = 2**22
"""Pixels of objects that are written at once."""

# An object that is measured, with its row of the table. How many there are is not known before: one for so many pixels.
_BYTES_OF_AN_OBJECT = 900
_PIXELS_OF_AN_OBJECT = 400

# One for all images: see Inspections.
_NO_PIXEL_SIZE = (
    Problem(
        "image",
        "The file does not say how large a pixel is, so the smallest and the largest size of its objects are numbers "
        "of pixels, though they are given in the unit of the file. Write the size of a pixel into the file, or give "
        "sizes in pixels.",
        setting="size_unit",
        severity="warning",
    ),
)


def _check_unused(settings: ObjectSettings, classifier: ObjectClassification) -> None:
    """Check that no settings of objects are given to a classifier that has its own."""
    defaults = ObjectSettings()
    for name in ObjectSettings.model_fields:
        if getattr(settings, name) != getattr(defaults, name):
            raise SettingsError(
                f"'{classifier.workflow}' makes objects by the settings of its project, and takes no others, but "
                f"{name.replace('_', ' ')} is given. Leave it out.",
                setting=name,
            )


def _of_unknown_range(second: SecondImage) -> Problem:
    return Problem(
        "mismatch",
        f"The {second.role.noun} is {second.image.dtype}, and its file does not say which value stands for 1: values "
        "are compared with the threshold as they are. Export probabilities as float32, or as uint8.",
        setting=second.role.field,
        severity="warning",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMaking:
    """How the objects of a batch are made.

    Attributes
    ----------
    thresholds
        What makes objects of probabilities; None if they are those of a binary image or a label image.
    made_from, channels
        The source of the probabilities, and those of its channels that are needed, which are all that ``thresholds``
        know; empty if they are those of a second image.
    second
        The role of the second image that they are made of; empty if there is none.
    name
        The class of the objects; empty if each has its own.
    is_classified
        True if each has a class of its own.
    has_images, has_table, has_table_of_ilastik, has_pictures
        True if images of them are exported, a table, one as ilastik lays it out, and one that can have pictures.
    """

    thresholds: Thresholds | None
    made_from: str = ""
    channels: tuple[int, ...] = ()
    second: str = ""
    name: str = ""
    is_classified: bool = False
    has_images: bool = False
    has_table: bool = False
    has_table_of_ilastik: bool = False
    has_pictures: bool = False

    @classmethod
    def of(cls, job: BatchJob, classifier: Classifier, exports: Sequence[NamedExport]) -> "ObjectMaking | None":
        """Return how the objects of a job are made; None if it makes none.

        Raises
        ------
        SettingsError
            If the job's settings of objects do not fit the classifier, or do not go together.
        """
        wanted = [export for export in exports if export.of_objects]
        if not wanted:
            return None
        made_from = wanted[0].source.made_from
        if isinstance(classifier, ObjectClassification):
            _check_unused(job.objects, classifier)
            thresholds, name = classifier.project.thresholds, ""
        else:
            classes = classifier.source(made_from).classes
            thresholds = job.objects.for_classes(classes)
            name = classes[thresholds.channel]
        channels: tuple[int, ...] = ()
        if made_from and thresholds is not None:
            # Of all classes, only these are kept.
            channels = thresholds.channels
            thresholds = replace(thresholds, channel=0, core_channel=1 if len(channels) > 1 else None)
        tables = [export for export in wanted if not export.is_image]
        return cls(
            thresholds=thresholds,
            made_from=made_from,
            channels=channels,
            second=classifier.second if isinstance(classifier, ObjectClassification) else "",
            name=name,
            is_classified=isinstance(classifier, ObjectClassification),
            has_images=len(tables) < len(wanted),
            has_table=not all(export.as_ilastik for export in tables),
            has_table_of_ilastik=any(export.as_ilastik for export in tables),
            has_pictures=any(export.format.holds_pictures for export in tables),
        )

    def warnings(self, image: ImageInfo, beside: Beside = ()) -> tuple[Problem, ...]:
        """Return warnings about the objects of an image, given also its second images."""
        if self.thresholds is None:
            return ()
        is_physical = self.thresholds.size_unit == "physical"
        sizes = _NO_PIXEL_SIZE if is_physical and not spacing(image.extents, image.pixel_size, image.units) else ()
        return (*sizes, *(_of_unknown_range(second) for second in beside if self._has_unknown_range(second)))

    def _has_unknown_range(self, second: SecondImage) -> bool:
        """Return True for probabilities in whole numbers if it is not known which number stands for 1."""
        dtype = second.image.dtype
        is_known = second.image.value_range is not None or dtype == np.uint8
        return second.role.field == self.second and dtype.kind in "iu" and not is_known

    def problem(self, image: ImageInfo) -> Problem | None:
        """Return the problem that makes objects of an image impossible; None if there is none."""
        if self.thresholds is None:
            return None
        try:
            Smoothing(self.thresholds.sigmas, _shape(image.extents))
        except ImageMismatchError as error:
            return Problem.of(error)
        return None

    def scratch_bytes(self, extents: Mapping[str, int]) -> int:
        """Return the bytes of temporary files for an image; 0 if everything stays in memory."""
        shape = _shape(extents)
        if stays_in_memory(shape, len(self.channels)):
            return 0
        made = self.thresholds
        between = made is not None and (made.method == "hysteresis" or made.fill_holes or made.split > 0)
        # While objects of one time point are made, probabilities of the next come.
        times = min(2, extents["t"])
        return 4 * prod(shape) * (times * len(self.channels) + 1 + between)

    def memory(self, extents: Mapping[str, int], n_workers: int) -> int:
        """Return the bytes that making and measuring the objects of an image takes, files aside."""
        shape = _shape(extents)
        # Components of a binary image take as much as those of one threshold.
        n_bytes = labelling_memory(self.thresholds or Thresholds(), shape, n_workers)
        if stays_in_memory(shape, len(self.channels)):
            n_bytes += 4 * prod(shape) * (2 * len(self.channels) + 2)
        if self.has_table or self.is_classified:
            n_bytes = max(n_bytes, 4 * SLAB_BYTES)
            n_bytes += _BYTES_OF_AN_OBJECT * (prod(shape) // _PIXELS_OF_AN_OBJECT)
        return n_bytes


def _shape(extents: Mapping[str, int]) -> tuple[int, int, int]:
    return extents["z"], extents["y"], extents["x"]


def stays_in_memory(shape: Sequence[int], n_channels: int) -> bool:
    """Return True if the probabilities and labels of a time point (z, y, x) stay in memory."""
    return 4 * (n_channels + 1) * prod(shape) <= MOST_IN_MEMORY


def scratch_folder(outputs: Sequence[OutputPlan]) -> Path:
    """Return the folder for the temporary files of an image: that of its first output, else the system's."""
    folder = next((output.folder for output in outputs if output.folder is not None), None)
    return Path(tempfile.gettempdir()) if folder is None else outside_stores(folder)
