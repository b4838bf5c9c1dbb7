"""Names of the files that exports write for the first image, and problems of their settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.objects import ObjectSettings
from napari_batch_prediction.planning.exports import named_exports
from napari_batch_prediction.planning.naming import Naming
from napari_batch_prediction.planning.objects import ObjectMaking
from napari_batch_prediction.planning.output import plan_output, plan_table
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.exports.text import backwards


class FirstImage(NamedTuple):
    """The first image of a plan, as far as names need it: typing a name reads no file."""

    plan: Plan
    naming: Naming


def first_image(plan: Plan) -> FirstImage | None:
    """Return the first image of a plan that is a file; None if there is none."""
    return FirstImage(plan, plan.first) if plan.first is not None else None


def in_memory(plan: Plan) -> str:
    """Return a sentence about the results of layers; empty if no input is a layer."""
    layers = [row.location.in_memory for row in plan.rows]
    if not any(layers):
        return ""
    if not all(layers):
        return "Results of layers become layers of the viewer. Files are written for the other images."
    layers_only = "Results become layers of the viewer and stay in memory."
    return layers_only + (" Only the table is written to a file." if plan.tables else " No files are written.")


def names(first: FirstImage, exports: Sequence[Export], image: ImageAxes | None) -> list[Path]:
    """Return the files that would be written for the first image, and the tables of the batch.

    Parameters
    ----------
    first
        The image and its plan.
    exports
        The exports as set now.
    image
        Axes and extents of the image, for numbers of pixels in names.

    Raises
    ------
    SettingsError
        If an export does not fit the image or the classifier.
    """
    plan, naming = first
    if tuple(exports) == plan.job.exports:
        return [*plan.rows[naming.index - 1].outputs.values(), *plan.tables.values()]
    job = plan.job.model_copy(update={"exports": tuple(exports)})
    paths = []
    for export in named_exports(job, plan.classifier):
        if not export.is_table:
            output = plan_output(export, image, naming)
            if image is not None and output.transform is None:
                raise SettingsError(" ".join(map(str, output.problems)))
            paths.append(output.path)
        elif (table := plan_table(export, job.classifier, plan.folder)) is not None:
            paths.append(table)
    return paths


def why_not(exports: Sequence[Export], classifier: Classifier, image: ImageAxes | None, objects: ObjectSettings) -> str:
    """Return the first problem of the settings of exports, in words; empty if there is none.

    Parameters
    ----------
    exports
        The exports.
    classifier
        The classifier with their sources.
    image
        The first image, if it is known.
    objects
        How objects are made, if any are.
    """
    if empty := backwards(exports):
        return empty
    if not exports:
        return ""
    try:
        # Only its exports are looked at.
        job = BatchJob(classifier=classifier.file, inputs=("",), exports=tuple(exports), objects=objects)
        named = named_exports(job, classifier)
        ObjectMaking.of(job, classifier, named)
        for export in named:
            if image is not None and not export.is_table:
                for problem in plan_output(export, image).problems:
                    return f"{export.source.name}: {problem}" if problem.setting == "format" else str(problem)
    except SettingsError as error:
        return str(error)
    return ""
