"""The output of an export for one image: its file, its format, and its transform of the prediction."""

import os
from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import format_problem
from napari_batch_prediction.formats.zarr.labels import FOLDER as LABELS
from napari_batch_prediction.formats.zarr.labels import TABLES, why_no_labels
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.locations.location import Location
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.planning.exports import NamedExport, whole_regions
from napari_batch_prediction.planning.folders import place_problem
from napari_batch_prediction.planning.inputs.inspection import Inspected
from napari_batch_prediction.planning.naming import Naming, name_output
from napari_batch_prediction.planning.transform import (
    MAX_PIXELS,
    ImageAxes,
    Transform,
    make_transform,
    predicted_box,
)
from napari_batch_prediction.problems import Problem

MAX_ROWS = 10**6
"""The most time points in a table: one row for each, as many as spreadsheets show."""


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The output of one export for one image, as planned.

    Attributes
    ----------
    export
        The export.
    transform
        The transform from prediction to values; None if the image is unknown, or the settings do not fit it.
    problems
        Reasons why the export is not possible.
    folder, name
        Folder and name on disk; None and empty if it stays in memory. The name of a sequence is a pattern.
    """

    export: NamedExport
    transform: Transform | None
    problems: tuple[Problem, ...] = ()
    folder: Path | None = None
    name: str = ""

    def named_as(self, name: str) -> "OutputPlan":
        """Return the same output with another name in its folder."""
        return OutputPlan(self.export, self.transform, self.problems, self.folder, name)

    @property
    def path(self) -> Path:
        """The file or folder; for a sequence, the pattern."""
        if self.folder is None:
            raise ValueError(f"{self.export.name} stays in memory: it has no path.")
        return self.folder / self.name

    def at(self, path: Path) -> "OutputPlan":
        """Return the same output at another path, as it was written earlier."""
        return replace(self, folder=path.parent, name=path.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file or folder of the output, or the files of a sequence."""
        transform = self.transform
        if transform is None or self.problems or self.export.format.slices is None:
            return (self.path,)
        return self.export.format.files(self.path, transform.axes, transform.shape, transform.offset)

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names of the files in their folder."""
        if self.transform is None or self.export.format.slices is None:
            return (self.name,)
        return tuple(file.name for file in self.files)

    @property
    def chunk(self) -> dict[str, int]:
        """The extent of a chunk along each axis."""
        transform = self.transform
        if transform is None:
            return {}
        chunk = self.export.format.chunk(transform.axes, transform.shape, transform.dtype.itemsize)
        return dict(zip(transform.axes, chunk, strict=True))

    @property
    def n_bytes(self) -> int:
        """The size of all values in bytes, before compression."""
        return 0 if self.transform is None else prod(self.transform.shape) * self.transform.dtype.itemsize


Fits = MutableMapping[tuple[object, ...], tuple[Transform | None, tuple[Problem, ...]]]
"""Transforms and problems by export, axes and extents, of which thousands of images have few."""


def plan_output(
    export: NamedExport, image: ImageAxes | None, naming: Naming | None = None, fits: Fits | None = None
) -> OutputPlan:
    """Return the output of an export for an image.

    Parameters
    ----------
    export
        The export, not of a table.
    image
        The image; None if unknown.
    naming
        The input, for the name of the output; None for an image in memory.
    fits
        The results of earlier calls with the same exports, to which this call adds its own.

    Raises
    ------
    SettingsError
        If the output cannot be named.
    """
    transform, problems = _fit(export, image, {} if fits is None else fits)
    if naming is None or (naming.in_memory and export.settings.folder is None):
        return OutputPlan(export, transform, problems)
    settings, extension = export.settings, export.format.extension
    inner = LABELS if export.is_image else TABLES
    if settings.into_image:
        settings, extension = settings.model_copy(update={"folder": (naming.store or naming.file) / inner}), ""
    region = {key: transform.region[key] for key in transform.axes} if transform is not None else {}
    folder, name = name_output(settings, export.source.name, extension, naming, region)
    if problem := place_problem(folder, name):
        return OutputPlan(export, transform, (*problems, problem))
    if settings.into_image:
        problems = (
            *problems,
            *_problems_in_image(settings, naming, folder / name, inner),
        )
    return OutputPlan(export, transform, problems, folder, name)


def _problems_in_image(settings: Export, naming: Naming, path: Path, inner: str) -> Iterator[Problem]:
    """Yield the reasons why labels, or a table, cannot be written into a folder of an image, as this file."""
    store = naming.store
    if store is None:
        text = f"{naming.location} is not an OME-Zarr image, so that {inner} cannot go into it."
        yield Problem("output", text, "into_image", naming.file)
    elif (reason := why_no_labels(store)) is not None:
        yield Problem("output", reason, "into_image", naming.file)
    elif not path.is_relative_to(absolute_path(store / inner)):
        text = f"The name '{settings.name}' leads to {path}, which is not among the {inner} of {store}."
        yield Problem("output", text, "name", naming.file)


def plan_table(export: NamedExport, classifier: Path, folder: Path | None) -> Path | None:
    """Return the file of a table, named after the classifier; None if there is no folder for it.

    Parameters
    ----------
    export
        The export of the table.
    classifier
        The file of the classifier.
    folder
        The folder that all images share; None if there is none.
    """
    folder = export.settings.folder or folder
    if folder is None:
        return None
    naming = Naming(folder / classifier.name, classifier.stem, 1, 1, folder)
    parent, name = name_output(export.settings, export.source.name, export.format.extension, naming, {})
    return parent / name


def _fit(export: NamedExport, image: ImageAxes | None, fits: Fits) -> tuple[Transform | None, tuple[Problem, ...]]:
    """Return the transform of an export for an image, or the reasons why it is not possible."""
    if image is None or not export.is_image:
        return None, ()
    key = (export.name, image.axes, *image.extents.values())
    if key not in fits:
        try:
            transform = make_transform(export.settings, export.source, image.axes, image.extents)
        except SettingsError as error:
            fits[key] = None, (Problem.of(error),)
        else:
            text = format_problem(export.format, transform.axes, transform.shape, transform.dtype)
            fits[key] = transform, (Problem("output", text, "format"),) if text else ()
    return fits[key]


class OutputPlanner:
    """Plans the outputs of one input after the other; equal images share their transforms.

    Parameters
    ----------
    exports
        The exports of the batch.
    """

    def __init__(self, exports: Sequence[NamedExport]) -> None:
        self._images = [export for export in exports if not export.is_table]
        self._exports = exports
        self._tables = [export for export in exports if export.is_table]
        self._fits: Fits = {}

    def plan(self, item: Inspected, naming: Naming | None) -> tuple[list[OutputPlan], list[Problem]]:
        """Return the outputs of an input, and its problems so far."""
        problems = list(item.problems)
        image = None if item.image is None else ImageAxes(item.image.axes, item.image.extents)
        regions: list[Mapping[str, tuple[int, int]]] = []
        if image is not None:
            try:
                regions += whole_regions(self._exports, image.extents)
            except SettingsError as error:
                problems.append(Problem.of(error))
        plans = [plan_output(export, image, naming, self._fits) for export in self._images]
        for plan in plans:
            problems += plan.problems
        if image is not None and not problems:
            regions += [plan.transform.region for plan in plans if plan.transform is not None]
            problems += self._too_large(image, regions)
        return plans, problems

    def _too_large(self, image: ImageAxes, regions: Sequence[Mapping[str, tuple[int, int]]]) -> Iterator[Problem]:
        """Yield the problems that no computer predicts so much, and that no table holds so many time points."""
        if prod(image.extents.values()) <= MAX_PIXELS and image.extents["t"] <= MAX_ROWS:
            return
        _, sizes = predicted_box(regions)
        if (n_pixels := prod(sizes.values())) > MAX_PIXELS:
            whole = next((export.name for export in self._exports if export.source.whole), None)
            remedy = f"{whole} is made of whole images: cut it." if whole else "Export a smaller region."
            text = (
                f"{n_pixels} pixels would be predicted ({' x '.join(f'{key}={n}' for key, n in sizes.items())}), which "
                f"no computer can: the most are {MAX_PIXELS}. {remedy} If the image is not so large, its file is "
                "damaged."
            )
            yield Problem("mismatch", text, "region")
        if self._tables and sizes["t"] > MAX_ROWS:
            text = f"A table of {sizes['t']} time points is too long: the most are {MAX_ROWS}. Cut the image along t."
            yield Problem("mismatch", text)


def written_by(
    planned: Sequence[tuple[Location, Sequence[OutputPlan]]], matched: Collection[Location]
) -> set[Location]:
    """Return the images, of those that a folder or pattern matches, that the batch itself would write.

    Parameters
    ----------
    planned
        Each image of the batch, and its outputs.
    matched
        The locations that no input names.
    """
    here = os.getcwd()  # noqa: PTH109
    folders = {output.folder for _, outputs in planned for output in outputs if output.folder is not None}
    ends = {output.export.format.extension for _, outputs in planned for output in outputs}
    candidates: dict[str, Location] = {}
    for location, _ in planned:
        file = location.file
        if location in matched and file is not None and file.name.endswith(tuple(ends)):
            folder = os.path.join(here, file.parent)  # noqa: PTH118
            if Path(folder) in folders:
                candidates[f"{folder}{os.sep}{file.name}"] = location
    return _written(planned, candidates) if candidates else set()


def _written(
    planned: Sequence[tuple[Location, Sequence[OutputPlan]]], candidates: Mapping[str, Location]
) -> set[Location]:
    found = set()
    for location, outputs in planned:
        for output in outputs:
            for name in output.file_names if output.folder is not None else ():
                other = candidates.get(f"{output.folder}{os.sep}{name}")
                if other is not None and other != location:
                    found.add(other)
    return found
