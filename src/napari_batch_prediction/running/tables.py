"""The tables of a batch: one line for each image and time point that is counted."""

import csv
import os
from collections.abc import Iterator, Sequence

from napari_batch_prediction.formats.common.files import (
    make_folder,
    publish,
    remove,
    remove_leftovers,
    sync,
    temporary_path,
    writing,
)
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.planning.opening import full_location
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.records.ledger import LedgerRow

HEADER = ("image", "time", "count", "count in region")

Line = tuple[str, ...]


def write_table(plan: Plan, name: str, rows: Sequence[LedgerRow]) -> bool:
    """Write one table of a batch from its ledger; return whether there is one now.

    There are two layouts. ``csv`` has a header and a line for each image and time point: the image, the index of
    the time point, the count over the whole image and the one over the region of the export, which is empty if
    the time point is not in it, and equal to the first if no region is asked for. ``ilastik csv`` is ilastik's:
    no header, one line for each image, its nickname and the count over the whole image; of a time series, which
    ilastik does not count, the sum of its time points.

    Parameters
    ----------
    plan
        The checked job.
    name
        The export.
    rows
        What happened to each input. Only what is done is in the table; if that is nothing, no file is made.

    Raises
    ------
    ExportError
        If it cannot be written.
    OutputExistsError
        If a file of that name appeared during the run.
    """
    path = plan.tables[name]
    done = [row for row in rows if row.status == "done" and row.counts]
    # One that stands there would say what this run did not find.
    if not done and not os.path.lexists(path):
        return False
    (table,) = (named for named in plan.exports if named.name == name)
    lines = _nicknames(plan, done) if table.format.table == "nicknames" else _times(done)
    if plan.resumed:
        remove_leftovers(path)
    make_folder(path.parent)
    temporary = temporary_path(path)
    try:
        with writing(path):
            # A name that is not text in UTF-8 is written with the bytes it has.
            with temporary.open("x", newline="", encoding="utf-8", errors="surrogateescape") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)
            sync(temporary)
        publish(temporary, path, replace=plan.resumed or plan.job.existing == "overwrite")
    finally:
        remove(temporary)
    return True


def _times(rows: Sequence[LedgerRow]) -> Iterator[Line]:
    yield HEADER
    for row in rows:
        image = absolute(row.input)
        for time, whole, region in row.counts:
            yield image, str(time), str(whole), "" if region is None else str(region)


def _nicknames(plan: Plan, rows: Sequence[LedgerRow]) -> Iterator[Line]:
    stems = {row.input: full_location(plan.job, row.location).stem for row in plan.rows}
    for row in rows:
        yield stems[row.input], str(row.count)
