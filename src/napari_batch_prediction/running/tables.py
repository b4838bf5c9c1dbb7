"""Writing the tables of a batch, each with the numbers of every image in one file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.files import write_whole
from napari_batch_prediction.formats.common.rows import RowWriter
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.table.choice import row_writer
from napari_batch_prediction.formats.table.writer import Cell, ImageRows, table_bytes
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.inputs.opening import full_location
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.provenance import file_hash
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.running.recorder import Recorder


def write_table(plan: Plan, name: str, rows: Sequence[LedgerRow], recorder: Recorder | None, token: str) -> bool:
    """Write one table of a batch from its ledger; return True if it was written.

    Parameters
    ----------
    plan
        The checked job.
    name
        The name of its export.
    rows
        The ledger's rows. Inputs that are not done are left out; if none is done, no file is written.
    recorder
        The ledger of the run; None if there is none.
    token
        The mark of the run in the names of temporary files.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If a file of that name appeared during the run, or is not what an earlier part of it wrote.
    """
    path = plan.tables[name]
    (export,) = (export for export in plan.exports if export.name == name)
    source = export.source
    done = [row for row in rows if row.status == "done" and source.name in row.tables]
    # An existing table would otherwise keep the numbers of an earlier run.
    if not done and not os.path.lexists(path):
        return False
    stems = {row.input: full_location(plan.job, row.location).stem for row in plan.rows}
    images = [
        ImageRows(
            image=absolute(row.input),
            nickname=stems[row.input],
            rows=row.tables[source.name].rows,
            total=row.count,
        )
        for row in done
    ]
    may_replace = plan.job.existing == "overwrite"
    if not export.format.layout:
        return _write_columns(export, path, images, recorder, token, may_replace=may_replace)
    content = table_bytes(load(export.format.layout)(source.columns, images))
    if recorder is not None:
        recorder.note_table(content)
        may_replace = may_replace or recorder.may_replace(path)
    write_whole(path, content, replace=may_replace, token=token)
    return True


def _write_columns(
    export: NamedExport,
    path: Path,
    images: Sequence[ImageRows],
    recorder: Recorder | None,
    token: str,
    *,
    may_replace: bool,
) -> bool:
    """Write a table in a format that takes columns; return True."""
    names = ("image", *export.source.columns)
    lines = [(image.image, *row) for image in images for row in image.rows]
    columns = {name: _column([line[i] for line in lines]) for i, name in enumerate(names)}
    writer = row_writer(export.format, path, names, token)
    try:
        writer.append(columns)
        publish_table(writer, recorder, may_replace=may_replace)
    finally:
        writer.abort()
    return True


def publish_table(writer: RowWriter, recorder: Recorder | None, *, may_replace: bool) -> None:
    """Complete a table and give it its name, once the ledger knows it to be of this run.

    Parameters
    ----------
    writer
        What writes it, with all rows.
    recorder
        The ledger of the run; None if there is none.
    may_replace
        True to replace any file of that name; False for those alone that this run has written.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If another file has its name.
    """
    temporary = writer.complete()
    if recorder is not None:
        recorder.note_hash(file_hash(temporary))
        may_replace = may_replace or recorder.may_replace(writer.path)
    writer.publish(replace=may_replace)


def _column(cells: Sequence[Cell]) -> NDArray[Any]:
    """Return cells as texts, whole numbers, or floats with NaN for none."""
    if any(isinstance(cell, str) for cell in cells):
        return np.array(["" if cell is None else cell for cell in cells], object)
    if all(isinstance(cell, int) for cell in cells):
        return np.array(cells, np.int64)
    return np.array([np.nan if cell is None else cell for cell in cells], np.float64)
