"""What exports come to for the first image: names, and what does not fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.exports import named_exports
from napari_batch_prediction.planning.naming import Naming
from napari_batch_prediction.planning.output import plan_output, plan_table
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.exports.text import backwards


class FirstImage(NamedTuple):
    """The first image of a plan, as far as names need it: nothing is read for a name that is being typed."""

    plan: Plan
    naming: Naming


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
    plan, naming = first
    if tuple(exports) == plan.job.exports:
        return [*plan.rows[naming.index - 1].outputs.values(), *plan.tables.values()]
    job = plan.job.model_copy(update={"exports": tuple(exports)})
    paths = []
    for named in named_exports(job, plan.classifier):
        if not named.is_table:
            output = plan_output(named, image, naming)
            if image is not None and output.transform is None:
                raise SettingsError(" ".join(map(str, output.problems)))
            paths.append(output.path)
        elif (table := plan_table(named, job.classifier, plan.folder)) is not None:
            paths.append(table)
    return paths


def why_not(exports: Sequence[Export], classifier: Classifier, image: ImageAxes | None) -> str:
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
        for named in named_exports(job, classifier):
            if image is not None and not named.is_table:
                for problem in plan_output(named, image).problems:
                    return f"{named.source.name}: {problem}" if problem.setting == "format" else str(problem)
    except SettingsError as error:
        return str(error)
    return ""
