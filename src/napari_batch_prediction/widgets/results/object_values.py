"""Reading a property of all objects of a run, from the tables that it has written."""

from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.formats.common.rows import Columns
from napari_batch_prediction.locations.location import absolute
from napari_batch_prediction.objects.measuring import properties, unit_of
from napari_batch_prediction.objects.table import ObjectTable
from napari_batch_prediction.records.ledger import Ledger
from napari_batch_prediction.session.work import ShouldCancel
from napari_batch_prediction.widgets.objects.written import IMAGE, UNIT, WrittenTable
from napari_batch_prediction.widgets.results.histogram import ObjectValues
from napari_batch_prediction.widgets.results.shown_run import ShownRun


def tables_of(run: ShownRun, ledger: Ledger) -> tuple[WrittenTable, ...]:
    """Return the tables of objects of a run that has ended, of one of its exports; none if it has written none."""
    locations = [absolute(row.input) for row in ledger.rows]
    for export in run.exports:
        if not export.of_objects or export.is_image:
            continue
        # It has the objects of all images, also of those in memory.
        if export.name in ledger.tables:
            return (WrittenTable(path=ledger.tables[export.name], format=export.format),)
        in_memory: list[tuple[str, Any]] = [
            (location, run.predicted.get(i, {}).get(export.name)) for i, location in enumerate(locations)
        ]
        found = [WrittenTable(location, columns=each) for location, each in in_memory if isinstance(each, ObjectTable)]
        for location, row in zip(locations, ledger.rows, strict=True):
            if export.name in row.outputs:
                found.append(WrittenTable(location, row.outputs[export.name], export.format))
        if found:
            return tuple(found)
    return ()


def read_properties(tables: Sequence[WrittenTable]) -> tuple[str, ...]:
    """Return the properties of objects in tables, which all have the same columns.

    Raises
    ------
    ExportError
        If they cannot be read.
    """
    return properties(tables[0].names()) if tables else ()


def read_values(
    tables: Sequence[WrittenTable], name: str, should_cancel: ShouldCancel
) -> Generator[None, None, ObjectValues | None]:
    """Read a property of all objects; None if it was cancelled.

    Raises
    ------
    ExportError
        If it cannot be read.
    """
    yield from ()
    runs: dict[str, list[NDArray[np.float64]]] = {}
    units: set[str] = set()
    for table in tables:
        for part in table.parts(name):
            if should_cancel():
                return None
            values = np.asarray(part[name], np.float64)
            units.update(unit_of(name, unit) for unit in set(part[UNIT] if UNIT in part else [""][: len(values)]))
            for image, own in _by_image(part, values) if IMAGE in part else [(table.image, values)]:
                runs.setdefault(image, []).append(own)
    found = ObjectValues(name, {image: np.concatenate(each) for image, each in runs.items()}, frozenset(units))
    # Here, not while the window waits.
    _ = found.edges, found.heights, found.summary, found.are_whole
    return found


def _by_image(part: Columns, values: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    images = part[IMAGE]
    starts = [0, *(np.flatnonzero(images[1:] != images[:-1]) + 1).tolist(), len(images)]
    for start, stop in pairwise(starts):
        if stop > start:
            yield images[start], values[start:stop]
