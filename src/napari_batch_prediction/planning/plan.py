"""The check before the run: every input opened, every output named, every problem found."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.classifiers.load import load_classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import find_format, format_problem
from napari_batch_prediction.formats.zarr.labels import FOLDER as LABELS
from napari_batch_prediction.formats.zarr.store import find_image
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import Expansion
from napari_batch_prediction.locations.location import Arrays, Location, Unmatched, parse
from napari_batch_prediction.locations.paths import find_place
from napari_batch_prediction.planning.checks import check_outputs, check_space, name_tables
from napari_batch_prediction.planning.exports import NamedExport, counted, named_exports
from napari_batch_prediction.planning.inspection import Inspected, Inspections
from napari_batch_prediction.planning.naming import Named, check_template, output_path, shared_folder
from napari_batch_prediction.planning.opening import full_location
from napari_batch_prediction.planning.provenance import file_hash
from napari_batch_prediction.planning.rows import PlanRow
from napari_batch_prediction.planning.transform import export_region, make_transform
from napari_batch_prediction.records.record import RecordedInput


@dataclass(frozen=True)
class Plan:
    """A checked job.

    Attributes
    ----------
    job, classifier
        The job and its classifier.
    exports
        What is written for every input, and the tables that are written for all of them.
    rows
        One for each input.
    classifier_sha256
        SHA-256 of the classifier's file, in hexadecimal.
    resumed
        Whether this goes on with the run recorded in the job's ledger.
    tables
        The file of each table, by the name of its export.
    arrays
        Images in memory, by their location.
    first
        What names of outputs are made of, for the first image that is a file; None if there is none.
    """

    job: BatchJob
    classifier: Classifier
    exports: tuple[NamedExport, ...]
    rows: tuple[PlanRow, ...]
    classifier_sha256: str
    resumed: bool = False
    tables: Mapping[str, Path] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    first: Named | None = None

    @property
    def n_problems(self) -> int:
        """The number of inputs that cannot run."""
        return sum(bool(row.problems) for row in self.rows)

    @property
    def images(self) -> tuple[NamedExport, ...]:
        """The exports that are images, not tables."""
        return tuple(named for named in self.exports if named.source.kind != "table")


@dataclass(frozen=True)
class Found:
    """What the inputs of a job stand for.

    Attributes
    ----------
    given
        For each input as it is given the locations of its images; one that is given twice belongs to the first.
    """

    given: Mapping[str, tuple[str, ...]]


def make_plan(
    job: BatchJob,
    classifier: Classifier | None = None,
    earlier: Sequence[RecordedInput] | None = None,
    arrays: Arrays | None = None,
) -> Plan:
    """Open every input, name every output and find every problem. Nothing is written.

    Parameters
    ----------
    job
        The job.
    classifier
        The job's classifier if it is loaded already.
    earlier
        The inputs of the recorded run that this goes on with.
    arrays
        Images in memory, for inputs ``layer:NAME``.

    Raises
    ------
    ProjectError
        If the classifier cannot be used.
    SettingsError
        If a source, format or name template is unknown, no input is given, or a table exists.
    AxesError
        If the axes given for the inputs are not valid.
    """
    steps = iter_plan(job, classifier, earlier, arrays)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            plan: Plan = end.value
            return plan


def iter_plan(
    job: BatchJob,
    classifier: Classifier | None = None,
    earlier: Sequence[RecordedInput] | None = None,
    arrays: Arrays | None = None,
    inspections: Inspections | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Generator[Found | Inspected, None, Plan]:
    """Make a plan as :func:`make_plan` does, and tell what is found in the inputs as it is found.

    Parameters
    ----------
    job, classifier, earlier, arrays
        See :func:`make_plan`.
    inspections
        What earlier plans found in the inputs.
    should_cancel
        Asked before every input; the plan is given up when it returns True.

    Yields
    ------
    What the inputs stand for; then what was found in each, in their order.

    Returns
    -------
    The plan.

    Raises
    ------
    SettingsError
        Also if it is given up.
    """
    arrays, inspections = arrays or {}, inspections or Inspections()
    if job.input_axes is not None:
        check_axes(job.input_axes)
    classifier = classifier or load_classifier(job.classifier)
    exports = named_exports(job, classifier)
    counted(exports)
    for _, export, _ in exports:
        check_template(export.name)
        if problem := find_format(export.format).compression_problem(export.compression):
            raise SettingsError(problem)
        if not export.internal_path.strip("/ "):
            raise SettingsError("The dataset inside the HDF5 file needs a name, for example 'exported_data'.")
    if earlier is None:
        given = _expand(job)
        locations = [location for images in given.values() for location in images]
    else:
        locations = [_again(job, recorded.input) for recorded in earlier]
        given = {str(location): (location,) for location in locations}
    if not locations:
        raise SettingsError("There is no input. Give files, or a pattern that matches some.")
    yield Found({name: tuple(map(str, images)) for name, images in given.items()})
    found = []
    for location in locations:
        if should_cancel is not None and should_cancel():
            raise SettingsError("The check was cancelled.")
        found.append(inspections.look_at(job, location, classifier, arrays))
        yield found[-1]
    owns = [r.own if r.begun else frozenset[Path]() for r in earlier] if earlier else [frozenset[Path]()] * len(found)
    rows, first = _name_outputs(job, exports, found, owns)
    classifier_hash = file_hash(job.classifier)
    tables = name_tables(job, exports, rows, own=earlier is not None)
    checked = check_space(check_outputs(rows, job, exports, classifier_hash), exports)
    return Plan(
        job,
        classifier,
        exports,
        tuple(checked),
        classifier_hash,
        resumed=earlier is not None,
        tables=tables,
        arrays=arrays,
        first=first,
    )


def _expand(job: BatchJob) -> dict[str, tuple[Location, ...]]:
    """Return the images that each input stands for; one that several stand for belongs to the first."""
    expansion = Expansion(job.stack)
    given: dict[str, tuple[Location, ...]] = {}
    for name in dict.fromkeys(job.inputs):
        try:
            given[name] = tuple(expansion.expand(name))
        except SettingsError as error:
            given[name] = (Unmatched(name, error),)
    images = [location for found in given.values() for location in found]
    if images and all(isinstance(location, Unmatched) for location in images):
        images[0].open()
    return given


def _again(job: BatchJob, text: str) -> Location:
    """Return the location of an input that an earlier part of the run had."""
    try:
        return parse(text, job.stack)
    except SettingsError as error:
        return Unmatched(text, error, find_place(text).path)


def _name_outputs(
    job: BatchJob,
    exports: Sequence[NamedExport],
    found: Sequence[Inspected],
    owns: Sequence[frozenset[Path]],
) -> tuple[list[PlanRow], Named | None]:
    """Return a row for each input, with the outputs it would have and the problems in making them.

    And what names are made of, for the first input that is a file.
    """
    places = [full_location(job, one.location) for one in found]
    files = [one.location.file for one in found]
    on_disk = [file for file in files if file is not None]
    root = shared_folder(on_disk) if on_disk else Path()
    images = [named for named in exports if named.source.kind != "table"]
    table = counted(exports)
    rows: list[PlanRow] = []
    first: Named | None = None
    for i, (one, place, file, own) in enumerate(zip(found, places, files, owns, strict=True), start=1):
        problems = list(one.problems)
        outputs: dict[str, Path] = {}
        sequences: dict[str, tuple[Path, ...]] = {}
        n_bytes = 0
        if table is not None and one.image is not None:
            try:
                export_region(table.export, {**one.image.extents, "c": table.source.channels})
            except SettingsError as error:
                problems.append(str(error))
        named = None if file is None else Named(file, place.stem, i, len(found), root)
        first = first or named
        for key, export, source in images:
            form = find_format(export.format)
            transform = None
            if one.image is not None:
                try:
                    transform = make_transform(export, source, one.image.axes, one.image.extents)
                except SettingsError as error:
                    problems.append(str(error))
            if file is None or named is None:
                continue
            region = {key: transform.region[key] for key in transform.axes} if transform else {}
            if export.into_image:
                store = find_image(Path(str(place))) or find_image(file)
                if store is None:
                    problems.append(f"{place} is not an OME-Zarr image, so that labels cannot go into it.")
                inside = export.model_copy(update={"folder": (store or file) / LABELS})
                outputs[key] = output_path(inside, source.name, "", named, region)
            else:
                outputs[key] = output_path(export, source.name, form.extension, named, region)
            if transform is not None:
                n_bytes += prod(transform.shape) * transform.dtype.itemsize
                if problem := format_problem(form, transform.axes, transform.shape, transform.dtype):
                    problems.append(problem)
                elif form.slices is not None:
                    sequences[key] = form.files(outputs[key], transform.axes, transform.shape, transform.offset)
        rows.append(
            PlanRow(
                one.location, one.image, outputs, sequences, tuple(problems), one.warnings, own=own, n_bytes=n_bytes
            )
        )  # fmt: skip
    return rows, first
