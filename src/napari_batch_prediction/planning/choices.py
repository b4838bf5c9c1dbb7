"""What goes together in an export: what can be chosen beside what is chosen, and why not the rest."""

from typing import Any

import numpy as np

from napari_batch_prediction.axes import output_axes
from napari_batch_prediction.classifiers.base import Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.registry import EXPORT_FORMATS, format_named, format_problem
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.output import plan_output
from napari_batch_prediction.planning.transform import ImageAxes, export_region

# What a table does not have.
_OF_IMAGES = (
    "dtype", "input_range", "output_range", "output_axes", "compression", "per_class", "internal_path",
    "ome_zarr_version", "into_image",
)  # fmt: skip

_ORDERS = ("tczyx", "tzyxc", "czyx", "zyxc", "zyx", "tcyx", "tyxc", "tyx", "cyx", "yxc", "yx")


def why_no_format(form: ExportFormat, export: Export, source: Source | None, image: ImageAxes | None = None) -> str:
    """Return why an export cannot have a format, in words; empty if it can.

    Parameters
    ----------
    form
        The format.
    export
        What else is chosen.
    source
        What is exported; None if it is not known, in which case all formats of images will do.
    image
        An image; without one only the type of the values counts, and the number of channels.
    """
    if source is None:
        return ""
    if form.is_table != (source.kind == "table"):
        return (
            f"{source.name} is a table of numbers, which can be csv or ilastik csv."
            if source.kind == "table"
            else f"{source.name} is an image, and '{form.name}' is for tables of numbers."
        )
    if form.is_table:
        return ""
    apart = export.per_class and source.channels > 1
    one = export.model_copy(update={"region": {**export.region, "c": (0, 1)}}) if apart else export
    dtype = np.dtype(export.dtype) if export.dtype else source.dtype
    part = form.slices or form
    problem = format_problem(part, "yxc", (1, 1, (part.channels or (1,))[0]), dtype)
    if problem:
        return f"{problem} Or choose another type."
    if image is not None:
        named = NamedExport(source.name, one.model_copy(update={"format": form.name}), source)
        # What is wrong with any format is said elsewhere.
        return next((problem.text for problem in plan_output(named, image).problems if problem.setting == "format"), "")
    if form.slices is None:
        return format_problem(form, "yxc", (1, 1, 1 if apart else source.channels), dtype) or ""
    return ""


def format_problems(export: Export, source: Source | None, image: ImageAxes | None = None) -> dict[str, str]:
    """Return each format, and why the export cannot have it, as :func:`why_no_format` says."""
    return {form.name: why_no_format(form, export, source, image) for form in EXPORT_FORMATS}


def why_no_dtype(dtype: str, export: Export) -> str:
    """Return why an export cannot have a type of values, in words; empty if it can."""
    form = format_named(export.format)
    if form is None or form.is_table or dtype in (form.slices or form).dtypes:
        return ""
    return f"The format '{form.name}' cannot hold {dtype}. Choose another format first."


def why_off(setting: str, export: Export, source: Source | None) -> str:
    """Return why a setting means nothing for an export, in words; empty if it means something.

    Parameters
    ----------
    setting
        Name of a field of :class:`Export`.
    export, source
        The export, and what is exported; None if it is not known.
    """
    form = format_named(export.format)
    if form is None:
        return ""
    if setting in _OF_IMAGES and (form.is_table or (source is not None and source.kind == "table")):
        return f"{export.source} is a table of numbers: it has no type, axes, classes or compression."
    if setting == "compression" and not form.compressions:
        return f"The format '{form.name}' leaves no choice of compression."
    if setting == "compression" and len(form.compressions) == 1:
        return f"The format '{form.name}' always has the compression {form.compressions[0]}."
    if setting == "output_axes" and form.fixed_axes:
        return f"In files of the format '{form.name}' the order of the axes is always the same."
    if setting == "per_class" and source is not None and source.channels < 2:
        return f"{source.name} is one image, not one for each class."
    if setting == "internal_path" and not form.has_internal_path:
        return "Only HDF5 and N5 have datasets with names."
    if (setting == "ome_zarr_version" and not form.versions) or (setting == "into_image" and not form.holds_labels):
        return "This is for the formats of OME-Zarr."
    if setting == "ome_zarr_version" and export.into_image:
        return "Labels in an image have the version of the image."
    if setting == "into_image" and source is not None and source.kind != "labels":
        return f"Only a segmentation can be labels of an image, not {source.name}."
    if setting == "folder" and export.into_image:
        return "Labels go into the image they belong to."
    return ""


def with_changes(export: Export, source: Source | None, /, **fields: Any) -> Export:
    """Return an export with other settings, and without what does not go together with them any more.

    A type of integers for fractions gets an output range, which they lose again with the type.

    Parameters
    ----------
    export, source
        The export, and what is exported; None if it is not known.
    fields
        Fields of :class:`Export` and their new values.

    Raises
    ------
    pydantic.ValidationError
        If a value is not possible.
    """
    values = {**dict(export), **fields}
    if "dtype" in fields and "output_range" not in fields:
        values["output_range"] = _range_for(fields["dtype"], export, source)
    if values["output_range"] is None:
        values["input_range"] = None
    if not values["per_class"]:
        for part in ("_{class}", "{class}_", "{class}/", "{class}"):
            values["name"] = values["name"].replace(part, "")
    form = format_named(values["format"])
    if form is not None:
        if form.compression_problem(values["compression"]):
            values["compression"] = None
        if not form.holds_labels:
            values["into_image"] = False
    return Export(**values)


def for_source(export: Export, source: Source, image: ImageAxes | None = None) -> Export:
    """Return an export of another source with the same settings, as far as they make sense for it."""
    values: dict[str, Any] = {**dict(export), "source": source.name}
    values["region"] = {key: part for key, part in export.region.items() if key != "c"}
    values["per_class"] = export.per_class and source.channels > 1
    values["into_image"] = export.into_image and source.kind == "labels"
    if source.dtype.kind != "f":
        # A range is for fractions: numbers of classes stay what they are.
        values["input_range"] = values["output_range"] = None
    elif export.output_range is None:
        values["output_range"] = _whole_range(export.dtype)
    new = with_changes(export, source, **values)
    forms = (format_named(export.format), *EXPORT_FORMATS)
    fitting = (form.name for form in forms if form is not None and not why_no_format(form, new, source, image))
    name = next(fitting, export.format)
    return new if name.lower() == export.format.lower() else with_changes(new, source, format=name)


def _range_for(dtype: str | None, export: Export, source: Source | None) -> tuple[float, float] | None:
    """Return the output range that goes with a new type of values."""
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
    """Return orders of axes that make sense for the output of an image, all that can be read easily.

    They are orders of the axes that the output has by itself, of those along which it has more than one pixel,
    and of all five.
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
    found = (own, *(order for order in _ORDERS if set(order) in wanted and needed <= set(order)))
    return tuple(dict.fromkeys(order for order in found if needed <= set(order)))
