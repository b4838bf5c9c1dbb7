"""Making the target of a writer from a planned output and its image."""

from napari_batch_prediction.colors import Color
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.zarr.labels import image_version
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.planning.provenance import SOFTWARE, made_with
from napari_batch_prediction.planning.transform import Transform
from napari_batch_prediction.running.task import FileTask


def make_target(task: FileTask, output: OutputPlan, transform: Transform, image: Image) -> Target:
    """Return the target of one output of a task."""
    export, source = output.named.export, output.named.source
    path = output.path
    first, last = transform.region["c"]
    return Target(
        path,
        transform.axes,
        transform.shape,
        transform.dtype,
        value_range=transform.value_range,
        pixel_size=image.pixel_size,
        units=image.units,
        internal_path=export.internal_path,
        replace=task.job.existing == "overwrite" or not task.own.isdisjoint(output.files),
        offset=transform.offset,
        channel_names=source.channel_names[first:last],
        channel_colors=_colors(output.named, first, last),
        is_labels=source.kind == "labels",
        metadata={SOFTWARE: made_with(task.job, export, source, task.classifier_sha256, str(task.location))},
        ome_zarr_version=image_version(path.parents[1]) if export.into_image else export.ome_zarr_version,
        in_image=export.into_image,
        compression=export.compression,
    )


def _colors(named: NamedExport, first: int, last: int) -> tuple[Color, ...]:
    """Return the colours of a source's channels, one for each class; for labels in an image, those of its values."""
    source = named.source
    if source.kind == "labels":
        return source.class_colors if named.export.into_image else ()
    return source.class_colors[first:last]
