"""The options of a call, turned into a job."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_batch_prediction.classifiers.base import COUNTS, Classifier, Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.headless.inputs import Input, axes_of_role, has_stack, look_at, trained_axes
from napari_batch_prediction.headless.limits import read_limits
from napari_batch_prediction.headless.objects import object_table, second_images
from napari_batch_prediction.headless.values import local_path, parse_range, parse_region, template
from napari_batch_prediction.headless.workflows import chosen_source
from napari_batch_prediction.ilp.export_settings import IMAGE_FOLDER, read_stored_place
from napari_batch_prediction.ilp.lanes import last_lane
from napari_batch_prediction.ilp.project import COUNTING, OBJECTS, Lane
from napari_batch_prediction.images.stack import StackAxis
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.inputs import InputSettings
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.region import Region
from napari_batch_prediction.locations.location import at_home
from napari_batch_prediction.wording import count

_STACK_AXES: Mapping[str, StackAxis] = {"z": "z", "t": "t", "c": "c"}
_DEFAULT_NAME = "{nickname}_{result_type}"


def make_job(arguments: argparse.Namespace, classifier: Classifier, environment: Mapping[str, str]) -> BatchJob:
    """Return the job of a call.

    Parameters
    ----------
    arguments
        The options, see :func:`~napari_batch_prediction.headless.arguments.parse`; there is at least one file.
    classifier
        The classifier of the project.
    environment
        The variables of the process.

    Raises
    ------
    BatchPredictionError
        If an option cannot be used.
    """
    source, title = chosen_source(classifier, arguments.export_source)
    lane = last_lane(_lanes(classifier))
    files = [*map(local_path, arguments.files)]
    stack = _stack(arguments.stack_along) if has_stack(files) else None
    inputs = look_at(files, stack)
    tables = [*_counts(arguments, classifier), *object_table(arguments, classifier, title)]
    axes = axes_of_role(arguments.input_axes, 0, stack)
    from_training = axes is None and not arguments.ignore_training_axistags
    axes_of = trained_axes(classifier, lane, inputs) if from_training else {}
    beside = {
        "mask": _masks(arguments, classifier, len(inputs)),
        **second_images(arguments, classifier, len(inputs), stack),
    }
    images = [] if arguments.table_only and tables else [_export(arguments, classifier, source, title, axes)]
    limits = read_limits(environment, arguments.configfile)
    return BatchJob(
        classifier.file,
        [item.text for item in inputs],
        [*images, *tables],
        input_axes=axes,
        stack=stack,
        input_settings=_own_settings(inputs, axes_of, beside),
        outside_mask="ilastik",
        existing="overwrite",
        ledger=arguments.ledger or False,
        workers=limits.workers,
        memory=limits.memory,
    )


def _masks(arguments: argparse.Namespace, classifier: Classifier, n_images: int) -> list[str]:
    """Return the masks of the first images; the others have none."""
    masks = [*map(local_path, arguments.prediction_mask or ())]
    if masks and classifier.workflow == COUNTING:
        raise SettingsError(f"--prediction_mask is given, but a project of {COUNTING} has no masks.")
    if len(masks) > n_images:
        raise SettingsError(f"There are {len(masks)} masks, but {count(n_images, 'image')}.")
    return masks


def _own_settings(
    inputs: Sequence[Input], axes: Mapping[str, str], beside: Mapping[str, Sequence[str]]
) -> dict[str, InputSettings]:
    """Return the settings of single images."""
    fields: dict[str, dict[str, str]] = {name: {"axes": keys} for name, keys in axes.items()}
    for name, texts in beside.items():
        for item, text in zip(inputs, texts, strict=False):
            fields.setdefault(item.text, {})[name] = text
    return {name: InputSettings.read(own) for name, own in fields.items()}


def _lanes(classifier: Classifier) -> tuple[Lane, ...]:
    # Autocontext has a project for each stage.
    project = getattr(classifier, "project", None) or getattr(classifier, "projects", [None])[0]
    lanes: tuple[Lane, ...] = getattr(project, "lanes", ())
    return lanes


def _stack(text: str) -> StackAxis:
    axis = _STACK_AXES.get(text.strip().lower())
    if axis is None:
        raise SettingsError(f"--stack_along is '{text}', expected one of {', '.join(_STACK_AXES)}.")
    return axis


def _export(
    arguments: argparse.Namespace, classifier: Classifier, source: Source, title: str, axes: str | None
) -> Export:
    """Return what is exported of each image: what the call says, then what the project has stored."""
    fields: dict[str, Any] = {**classifier.describe().export, "source": source.name, "rules": "ilastik"}
    own = {
        "format": arguments.output_format,
        "internal_path": arguments.output_internal_path,
        "output_axes": arguments.output_axis_order,
        "dtype": arguments.export_dtype,
    }
    fields |= {name: value for name, value in own.items() if value is not None}
    before, after = arguments.pipeline_result_drange, arguments.export_drange
    if before is not None and after is not None:
        # ilastik rescales only with both.
        fields["input_range"] = parse_range(before, "--pipeline_result_drange")
        fields["output_range"] = parse_range(after, "--export_drange")
    if arguments.cutout_subregion is not None:
        fields["region"] = _region(arguments.cutout_subregion, classifier, axes)
    place: Mapping[str, Any]
    if arguments.output_filename_format is not None:
        place = {"folder": Path.cwd(), "name": at_home(arguments.output_filename_format)}
    else:
        # As it is stored, with its extension.
        place = read_stored_place(classifier.file) if {"name", "folder"} & fields.keys() else {"name": _DEFAULT_NAME}
    fields = {name: value for name, value in fields.items() if name not in ("name", "folder")} | {**place}
    fields["name"] = template(fields["name"], title)
    if fields["name"].startswith(IMAGE_FOLDER):
        fields["name"], fields["folder"] = fields["name"].removeprefix(IMAGE_FOLDER), None
    return Export.read(fields, "These options cannot be used", OPTIONS)


OPTIONS = {
    **{role: f"--{role}" for role in OBJECTS.values()},
    "mask": "--prediction_mask",
    "axes": "--input_axes",
    "source": "--export_source",
    "format": "--output_format",
    "internal_path": "--output_internal_path",
    "output_axes": "--output_axis_order",
    "dtype": "--export_dtype",
    "input_range": "--pipeline_result_drange",
    "output_range": "--export_drange",
    "region": "--cutout_subregion",
    "name": "--output_filename_format",
}
"""The option of each setting that has one."""


def _region(text: str, classifier: Classifier, axes: str | None) -> Region:
    """Return the region, whose ends are in the order that ilastik gives to images with these axes."""
    if classifier.workflow == COUNTING:
        return parse_region(text, "--cutout_subregion", ("xyc",))
    axes = axes or classifier.axes
    in_time = "t" in axes and "z" not in axes
    return parse_region(text, "--cutout_subregion", ("yxc", "tyxc" if in_time else "zyxc", "tzyxc"))


def _counts(arguments: argparse.Namespace, classifier: Classifier) -> list[Export]:
    """Return the table of counts, if the call names a file for it."""
    if arguments.csv_export_file is None or classifier.workflow != COUNTING:
        return []
    path = Path(at_home(arguments.csv_export_file)).absolute()
    name = template(path.name, "").removesuffix(".csv")
    return [Export(COUNTS, format="ilastik csv", folder=path.parent, name=name)]
