"""The exports of a job as they are done: sources found, classes taken apart."""

from collections.abc import Collection, Iterable
from itertools import chain, count
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import Classifier, Source
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.registry import find_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob

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


def named_exports(job: BatchJob, classifier: Classifier) -> tuple[NamedExport, ...]:
    """Return the exports of a job, one for each class where the job says so.

    Raises
    ------
    SettingsError
        If the classifier has no such source, or the name of a file has a class where classes are not apart.
    """
    found: dict[str, NamedExport] = {}
    for given in job.exports:
        source = classifier.source(given.source)
        export = _as_table(given) if source.kind == "table" else given
        if find_format(export.format).is_table != (source.kind == "table"):
            wanted = "a table, which can be 'csv' or 'ilastik csv'" if source.kind == "table" else "an image"
            raise SettingsError(f"{source.name} is {wanted}, and cannot be exported as '{export.format}'.")
        if export.into_image and not (source.kind == "labels" and find_format(export.format).holds_labels):
            raise SettingsError(
                f"{source.name} as '{export.format}' cannot go into the image: only a segmentation in an OME-Zarr "
                "format can be labels of an OME-Zarr image."
            )
        if export.per_class and source.channels > 1:
            parts = [
                (f"{source.name} {name}", _of_class(export, i, name)) for i, name in enumerate(source.channel_names)
            ]
        elif _CLASS in export.name:
            raise SettingsError(
                f"The name '{export.name}' holds {_CLASS}, but {source.name} is not exported class by class. Leave it "
                "out, or choose one image for each class."
            )
        else:
            parts = [(source.name, export)]
        for name, part in parts:
            key = _unused(name, found)
            found[key] = NamedExport(key, part, source)
    return tuple(found.values())


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
    tables = [named for named in exports if named.source.kind == "table"]
    if not tables:
        return None
    first = tables[0]
    for other in tables[1:]:
        if (other.source.made_from, other.export.region) != (first.source.made_from, first.export.region):
            raise SettingsError(
                f"{first.name} and {other.name} count over different regions. Give both the same region, or count "
                "over each region in a batch of its own."
            )
    return first
