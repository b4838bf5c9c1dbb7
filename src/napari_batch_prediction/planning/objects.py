"""Planning the objects of a batch: what they are made of, and the memory and disk space that this takes."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.paths import outside_stores
from napari_batch_prediction.objects.features.slabs import SLAB_BYTES
from napari_batch_prediction.objects.labelling import labelling_memory
from napari_batch_prediction.objects.settings import ObjectSettings
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.output import OutputPlan

MOST_IN_MEMORY = 2**26
"""Bytes of a time point's probabilities and labels that stay in memory; larger ones go through a temporary file."""

# An object that is measured, with its row of the table. How many there are is not known before: one for so many pixels.
_BYTES_OF_AN_OBJECT = 900
_PIXELS_OF_AN_OBJECT = 400


@dataclass(frozen=True, slots=True)
class ObjectMaking:
    """How the objects of a batch are made.

    Attributes
    ----------
    settings
        What makes objects, of probabilities with these channels alone.
    made_from, channels
        The source of the probabilities, and those of its channels that are needed.
    name
        The class of the objects.
    has_labels, has_table
        True if they are exported as an image, and as a table.
    """

    settings: ObjectSettings
    made_from: str
    channels: tuple[int, ...]
    name: str
    has_labels: bool
    has_table: bool

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
        probabilities = classifier.source(wanted[0].source.made_from)
        settings = job.objects.for_classes(probabilities.classes)
        channels = settings.channels
        core = None if settings.core_channel is None else channels.index(settings.core_channel)
        return cls(
            settings=replace(settings, channel=0, core_channel=core),
            made_from=probabilities.name,
            channels=channels,
            name=probabilities.classes[settings.channel],
            has_labels=any(export.is_image for export in wanted),
            has_table=not all(export.is_image for export in wanted),
        )

    def scratch_bytes(self, extents: Mapping[str, int]) -> int:
        """Return the bytes of temporary files for an image; 0 if everything stays in memory."""
        shape = _shape(extents)
        if stays_in_memory(shape, len(self.channels)):
            return 0
        settings = self.settings
        between = (settings.method == "hysteresis") or settings.fill_holes or settings.split > 0
        # While objects of one time point are made, probabilities of the next come.
        times = min(2, extents["t"])
        return 4 * prod(shape) * (times * len(self.channels) + 1 + between)

    def memory(self, extents: Mapping[str, int], n_workers: int) -> int:
        """Return the bytes that making and measuring the objects of an image takes, files aside."""
        shape = _shape(extents)
        n_bytes = labelling_memory(self.settings, shape, n_workers)
        if stays_in_memory(shape, len(self.channels)):
            n_bytes += 4 * prod(shape) * (2 * len(self.channels) + 2)
        if self.has_table:
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
