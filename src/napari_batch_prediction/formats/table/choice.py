"""Choosing what writes a table."""

from collections.abc import Sequence
from pathlib import Path

from napari_batch_prediction.formats.common.rows import RowWriter
from napari_batch_prediction.formats.format import ExportFormat, load


def row_writer(export_format: ExportFormat, path: Path, columns: Sequence[str], token: str) -> RowWriter:
    """Return what writes a table of a format in parts."""
    writer: RowWriter = load(export_format.row_writer)(path, columns, token)
    return writer
