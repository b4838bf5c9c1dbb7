"""Tables of counts and of areas for tests."""

from collections.abc import Sequence

from napari_batch_prediction.classifiers.base import COUNT, COUNT_COLUMNS, COUNTS, TIME
from napari_batch_prediction.classifiers.derived import AREA_COLUMNS, AREAS, OBJECTS
from napari_batch_prediction.records.ledger import Table


def counted(*values: float) -> dict[str, Table]:
    """Return the tables of an image with these counts in its frames, the same in the region; none without frames."""
    rows = tuple((t, float(value), float(value)) for t, value in enumerate(values))
    return {COUNTS: Table(COUNT_COLUMNS, rows)} if values else {}


def found(*numbers: int) -> dict[str, Table]:
    """Return the tables of an image with so many objects in its frames."""
    return {OBJECTS: Table((TIME, COUNT), tuple(enumerate(numbers)))}


def areas(classes: Sequence[str], *shares: Sequence[float | None]) -> dict[str, Table]:
    """Return the tables of an image of 1000 square micrometers with these shares of the classes in its frames."""
    rows = [
        (time, name, None if share is None else round(100 * share), share, 1000 * (share or 0), None, "micrometer^2")
        for time, of_frame in enumerate(shares)
        for name, share in zip(classes, of_frame, strict=True)
    ]
    return {AREAS: Table(AREA_COLUMNS, tuple((*row, None, None) for row in rows))}
