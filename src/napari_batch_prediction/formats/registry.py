"""All formats, each declared in the module ``format`` of its folder.

There are formats of files to read (:class:`FileFormat`, by extension), and formats to export as (:class:`ExportFormat`,
by ilastik's name), several of which may write files of one format. A new format is a folder with such a module, and its
name in ``FOLDERS``.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.format import ExportFormat, FileFormat, load
from napari_batch_prediction.wording import did_you_mean, either

FOLDERS = (
    "tiff",
    "hdf5",
    "zarr",
    "n5",
    "raster",
    "numpy",
    "microscope",
    "table",
)

FILE_FORMATS: tuple[FileFormat, ...] = tuple(
    file_format for folder in FOLDERS for file_format in load(f"{folder}.format:FILES")
)
_EXPORTS: list[ExportFormat] = sorted(
    (export_format for folder in FOLDERS for export_format in load(f"{folder}.format:EXPORTS")),
    key=lambda export_format: export_format.rank,
)

IMAGE_FORMATS = (
    *(single for single in _EXPORTS if not single.is_table),
    *(single.sequence() for single in _EXPORTS if single.in_sequences),
)
TABLE_FORMATS = tuple(table for table in _EXPORTS if table.is_table)
EXPORT_FORMATS = (*IMAGE_FORMATS, *TABLE_FORMATS)

_BY_EXTENSION = {extension: file_format for file_format in FILE_FORMATS for extension in file_format.extensions}


# Asked for every image of a plan.
@lru_cache(64)
def _spelled(name: str) -> str:
    """Return a name without what people write in different ways: case, spaces, hyphens, dots."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


_BY_NAME = {
    _spelled(name): export_format
    for export_format in EXPORT_FORMATS
    for name in (*export_format.also, export_format.name)
}

# More suggestions than these make a message too long.
_MAX_SUGGESTIONS = 6


def known_format(path: Path) -> FileFormat | None:
    """Return the format of a file by its extension; None if unknown."""
    return _BY_EXTENSION.get(path.suffix.lower())


def known_extensions() -> str:
    """Return the extensions of all formats, for messages."""
    return ", ".join(_BY_EXTENSION)


def format_named(name: str) -> ExportFormat | None:
    """Return a format to export as by its name, or another name that people type, in any case; None if unknown."""
    return _BY_NAME.get(_spelled(name))


def format_taken(name: str) -> str | None:
    """Return a sentence about the format that another name stands for, and those it could stand for; None if clear."""
    taken = format_named(name)
    if taken is None or _spelled(name) == _spelled(taken.name):
        return None
    others = [f"'{other.name}'" for other in _alike(taken)]
    return f"The format '{name}' is taken as '{taken.name}'; there is also {either(others)}." if others else None


def _alike(export_format: ExportFormat) -> Iterator[ExportFormat]:
    for other in EXPORT_FORMATS:
        is_single = (other.slices is None) == (export_format.slices is None)
        is_alike = is_single and other.is_table == export_format.is_table
        if other is not export_format and is_alike and other.extension == export_format.extension:
            yield other


def is_table_format(name: str) -> bool:
    """Return True if a name is that of a format of tables."""
    export_format = format_named(name)
    return export_format is not None and export_format.is_table


def find_format(name: str) -> ExportFormat:
    """Return a format to export as by its name, or another name that people type, in any case.

    Raises
    ------
    SettingsError
        If it is unknown.
    """
    export_format = format_named(name)
    if export_format is None:
        raise _unknown("format", name, EXPORT_FORMATS)
    return export_format


def find_table_format(name: str) -> ExportFormat:
    """Return a format of tables by its name, in any case.

    Raises
    ------
    SettingsError
        If there is none of this name.
    """
    export_format = format_named(name)
    if export_format is None or not export_format.is_table:
        raise _unknown("table format", name, TABLE_FORMATS)
    return export_format


def _unknown(noun: str, name: str, known: Sequence[ExportFormat]) -> SettingsError:
    names = [export_format.name for export_format in known]
    listing = ", ".join(f"'{name}'" for name in names)
    text = f"The {noun} '{name}' is unknown{did_you_mean(name, names)}. Known are: {listing}."
    return SettingsError(text, setting="format")


def format_problem(export_format: ExportFormat, axes: str, shape: tuple[int, ...], dtype: np.dtype) -> str | None:
    """Return the reason why a format cannot hold an array, with formats that can; None if it can."""
    reason = export_format.obstacle(axes, shape, dtype)
    if reason is None:
        return None
    # Formats of the same kind first.
    kind = export_format.name.removesuffix(" sequence")
    fitting = [other.name for other in IMAGE_FORMATS if other.obstacle(axes, shape, dtype) is None]
    fitting.sort(key=lambda name: kind not in name)
    other_type = (
        " Or export as another type." if export_format.dtypes and dtype.name not in export_format.dtypes else ""
    )
    return (
        f"The format '{export_format.name}' {reason}. "
        f"Formats that can: {', '.join(fitting[:_MAX_SUGGESTIONS])}.{other_type}"
    )
