"""Choosing what writes a table."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from napari_batch_prediction.errors import MissingLibraryError, SettingsError
from napari_batch_prediction.formats.format import ExportFormat, load
from napari_batch_prediction.formats.table.rows import RowWriter


def row_writer(export_format: ExportFormat, path: Path, columns: Sequence[str], token: str) -> RowWriter:
    """Return what writes a table of a format in parts."""
    writer: RowWriter = load(export_format.row_writer)(path, columns, token)
    return writer


def check_table_format(export_format: ExportFormat, name: str) -> None:
    """Check that a table can be written in a format here.

    Raises
    ------
    SettingsError
        If it holds other tables only.
    MissingLibraryError
        If a library is missing.
    """
    if not export_format.row_writer:
        raise SettingsError(
            f"The format '{export_format.name}' has no column but a count, and {name} has several. Choose 'csv'.",
            setting="format",
        )
    if export_format.library and find_spec(export_format.library) is None:
        raise MissingLibraryError(
            f"The format '{export_format.name}' needs {export_format.library}. Install it: "
            f'pip install "napari-batch-prediction[{export_format.extra}]"'
        )
