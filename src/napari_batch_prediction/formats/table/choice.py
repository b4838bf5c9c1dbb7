"""Choosing the writer and the reader of a table."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from napari_batch_prediction.errors import MissingLibraryError
from napari_batch_prediction.formats.common.rows import RowWriter, TableReader
from napari_batch_prediction.formats.format import ExportFormat, load


def row_writer(export_format: ExportFormat, path: Path, columns: Sequence[str], token: str) -> RowWriter:
    """Return a writer of a table of a format, part by part."""
    writer: RowWriter = load(export_format.row_writer)(path, columns, token)
    return writer


def table_reader(export_format: ExportFormat, path: Path) -> TableReader:
    """Return a reader of a table of a format.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    MissingLibraryError
        If the library of its format is not installed.
    """
    if export_format.library and find_spec(export_format.library) is None:
        raise MissingLibraryError(
            f"{path.name} cannot be read without {export_format.library}. Install it: "
            f'pip install "napari-batch-prediction[{export_format.extra}]"'
        )
    reader: TableReader = load(export_format.table_reader)(path)
    return reader
