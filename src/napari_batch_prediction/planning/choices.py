"""Choices in an export: the values of a setting that go together with the other settings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_batch_prediction.axes import output_axes
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, format_named, format_problem
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.exports import NamedExport, as_table, check_table
from napari_batch_prediction.planning.output import plan_output
from napari_batch_prediction.planning.transform import ImageAxes, export_region
from napari_batch_prediction.problems import Problem

# Settings of tables; all others are of images.
_OF_TABLES = ("source", "format", "folder", "name", "region", "per_image")

_ONLY_OME_ZARR = "This is for the formats of OME-Zarr."

Reason = tuple[str, str] | None
"""The reason why a setting has no effect, and the setting that changes this."""

_ORDERS = ("tczyx", "tzyxc", "czyx", "zyxc", "zyx", "tcyx", "tyxc", "tyx", "cyx", "yxc", "yx")


def why_no_format(
    export_format: ExportFormat, export: Export, source: Source | None, image: ImageAxes | None = None
) -> Problem | None:
    """Return the problem of an export with another format; None if there is none.

    Parameters
    ----------
    export_format
        The format.
    export
        The other settings.
    source
        The source; None if unknown, in which case no format has a problem.
    image
        An image; if None, only the type of values and the number of channels are checked.
    """
    if source is None:
        return None
    if export_format.is_table != (source.kind == "table"):
        text = (
            f"{source.name} is a table of numbers. Choose a format of tables, such as csv."
            if source.kind == "table"
            else f"{source.name} is an image, and '{export_format.name}' is for tables of numbers."
        )
        return Problem("output", text, "source")
    if export_format.is_table:
        settings = as_table(export.model_copy(update={"format": export_format.name}), source)
        try:
            check_table(NamedExport(source.name, settings, source))
        except SettingsError as error:
            return Problem.of(error)
        return None
    apart = export.per_class and source.channels > 1
    dtype = np.dtype(export.dtype) if export.dtype else source.dtype
    picture = export_format.slices or export_format
    text = format_problem(picture, "yxc", (1, 1, (picture.channels or (1,))[0]), dtype) or ""
    if text:
        return Problem("output", f"{text} Or choose another type.", "dtype")
    if image is not None:
        region = {**export.region, "c": (0, 1)} if apart else export.region
        other = export.model_copy(update={"format": export_format.name, "region": region})
        output = plan_output(NamedExport(source.name, other, source), image)
        # Other problems do not depend on the format.
        return next((problem for problem in output.problems if problem.setting == "format"), None)
    if export_format.slices is None:
        text = format_problem(export_format, "yxc", (1, 1, 1 if apart else source.channels), dtype) or ""
    return Problem("output", text, "format") if text else None


def format_problems(export: Export, source: Source | None, image: ImageAxes | None = None) -> dict[str, Problem | None]:
    """Return the problem of an export with each format by name, see :func:`why_no_format`."""
    return {format_.name: why_no_format(format_, export, source, image) for format_ in EXPORT_FORMATS}


def why_no_dtype(dtype: str, export: Export) -> Problem | None:
    """Return the problem of an export with another type of values; None if there is none."""
    export_format = format_named(export.format)
    if export_format is None or export_format.is_table or dtype in (export_format.slices or export_format).dtypes:
        return None
    text = f"The format '{export_format.name}' cannot hold {dtype}. Choose another format first."
    return Problem("output", text, "format")


def why_off(setting: str, export: Export, source: Source | None) -> Problem | None:
    """Return the problem that a setting has no effect in an export; None if it has.

    Parameters
    ----------
    setting
        Name of a field of :class:`Export`.
    export, source
        The export, and its source; None if unknown.
    """
    export_format = format_named(export.format)
    if export_format is None:
        return None
    if setting not in _OF_TABLES and (export_format.is_table or (source is not None and source.kind == "table")):
        text = f"{export.source} is a table of numbers: it has no type, axes, classes or compression."
        return Problem("settings", text, "source")
    rules = _OFF.get(setting, ())
    reasons = (rule(export, export_format, source) for rule in rules)
    return next((Problem("settings", *reason) for reason in reasons if reason is not None), None)


def has_setting(setting: str, source: Source) -> bool:
    """Return True if a setting has an effect in some export of a source."""
    problem = why_off(setting, for_source(Export(), source), source)
    return problem is None or problem.setting != "source"


def _no_compression(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if not export_format.compressions:
        return f"The format '{export_format.name}' leaves no choice of compression.", "format"
    if len(export_format.compressions) == 1:
        return (
            f"The format '{export_format.name}' always has the compression {export_format.compressions[0]}.",
            "format",
        )
    return None


def _fixed_axes(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    text = f"In files of the format '{export_format.name}' the order of the axes is always the same."
    return (text, "format") if export_format.fixed_axes else None


def _one_class(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if source is None or source.channels > 1:
        return None
    return f"{source.name} is one image, not one for each class.", "source"


def _no_datasets(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    return None if export_format.has_internal_path else ("Only HDF5 and N5 have datasets with names.", "format")


def _no_versions(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    return None if export_format.versions else (_ONLY_OME_ZARR, "format")


def _version_of_image(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    return ("Labels in an image have the version of the image.", "into_image") if export.into_image else None


def _no_labels(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    return None if export_format.holds_labels else (_ONLY_OME_ZARR, "format")


def _not_a_segmentation(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if source is None or source.kind == "labels":
        return None
    return f"Only a segmentation can be labels of an image, not {source.name}.", "source"


def _folder_of_image(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    return ("Labels go into the image they belong to.", "into_image") if export.into_image else None


def _no_table_of_objects(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if source is None or _is_table_of_objects(export, source):
        return None
    return f"Only a table of objects can be one for each image, not {source.name}.", "source"


def _always_per_image(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if source is None or not export_format.is_table or not as_table(export, source).per_image or export.per_image:
        return None
    return f"In the format '{export_format.name}' each image has a table of its own.", "format"


def _of_whole_images(export: Export, export_format: ExportFormat, source: Source | None) -> Reason:
    if source is None or not _is_table_of_objects(export, source):
        return None
    return f"{source.name} is of whole images: it has no region.", "source"


def _is_table_of_objects(export: Export, source: Source) -> bool:
    named = NamedExport(source.name, export, source)
    return named.of_objects and not named.is_image


_OFF: dict[str, tuple[Callable[[Export, ExportFormat, Source | None], Reason], ...]] = {
    "compression": (_no_compression,),
    "output_axes": (_fixed_axes,),
    "per_class": (_one_class,),
    "internal_path": (_no_datasets,),
    "ome_zarr_version": (_no_versions, _version_of_image),
    "into_image": (_not_a_segmentation, _no_labels),
    "per_image": (_no_table_of_objects, _always_per_image),
    "region": (_of_whole_images,),
    "folder": (_folder_of_image,),
}


def with_changes(export: Export, source: Source | None, /, **fields: Any) -> Export:
    """Return an export with changed settings, resetting others that no longer go together with them.

    With a type of integers, fractions get an output range; with another type they lose it again.

    Parameters
    ----------
    export, source
        The export, and its source; None if unknown.
    fields
        Fields of :class:`Export` and their new values.

    Raises
    ------
    SettingsError
        If a value is not valid.
    """
    values = {**dict(export), **fields}
    if "dtype" in fields and "output_range" not in fields:
        values["output_range"] = _range_for(fields["dtype"], export, source)
    if values["output_range"] is None:
        values["input_range"] = None
    if not values["per_class"]:
        for placeholder in ("_{class}", "{class}_", "{class}/", "{class}"):
            values["name"] = values["name"].replace(placeholder, "")
    export_format = format_named(values["format"])
    if export_format is not None:
        if export_format.compression_problem(values["compression"]):
            values["compression"] = None
        if not export_format.holds_labels:
            values["into_image"] = False
    return Export(**values)


def for_source(export: Export, source: Source, image: ImageAxes | None = None) -> Export:
    """Return an export of another source, with the same settings where they make sense."""
    values: dict[str, Any] = {**dict(export), "source": source.name}
    values["region"] = {key: interval for key, interval in export.region.items() if key != "c"}
    values["per_class"] = export.per_class and source.channels > 1
    values["into_image"] = export.into_image and source.kind == "labels"
    if _is_table_of_objects(export, source):
        values["region"] = {}
    else:
        values["per_image"] = False
    if source.dtype.kind != "f":
        # Only fractions are rescaled, not numbers of classes.
        values["input_range"] = values["output_range"] = None
    elif export.output_range is None:
        values["output_range"] = _whole_range(export.dtype)
    new = with_changes(export, source, **values)
    formats = filter(None, (format_named(export.format), *EXPORT_FORMATS))
    name = next((format_.name for format_ in formats if not why_no_format(format_, new, source, image)), export.format)
    return new if name.lower() == export.format.lower() else with_changes(new, source, format=name)


def _range_for(dtype: str | None, export: Export, source: Source | None) -> tuple[float, float] | None:
    """Return the output range for a new type of values."""
    fractions = source is None or source.dtype.kind == "f"
    automatic = export.output_range is None or export.output_range == _whole_range(export.dtype)
    if not automatic or not fractions:
        return export.output_range
    return _whole_range(dtype)


def _whole_range(dtype: str | None) -> tuple[float, float] | None:
    """Return 0 and the largest value of a type of integers; None for other types."""
    if dtype is None or np.dtype(dtype).kind == "f":
        return None
    return 0.0, float(np.iinfo(dtype).max)


def axis_orders(export: Export, source: Source | None, image: ImageAxes | None) -> tuple[str, ...]:
    """Return sensible orders of axes for the output of an image.

    They are orders of its own axes, of the axes along which it has more than one pixel, and of all five.
    """
    if image is None:
        return tuple(order for order in _ORDERS if len(order) in (3, 5))
    own = output_axes(image.axes)
    sizes = {**image.extents, "c": source.channels if source is not None else 1}
    try:
        region = export_region(export, sizes)
    except SettingsError:
        region = {key: (0, n) for key, n in sizes.items()}
    needed = {key for key, (start, stop) in region.items() if stop - start > 1} | {"y", "x"}
    wanted = (set(own), needed, set("tczyx"))
    orders = (own, *(order for order in _ORDERS if set(order) in wanted and needed <= set(order)))
    return tuple(dict.fromkeys(order for order in orders if needed <= set(order)))
