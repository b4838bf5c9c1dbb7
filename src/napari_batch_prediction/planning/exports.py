"""Resolving a job's exports: finding each source, splitting exports of one file per class."""

import os
from collections.abc import Collection, Iterable, Mapping
from importlib.util import find_spec
from itertools import chain, count
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import COUNTS, Classifier, Source
from napari_batch_prediction.disk import MAX_NAME, require_path, shown, text_fault
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.formats.registry import TABLE_FORMATS, find_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.paths import absolute_path
from napari_batch_prediction.planning.naming import check_template, safe_name
from napari_batch_prediction.planning.transform import export_region
from napari_batch_prediction.wording import either

TABLE_FORMAT = "csv"
"""Default format of a table."""

_CLASS = "{class}"

# A table in the image.
_IN_IMAGE = "OME-Zarr table"

# ilastik's layout of tables: that of objects has no column for the image.
_OF_ILASTIK = "ilastik"

# The table beside a ledger has its name with another ending, and a number if need be.
_LONGEST_RECORD = MAX_NAME - 10


class NamedExport(NamedTuple):
    """An export with its source, or one class of it.

    Attributes
    ----------
    name
        Name in rows and ledgers: the source, and the class if each class has an output; with ``(2)`` after it if it
        is exported a second time.
    settings, source
        The settings, and the source.
    """

    name: str
    settings: Export
    source: Source

    @property
    def format(self) -> ExportFormat:
        """The format of the file."""
        return find_format(self.settings.format)

    @property
    def is_table(self) -> bool:
        """True for a table of the whole batch, False for an output of each image."""
        return self.source.kind == "table" and not self.settings.per_image

    @property
    def is_image(self) -> bool:
        """True for an image, False for a table."""
        return self.source.kind != "table"

    @property
    def is_classified(self) -> bool:
        """True if it is made of objects that have classes."""
        return self.of_objects and bool(self.source.classes)

    @property
    def as_ilastik(self) -> bool:
        """True for a table of objects as ilastik lays it out."""
        return self.of_objects and not self.is_image and self.format.name.startswith(_OF_ILASTIK)

    @property
    def of_objects(self) -> bool:
        """True if it is made of objects, which need all tiles of a time point first."""
        return self.source.whole and self.source.name != COUNTS


def named_exports(job: BatchJob, classifier: Classifier) -> tuple[NamedExport, ...]:
    """Return the exports of a job, one for each class if their settings say so.

    Raises
    ------
    SettingsError
        If the classifier has no such source, a format or a name cannot be used, or settings do not go together.
    """
    exports: dict[str, NamedExport] = {}
    for settings in job.exports:
        source = classifier.source(settings.source)
        # By its own name, in whatever case it was written.
        settings = settings.model_copy(update={"source": source.name})
        resolved = as_table(settings, source) if source.kind == "table" else settings
        for export in _per_class(NamedExport(source.name, resolved, source)):
            name = _unused(export.name, exports)
            exports[name] = export._replace(name=name)
    for export in exports.values():
        _check(export)
    return tuple(exports.values())


def _per_class(export: NamedExport) -> list[NamedExport]:
    """Return an export, or one for each class if its settings say so; raise :class:`SettingsError` if they cannot."""
    settings, source = export.settings, export.source
    if export.format.is_table == export.is_image:
        wanted = "an image" if export.is_image else f"a table, which can be {either(map(repr, _table_formats()))}"
        raise SettingsError(
            f"{source.name} is {wanted}, and cannot be exported as '{settings.format}'.", setting="format"
        )
    if not export.is_image:
        check_table(export)
    if settings.per_image and not (export.of_objects and not export.is_image):
        raise SettingsError(
            f"{source.name} cannot be one table for each image: only a table of objects can.", setting="per_image"
        )
    if export.of_objects and not export.is_image and settings.region:
        raise SettingsError(
            f"{source.name} is of whole images: it has no region. Leave it out, or cut the images.", setting="region"
        )
    if settings.into_image and not (source.kind == "labels" and export.format.holds_labels) and export.is_image:
        raise SettingsError(
            f"{source.name} as '{settings.format}' cannot go into the image: only a segmentation in an OME-Zarr "
            "format can be labels of an OME-Zarr image.",
            setting="into_image",
        )
    if settings.per_class and source.channels > 1:
        return [
            NamedExport(f"{source.name} {name}", _of_class(settings, i, name), source)
            for i, name in enumerate(source.channel_names)
        ]
    if _CLASS in settings.name:
        raise SettingsError(
            f"The name '{settings.name}' holds {_CLASS}, but {source.name} is not exported class by class. Leave it "
            "out, or choose one image for each class.",
            setting="name",
        )
    return [export]


def check_table(export: NamedExport) -> None:
    """Raise :class:`SettingsError` if a table cannot be written in its format, or not here."""
    source, export_format = export.source, export.format
    if (export_format.name == _IN_IMAGE) != export.settings.into_image or export_format.is_folder > export.of_objects:
        raise SettingsError(
            f"Only a table of objects goes into an image, as '{_IN_IMAGE}'. Choose 'csv' for {source.name}.",
            setting="format",
        )
    if export_format.name.startswith(_OF_ILASTIK) and source.name != COUNTS and not export.is_classified:
        raise SettingsError(
            f"The format '{export_format.name}' is for counts and for classified objects, and {source.name} are "
            "neither. Choose 'csv'.",
            setting="format",
        )
    if export_format.library and find_spec(export_format.library) is None:
        raise SettingsError(
            f"The format '{export_format.name}' needs {export_format.library}. Install it: "
            f'pip install "napari-batch-prediction[{export_format.extra}]"',
            setting="format",
        )


def _table_formats() -> list[str]:
    return [each.name for each in TABLE_FORMATS]


def check_paths(job: BatchJob) -> None:
    """Raise :class:`SettingsError` if no file can have the name of a job's classifier or ledger."""
    require_path(job.classifier, SettingsError, "The classifier", "classifier")
    if job.ledger:
        require_path(absolute_path(job.ledger), SettingsError, "The ledger", "ledger")
        if job.ledger.name in ("", ".."):  # "", "." and "/" too
            raise SettingsError(f"The ledger '{job.ledger}' is a folder. Name a file in it.", setting="ledger")
        if len(os.fsencode(job.ledger.name)) > _LONGEST_RECORD:
            raise SettingsError(
                f"The ledger '{shown(job.ledger)}' has a name of more than {_LONGEST_RECORD} bytes, which leaves no "
                "room for that of the table beside it. Choose a shorter one.",
                setting="ledger",
            )


def _check(export: NamedExport) -> None:
    """Raise :class:`SettingsError` if the settings of an export do not go together for any image."""
    check_template(export.settings.name)
    if fault := text_fault(export.settings.name):
        raise SettingsError(f"The name '{shown(export.settings.name)}' {fault}. Choose another.", setting="name")
    if export.settings.folder is not None:
        require_path(export.settings.folder, SettingsError, "The folder", "folder")
    if problem := export.format.compression_problem(export.settings.compression):
        raise SettingsError(problem, setting="compression")
    if not export.settings.internal_path.strip("/ "):
        raise SettingsError(
            "The dataset inside the HDF5 file needs a name, for example 'exported_data'.", setting="internal_path"
        )
    if export.format.has_internal_path:
        require_path(export.settings.internal_path, SettingsError, "The dataset", "internal_path")


def as_table(export: Export, source: Source) -> Export:
    """Return the settings for a table, with the default format of tables if none is chosen, and what formats imply."""
    if export.format == Export.model_fields["format"].default:
        return export.model_copy(update={"format": TABLE_FORMAT})
    # ilastik's tables of objects do not say of which image they are.
    if source.whole and source.name != COUNTS and export.format.startswith(_OF_ILASTIK):
        return export.model_copy(update={"per_image": True})
    return export.model_copy(update={"per_image": True, "into_image": True}) if export.format == _IN_IMAGE else export


def _of_class(export: Export, channel: int, name: str) -> Export:
    """Return the settings for one class: its channel, and its name in the name of the file."""
    template = export.name if _CLASS in export.name else f"{export.name}_{_CLASS}"
    template = template.replace(_CLASS, safe_name(name).replace("{", "{{").replace("}", "}}"))
    return export.model_copy(update={"name": template, "region": {**export.region, "c": (channel, channel + 1)}})


def _unused(name: str, taken: Collection[str]) -> str:
    names = chain([name], (f"{name} ({i})" for i in count(2)))
    return next(name for name in names if name not in taken)


def tables_of_images(exports: Iterable[NamedExport]) -> tuple[NamedExport, ...]:
    """Return the first table of each source, without those of objects, which the ledger does not hold.

    Raises
    ------
    SettingsError
        If two tables of a source differ in region, since an image has one table of it in the ledger.
    """
    first: dict[str, NamedExport] = {}
    for export in exports:
        if not export.is_table or export.of_objects:
            continue
        other = first.setdefault(export.source.name, export)
        if export.settings.region != other.settings.region:
            raise SettingsError(
                f"{other.name} and {export.name} are made over different regions. Give both the same region, or make "
                "each in a batch of its own.",
                setting="region",
            )
    return tuple(first.values())


def whole_regions(exports: Iterable[NamedExport], extents: Mapping[str, int]) -> list[dict[str, tuple[int, int]]]:
    """Return the parts of an image that tables are made of, and all of it if something is made of whole time points.

    Parameters
    ----------
    exports
        The exports.
    extents
        The extent of the image along each of ``t z y x``.

    Raises
    ------
    SettingsError
        If a region is not inside the image.
    """
    exports = tuple(exports)
    regions = [table_region(table, extents) for table in tables_of_images(exports)]
    is_whole = any(export.source.whole for export in exports)
    return [*regions, *([{key: (0, extent) for key, extent in extents.items()}] if is_whole else [])]


def table_region(table: NamedExport, extents: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return start and stop of the region of a table along each axis of an image.

    Raises
    ------
    SettingsError
        If it is not inside the image.
    """
    return export_region(table.settings, {**extents, "c": table.source.channels})
