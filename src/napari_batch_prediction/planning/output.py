"""The output of an export for one image: its file, its format, and its transform of the prediction."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import format_problem
from napari_batch_prediction.formats.zarr.labels import FOLDER as LABELS
from napari_batch_prediction.planning.exports import NamedExport, counted
from napari_batch_prediction.planning.inspection import Inspected
from napari_batch_prediction.planning.naming import Naming, name_output
from napari_batch_prediction.planning.transform import ImageAxes, Transform, export_region, make_transform
from napari_batch_prediction.problems import Problem


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The output of one export for one image, as planned.

    Attributes
    ----------
    named
        The export.
    transform
        From the prediction to the values; None if the image is not known, or the settings do not fit it.
    problems
        Why the export is not possible; empty if it is.
    folder, name
        Its place on disk; None and empty for an image in memory. The name of a sequence is a pattern.
    """

    named: NamedExport
    transform: Transform | None
    problems: tuple[Problem, ...] = ()
    folder: Path | None = None
    name: str = ""

    def named_as(self, name: str) -> "OutputPlan":
        """Return the same with another name."""
        return OutputPlan(self.named, self.transform, self.problems, self.folder, name)

    @property
    def path(self) -> Path:
        """The file or folder that is written; of a sequence, the pattern."""
        if self.folder is None:
            raise ValueError(f"{self.named.name} stays in memory: it has no path.")
        return self.folder / self.name

    def at(self, path: Path) -> "OutputPlan":
        """Return the same output under another name, as it was written earlier."""
        return replace(self, folder=path.parent, name=path.name)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files or folders that the output consists of: one, or those of a sequence."""
        made = self.transform
        if made is None or self.problems or self.named.format.slices is None:
            return (self.path,)
        return self.named.format.files(self.path, made.axes, made.shape, made.offset)

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names of the files in their folder."""
        if self.transform is None or self.named.format.slices is None:
            return (self.name,)
        return tuple(file.name for file in self.files)

    @property
    def chunk(self) -> dict[str, int]:
        """The extent along each axis of the pieces in which the output is stored."""
        made = self.transform
        if made is None:
            return {}
        chunk = self.named.format.chunk(made.axes, made.shape, made.dtype.itemsize)
        return dict(zip(made.axes, chunk, strict=True))

    @property
    def n_bytes(self) -> int:
        """Bytes of all values, before compression."""
        return 0 if self.transform is None else prod(self.transform.shape) * self.transform.dtype.itemsize


Fits = MutableMapping[tuple[object, ...], tuple[Transform | None, tuple[Problem, ...]]]
"""Transforms and problems by export, axes and extents: thousands of images have few of these."""


def plan_output(
    named: NamedExport, image: ImageAxes | None, naming: Naming | None = None, fits: Fits | None = None
) -> OutputPlan:
    """Return the output of an export for an image.

    Parameters
    ----------
    named
        The export; not a table.
    image
        The image; None if it is not known.
    naming
        The input, for the name of the output; None for an image in memory.
    fits
        The findings of earlier calls with the same exports; this call adds its own.

    Raises
    ------
    SettingsError
        If the output cannot be named.
    """
    transform, problems = _fit(named, image, {} if fits is None else fits)
    if naming is None:
        return OutputPlan(named, transform, problems)
    export, extension = named.export, named.format.extension
    if export.into_image:
        if naming.store is None:
            text = f"{naming.location} is not an OME-Zarr image, so that labels cannot go into it."
            problems = (*problems, Problem("output", text, "into_image", naming.file))
        export, extension = export.model_copy(update={"folder": (naming.store or naming.file) / LABELS}), ""
    region = {key: transform.region[key] for key in transform.axes} if transform is not None else {}
    folder, name = name_output(export, named.source.name, extension, naming, region)
    return OutputPlan(named, transform, problems, folder, name)


def plan_table(named: NamedExport, classifier: Path, folder: Path | None) -> Path | None:
    """Return the file of a table of the batch, named after the classifier; None if there is no folder for it.

    Parameters
    ----------
    named
        The export of the table.
    classifier
        The file of the classifier.
    folder
        The folder that all images share, if there is one.
    """
    folder = named.export.folder or folder
    if folder is None:
        return None
    naming = Naming(folder / classifier.name, classifier.stem, 1, 1, folder)
    parent, name = name_output(named.export, named.source.name, named.format.extension, naming, {})
    return parent / name


def _fit(named: NamedExport, image: ImageAxes | None, fits: Fits) -> tuple[Transform | None, tuple[Problem, ...]]:
    """Return the transform of an export for an image, and why it is not possible."""
    if image is None:
        return None, ()
    key = (named.name, image.axes, *image.extents.values())
    if key not in fits:
        try:
            transform = make_transform(named.export, named.source, image.axes, image.extents)
        except SettingsError as error:
            fits[key] = None, (Problem.of(error),)
        else:
            text = format_problem(named.format, transform.axes, transform.shape, transform.dtype)
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
        self._images = [named for named in exports if not named.is_table]
        self._table = counted(exports)
        self._fits: Fits = {}

    def plan(self, item: Inspected, naming: Naming | None) -> tuple[list[OutputPlan], list[Problem]]:
        """Return the outputs that an input would have, and all that is wrong with it so far."""
        problems = list(item.problems)
        image = None if item.image is None else ImageAxes(item.image.axes, item.image.extents)
        if self._table is not None and image is not None:
            try:
                export_region(self._table.export, {**image.extents, "c": self._table.source.channels})
            except SettingsError as error:
                problems.append(Problem.of(error))
        plans = [plan_output(named, image, naming, self._fits) for named in self._images]
        for plan in plans:
            problems += plan.problems
        return plans, problems
