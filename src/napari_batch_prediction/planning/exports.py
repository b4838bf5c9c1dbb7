"""Exports with their sources and formats: each source found, classes exported one by one where the job says so."""

from collections.abc import Collection, Iterable
from itertools import chain, count
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.planning.naming import check_template

TABLE_FORMAT = "csv"
"""Format of a table if none is chosen."""

_CLASS = "{class}"


class NamedExport(NamedTuple):
    """One export.

    Attributes
    ----------
    name
        What it is called in rows and ledgers: the source, and the class if classes are apart; with ``(2)`` after
        it if it is exported a second time.
    export, source
        The settings, and what is exported.
    """

    name: str
    export: Export
    source: Source

    @property
    def format(self) -> ExportFormat:
        """The format of the file."""
        return find_format(self.export.format)

    @property
    def is_table(self) -> bool:
        """Whether it is one table of the whole batch, not an output for each image."""
        return self.source.kind == "table"


def named_exports(job: BatchJob, classifier: Classifier) -> tuple[NamedExport, ...]:
    """Return the exports of a job, one for each class where the job says so.

    Raises
    ------
    SettingsError
        If the classifier has no such source, a format or a name cannot be used, or settings do not go together.
    """
    found: dict[str, NamedExport] = {}
    for given in job.exports:
        source = classifier.source(given.source)
        export = _as_table(given) if source.kind == "table" else given
        named = NamedExport(source.name, export, source)
        if named.format.is_table != named.is_table:
            wanted = "a table, which can be 'csv' or 'ilastik csv'" if named.is_table else "an image"
            raise SettingsError(
                f"{source.name} is {wanted}, and cannot be exported as '{export.format}'.", setting="format"
            )
        if export.into_image and not (source.kind == "labels" and named.format.holds_labels):
            raise SettingsError(
                f"{source.name} as '{export.format}' cannot go into the image: only a segmentation in an OME-Zarr "
                "format can be labels of an OME-Zarr image.",
                setting="into_image",
            )
        if export.per_class and source.channels > 1:
            exports = [
                named._replace(name=f"{source.name} {name}", export=_of_class(export, i, name))
                for i, name in enumerate(source.channel_names)
            ]
        elif _CLASS in export.name:
            raise SettingsError(
                f"The name '{export.name}' holds {_CLASS}, but {source.name} is not exported class by class. Leave it "
                "out, or choose one image for each class.",
                setting="name",
            )
        else:
            exports = [named]
        for named in exports:
            name = _unused(named.name, found)
            found[name] = named._replace(name=name)
    for named in found.values():
        _check(named)
    return tuple(found.values())


def _check(named: NamedExport) -> None:
    """Raise :class:`SettingsError` if the settings of an export do not go together, whatever the image is."""
    check_template(named.export.name)
    if problem := named.format.compression_problem(named.export.compression):
        raise SettingsError(problem, setting="compression")
    if not named.export.internal_path.strip("/ "):
        raise SettingsError(
            "The dataset inside the HDF5 file needs a name, for example 'exported_data'.", setting="internal_path"
        )


def _as_table(export: Export) -> Export:
    """Return the export of a table, in a format of tables if none was chosen."""
    plain = export.format == Export.model_fields["format"].default
    return export.model_copy(update={"format": TABLE_FORMAT}) if plain else export


def _of_class(export: Export, channel: int, name: str) -> Export:
    """Return an export of one channel, with the class in the file's name."""
    template = export.name if _CLASS in export.name else f"{export.name}_{_CLASS}"
    safe = "".join("_" if letter in '/\\:*?"<>|' else letter for letter in name)
    template = template.replace(_CLASS, safe.replace("{", "{{").replace("}", "}}"))
    return export.model_copy(update={"name": template, "region": {**export.region, "c": (channel, channel + 1)}})


def _unused(name: str, taken: Collection[str]) -> str:
    names = chain([name], (f"{name} ({i})" for i in count(2)))
    return next(name for name in names if name not in taken)


def counted(exports: Iterable[NamedExport]) -> NamedExport | None:
    """Return the table that says what is counted; None if nothing is.

    Raises
    ------
    SettingsError
        If two tables differ in what they count: an image has one count in the record of a run.
    """
    tables = [named for named in exports if named.is_table]
    if not tables:
        return None
    first = tables[0]
    for other in tables[1:]:
        if (other.source.made_from, other.export.region) != (first.source.made_from, first.export.region):
            raise SettingsError(
                f"{first.name} and {other.name} count over different regions. Give both the same region, or count "
                "over each region in a batch of its own.",
                setting="region",
            )
    return first
