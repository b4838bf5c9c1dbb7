"""What exports come to for the first image: names, and what does not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import find_format, format_problem
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.choices import ImageAxes
from napari_batch_prediction.planning.exports import named_exports
from napari_batch_prediction.planning.naming import Named, check_template, output_path
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import make_transform
from napari_batch_prediction.widgets.exports.text import backwards


class FirstImage(NamedTuple):
    """The first image of a plan, as far as names need it: nothing is read for a name that is being typed."""

    plan: Plan
    named: Named


def first_image(plan: Plan) -> FirstImage | None:
    """Return the first image of a plan that is a file; None if there is none."""
    return FirstImage(plan, plan.first) if plan.first is not None else None


def in_memory(plan: Plan) -> str:
    """Return what becomes of the results of layers, as a sentence; empty if no input is one."""
    layers = [row.location.in_memory for row in plan.rows]
    if not any(layers):
        return ""
    if not all(layers):
        return "Results of layers become layers of the viewer. Files are written for the other images."
    where = "Results become layers of the viewer and stay in memory."
    return where + (" Only the table is written to a file." if plan.tables else " No files are written.")


def names(first: FirstImage, exports: Sequence[Export], image: ImageAxes | None) -> list[Path]:
    """Return the files that would be written for the first image, and the tables of the batch.

    Parameters
    ----------
    first
        The image, and the plan it is from.
    exports
        The exports as they are set now.
    image
        Axes and extents of the image, which numbers of pixels in names are taken from.

    Raises
    ------
    SettingsError
        If there are no such outputs.
    """
    plan, named = first
    job = plan.job.model_copy(update={"exports": tuple(exports)})
    row = plan.rows[named.index - 1]
    if tuple(exports) == plan.job.exports:
        return [*row.outputs.values(), *plan.tables.values()]
    found = []
    for _, export, source in named_exports(job, plan.classifier):
        form = find_format(export.format)
        if source.kind == "table":
            folder = export.folder or named.root
            table = Named(folder / job.classifier.name, job.classifier.stem, 1, 1, folder)
            found.append(output_path(export, source.name, form.extension, table, {}))
            continue
        region = {}
        if image is not None:
            made = make_transform(export, source, *image)
            region = {key: made.region[key] for key in made.axes}
        if export.into_image:
            inside = export.model_copy(update={"folder": named.file / "labels"})
            found.append(output_path(inside, source.name, "", named, region))
        else:
            found.append(output_path(export, source.name, form.extension, named, region))
    return found


def problem(exports: Sequence[Export], classifier: Classifier, image: ImageAxes | None) -> str:
    """Return what does not fit in the settings of exports, in words; empty if all fits.

    Parameters
    ----------
    exports
        The exports.
    classifier
        What they are of.
    image
        The first image, if it is known.
    """
    if empty := backwards(exports):
        return empty
    if not exports:
        return ""
    try:
        # Only the exports count.
        job = BatchJob(classifier=classifier.file, inputs=("",), exports=tuple(exports))
        for export in exports:
            form = find_format(export.format)
            if reason := form.compression_problem(export.compression):
                return reason
            check_template(export.name.replace("{class}", ""))
        for _, export, source in named_exports(job, classifier):
            if image is None or source.kind == "table":
                continue
            made = make_transform(export, source, *image)
            if reason := format_problem(find_format(export.format), made.axes, made.shape, made.dtype):
                return f"{source.name}: {reason}"
    except SettingsError as error:
        return str(error)
    return ""
