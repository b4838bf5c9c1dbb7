"""Making a plan: opening every input, naming every output, finding every problem."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import repeat
from pathlib import Path

from napari_batch_prediction.axes import check_axes
from napari_batch_prediction.classifiers.base import Classifier
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.zarr.store import find_image
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import Expansion, prepare
from napari_batch_prediction.locations.location import Arrays, Location
from napari_batch_prediction.planning.checks import OutputChecks
from napari_batch_prediction.planning.classifier import (
    classifier_hash,
    require_saved,
    with_classifier,
    with_pixel_classifier,
    with_project_settings,
)
from napari_batch_prediction.planning.exports import NamedExport, check_paths, named_exports, tables_of_images
from napari_batch_prediction.planning.inputs.expanding import UnlessCancelled, expand_each, results_left_out
from napari_batch_prediction.planning.inputs.inspection import Inspected, Inspections
from napari_batch_prediction.planning.inputs.matching import Matching
from napari_batch_prediction.planning.inputs.opening import full_location, location_again
from napari_batch_prediction.planning.inputs.roles import check_role, needed_role, with_needed
from napari_batch_prediction.planning.inputs.second import second_texts
from napari_batch_prediction.planning.inputs.sets import Sets, second_files
from napari_batch_prediction.planning.memory import MemoryShares
from napari_batch_prediction.planning.naming import Naming, shared_folder
from napari_batch_prediction.planning.output import OutputPlan, OutputPlanner, written_by
from napari_batch_prediction.planning.rows import Decide, PlanRow, RowMaker
from napari_batch_prediction.planning.space import DiskSpace
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.records.record import Recorded, RecordedInput
from napari_batch_prediction.wording import count


@dataclass(frozen=True, repr=False)
class Plan:
    """A checked job: a row for each image, with its outputs and problems. It is made by ``BatchJob.plan``.

    Iterating goes through the rows; ``print`` shows them as a table.

    Attributes
    ----------
    job, classifier
        The job and its classifier.
    exports
        The exports, those of images and those of tables.
    rows
        One row for each image.
    classifier_sha256
        SHA-256 of the classifier's file, in hexadecimal.
    resumed
        True if this resumes the run of the job's ledger.
    tables
        The file of each table, by its export's name.
    arrays
        Images in memory, by their location.
    first
        The naming of the first image that is a file, and if any can, can be predicted; None if there is none.
    folder
        The folder that all files of inputs share; None if no input is a file.
    recorded
        The ledger to go on with, as it was read; None for a new run.
    left_out
        Results of this program in folders and patterns, which are no inputs.

    Examples
    --------
    >>> import napari_batch_prediction as nbp
    >>> plan = nbp.BatchJob("nuclei.ilp", ["nuclei_01.png", "gone.png"]).plan()
    >>> plan
    <Plan: 2 inputs, 1 with problems>
    >>> plan[0].image.shape, plan[0].outputs["Probabilities"].name
    ((512, 512), 'nuclei_01_Probabilities.h5')
    >>> print(*plan[1].problems)
    There is no file 'gone.png'. Check its name and folder.
    """

    job: BatchJob
    classifier: Classifier
    exports: tuple[NamedExport, ...]
    rows: tuple[PlanRow, ...]
    classifier_sha256: str
    resumed: bool = False
    tables: Mapping[str, Path] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    first: Naming | None = None
    folder: Path | None = None
    recorded: Recorded | None = None
    left_out: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[PlanRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> PlanRow:
        return self.rows[index]

    def __repr__(self) -> str:
        return f"<Plan: {count(len(self.rows), 'input')}, {self.n_problems} with problems>"

    def __str__(self) -> str:
        # By name: data do not depend on code that shows them.
        return str(import_module("napari_batch_prediction.report").plan_text(self))

    @property
    def n_problems(self) -> int:
        """The number of rows with problems, which cannot run."""
        return sum(bool(row.problems) for row in self.rows)

    @property
    def writes_files(self) -> bool:
        """True if a run writes files; False if all its results stay in memory."""
        return bool(self.tables) or any(not row.location.in_memory for row in self.rows)

    @property
    def images(self) -> tuple[NamedExport, ...]:
        """The exports that are images, not tables."""
        return tuple(export for export in self.exports if export.is_image)


@dataclass(frozen=True)
class Found:
    """The images of a job's inputs.

    Attributes
    ----------
    given
        The locations of the images of each input, by its text; an image of several inputs is listed for the first.
    """

    given: Mapping[str, tuple[str, ...]]


def make_plan(
    job: BatchJob,
    classifier: Classifier | None = None,
    earlier: Sequence[RecordedInput] | None = None,
    arrays: Arrays | None = None,
    inspections: Inspections | None = None,
    decide: Decide | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Plan:
    """Open every input, name every output and find every problem; nothing is written.

    Parameters
    ----------
    job
        The job.
    classifier
        The job's classifier; the one that the job has in memory, or read from its file, if None.
    earlier
        The inputs of the recorded run to resume; None for a new run.
    arrays
        Images in memory, besides those that the job has.
    decide
        Decides about each input of the recorded run; all are run if None.
    inspections, should_cancel
        See :func:`iter_plan`.

    Raises
    ------
    ProjectError
        If the classifier cannot be used.
    SettingsError
        If a source or format is unknown, a name template is not valid, no input is given, or a table exists.
    AxesError
        If the axes given for the inputs are not valid.
    """
    steps = iter_plan(job, classifier, earlier, arrays, inspections, should_cancel, decide)
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
    decide: Decide | None = None,
) -> Generator[Found | Inspected, None, Plan]:
    """Make a plan as :func:`make_plan` does, and yield the images and headers of inputs on the way.

    Parameters
    ----------
    job, classifier, earlier, arrays, decide
        See :func:`make_plan`.
    inspections
        The headers read for earlier plans.
    should_cancel
        Called before every input, in each of the steps of planning; the plan is cancelled once it returns True.

    Yields
    ------
    The images of all inputs; then the header of each image, in order; then the images once more, without
    those that turned out to be results or parts of another image, if there are such.

    Returns
    -------
    The plan.

    Raises
    ------
    SettingsError
        Also if it is cancelled.
    """
    own, inspections = job.in_memory.arrays, inspections or Inspections()
    # Not a copy where that can be: layers may be replaced until they are predicted.
    arrays = {**own, **arrays} if own and arrays else own or arrays or {}
    unless_cancelled = UnlessCancelled(should_cancel)
    check_paths(job)
    if job.input_axes is not None:
        check_axes(job.input_axes)
    prepare(job.inputs if earlier is None else [recorded.input for recorded in earlier])
    prepare(second_texts(job))
    job, classifier = with_classifier(job, classifier)
    classifier = with_pixel_classifier(job, classifier)
    role = needed_role(job, classifier)
    job = with_project_settings(job, classifier)
    exports = named_exports(job, classifier)
    tables_of_images(exports)
    shares = MemoryShares.of(job, classifier, exports)
    if earlier is None:
        expansion = Expansion(job.stack, inspections.results)
        given = expand_each(expansion, unless_cancelled(dict.fromkeys(job.inputs)))
        locations = [location for images in given.values() for location in images]
    else:
        expansion = Expansion()
        locations = [location_again(job, recorded.input) for recorded in unless_cancelled(earlier)]
        given = {str(location): (location,) for location in locations}
    if not locations:
        raise SettingsError("There is no input. Give files, or a pattern that matches some.", setting="inputs")
    require_saved(job, locations)
    yield Found({name: tuple(map(str, images)) for name, images in given.items()})
    if earlier is None:
        matching = Matching.of_job(job, locations, expansion.matched)
    else:
        matching = Matching.again(job, locations, earlier)
    inspected = []
    sets = Sets(job)
    images = (location for location in locations if location not in matching.left_out)
    for location, key in unless_cancelled(inspections.ahead(job, images)):
        if earlier is None and sets.have(location):
            continue
        item = inspections.look_at(job, location, classifier, arrays, key)
        found = with_needed(matching.of(location), role)
        inspected.append(inspections.look_beside(job, item, found, arrays, partial(check_role, classifier)))
        sets.note(inspected[-1])
        yield inspected[-1]
    namings, outputs, planned = _outputs(job, exports, inspected, unless_cancelled)
    if written := written_by(planned, expansion.matched):
        inspected = [item for item in inspected if item.location not in written]
        namings, outputs, planned = _outputs(job, exports, inspected, unless_cancelled)
    if len(inspected) < len(locations):
        yield _without_others(given, inspected)
    sha256 = classifier_hash(job)
    checks = OutputChecks(job, exports, sha256, planned, [*sets.files, *second_files(inspected)], arrays)
    tables = checks.name_tables(exports, own=earlier is not None)
    space = DiskSpace(shares.making)
    rows = map(RowMaker(checks, space, shares, decide).make, inspected, outputs, earlier or repeat(None))
    best_first = sorted(zip(namings, inspected, strict=True), key=lambda pair: bool(pair[1].problems))
    return Plan(
        job=job,
        classifier=classifier,
        exports=exports,
        rows=tuple(unless_cancelled(rows)),
        classifier_sha256=sha256,
        resumed=earlier is not None,
        tables=tables,
        arrays=arrays,
        first=next((naming for naming, _ in best_first if naming is not None and not naming.in_memory), None),
        folder=checks.shared_folder,
        left_out=results_left_out(expansion, written, inspected),
    )


def _outputs(
    job: BatchJob, exports: Sequence[NamedExport], inspected: Sequence[Inspected], unless_cancelled: UnlessCancelled
) -> tuple[
    list[Naming | None], list[tuple[list[OutputPlan], list[Problem]]], list[tuple[Location, Sequence[OutputPlan]]]
]:
    """Return the naming of each image; its outputs and problems; its location and outputs."""
    namings = [*unless_cancelled(_namings(job, exports, inspected))]
    outputs = [*unless_cancelled(map(OutputPlanner(exports).plan, inspected, namings))]
    return namings, outputs, [(item.location, plans) for item, (plans, _) in zip(inspected, outputs, strict=True)]


def _without_others(given: Mapping[str, Sequence[Location]], inspected: Sequence[Inspected]) -> Found:
    """Return the images of each input without those that have no row."""
    kept = {item.input for item in inspected}
    return Found({name: tuple(text for text in map(str, images) if text in kept) for name, images in given.items()})


def _namings(job: BatchJob, exports: Sequence[NamedExport], inspected: Sequence[Inspected]) -> Iterator[Naming | None]:
    """Yield the naming of each image that is a file, or was given to the job in memory; None for layers of a viewer."""
    files = [item.location.file for item in inspected]
    on_disk = [file for file in files if file is not None]
    root = shared_folder(on_disk) if on_disk else Path()
    # The window shows the name of labels in the first image before they are chosen.
    wants_store = [any(export.settings.into_image for export in exports)] * len(files)
    if on_disk:
        wants_store[files.index(on_disk[0])] = True
    for i, (item, file) in enumerate(zip(inspected, files, strict=True)):
        if file is None:
            text, stem = str(item.location), item.location.stem
            is_given = text in job.in_memory.arrays
            yield Naming(Path(stem), stem, i + 1, len(files), root, text, in_memory=True) if is_given else None
            continue
        try:
            location = full_location(job, item.location)
        except SettingsError:  # opening it says so
            location = item.location
        # A store may be named for the only image in it.
        opened = Path(str(location)) if item.image is None else file / item.image.dataset
        store = (find_image(opened) or find_image(file)) if wants_store[i] else None
        yield Naming(file, location.stem, i + 1, len(inspected), root, str(location), store)
