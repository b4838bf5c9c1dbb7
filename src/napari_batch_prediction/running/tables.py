"""Writing the tables of a batch, each with the numbers of every image in one file."""

import os
from collections.abc import Sequence

from napari_batch_prediction.formats.common.files import write_whole
from napari_batch_prediction.formats.format import load
from napari_batch_prediction.formats.table.writer import ImageRows, table_bytes
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.inputs.opening import full_location
from napari_batch_prediction.planning.plan import Plan
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
    content = table_bytes(load(export.format.layout)(source.columns, images))
    may_replace = plan.job.existing == "overwrite"
    if recorder is not None:
        recorder.note_table(content)
        may_replace = may_replace or recorder.may_replace(path)
    write_whole(path, content, replace=may_replace, token=token)
    return True
