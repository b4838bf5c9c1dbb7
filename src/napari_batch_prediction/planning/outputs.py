"""What is written of one input: how it is made of the prediction, in which pieces, and with which facts beside it."""

from collections.abc import Iterable
from math import prod

from napari_batch_prediction.colors import Color
from napari_batch_prediction.formats.common.target import Target
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.formats.zarr.labels import image_version
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.inspection import ImageInfo
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.provenance import SOFTWARE, made_with
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.planning.transform import Transform, make_transform


def image_transforms(plan: Plan, info: ImageInfo) -> list[tuple[NamedExport, Transform]]:
    """Return each export that is an image, with what it makes of the prediction of one input."""
    return [(named, make_transform(named.export, named.source, info.axes, info.extents)) for named in plan.images]


def stored_chunk(named: NamedExport, transform: Transform) -> dict[str, int]:
    """Return the extent along each axis of the pieces in which an output is stored."""
    chunk = find_format(named.export.format).chunk(transform.axes, transform.shape, transform.dtype.itemsize)
    return dict(zip(transform.axes, chunk, strict=True))


def kept_bytes(plan: Plan, infos: Iterable[ImageInfo]) -> int:
    """Return the bytes of all that is predicted for images in memory, where it stays."""
    return sum(
        prod(transform.shape) * transform.dtype.itemsize
        for info in infos
        for _, transform in image_transforms(plan, info)
    )  # fmt: skip


def make_target(plan: Plan, row: PlanRow, named: NamedExport, transform: Transform, image: Image) -> Target:
    """Return the target of one output of an input."""
    key, export, source = named
    path = row.outputs[key]
    first, last = transform.region["c"]
    return Target(
        path,
        transform.axes,
        transform.shape,
        transform.dtype,
        transform.value_range,
        image.pixel_size,
        image.units,
        export.internal_path,
        replace=plan.job.existing == "overwrite" or not row.own.isdisjoint(row.files(key)),
        offset=transform.offset,
        channel_names=source.channel_names[first:last],
        channel_colors=_colors(named, first, last),
        is_labels=source.kind == "labels",
        metadata={SOFTWARE: made_with(plan.job, export, source, plan.classifier_sha256, row.input)},
        ome_zarr_version=image_version(path.parents[1]) if export.into_image else export.ome_zarr_version,
        in_image=export.into_image,
        compression=export.compression,
    )


def _colors(named: NamedExport, first: int, last: int) -> tuple[Color, ...]:
    """Return the colours of the channels of a source with one for each class; of labels in an image, of the values."""
    source = named.source
    if source.kind == "labels":
        return source.class_colors if named.export.into_image else ()
    return source.class_colors[first:last]
