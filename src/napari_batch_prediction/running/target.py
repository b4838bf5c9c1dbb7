"""Making the target of a writer from a planned output and its image."""

from collections.abc import Mapping

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.colors import Color
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.labels import image_of, image_version
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.provenance import made_with
from napari_batch_prediction.planning.transform import Transform
from napari_batch_prediction.running.task import FileTask


def make_target(
    task: FileTask, output: OutputPlan, transform: Transform, image: Image, beside: Mapping[str, str]
) -> Target:
    """Return the target of one output of a task.

    Parameters
    ----------
    task, output, transform
        The task, the output, and how it is made of the prediction.
    image
        The image.
    beside
        The hash of the pixels of each second image, by its field.
    """
    settings, source = output.export.settings, output.export.source
    path, location = output.path, str(task.location)
    stamp = made_with(task.job, settings, source, task.classifier_sha256, location, beside)
    image_around = image_of(path) if settings.into_image else None
    first, last = transform.region["c"]
    return Target(
        path,
        transform.axes,
        transform.shape,
        transform.dtype,
        value_range=transform.value_range,
        pixel_size=image.pixel_size,
        units=image.units,
        origin=image.origin,
        internal_path=settings.internal_path,
        replace=task.job.existing == "overwrite",
        may_be_own=not task.own.isdisjoint(output.files),
        token=task.token,
        offset=transform.offset,
        channel_names=source.channel_names[first:last],
        channel_colors=_colors(output.export, first, last),
        is_labels=source.kind == "labels",
        metadata={PROGRAM: stamp},
        ome_zarr_version=settings.ome_zarr_version if image_around is None else image_version(image_around),
        image=image_around,
        compression=settings.compression,
        keep_others=settings.rules == "ilastik",
    )


def _colors(export: NamedExport, first: int, last: int) -> tuple[Color, ...]:
    """Return the colours of a source's channels, one for each class; for labels in an image, those of its values."""
    source = export.source
    if source.kind == "labels":
        return source.class_colors if export.settings.into_image else ()
    return source.class_colors[first:last]
