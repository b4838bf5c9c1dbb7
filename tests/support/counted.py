"""Tables of counts for tests."""

from napari_batch_prediction.classifiers.base import COUNT, COUNT_COLUMNS, COUNTS, TIME
from napari_batch_prediction.classifiers.derived import OBJECTS
from napari_batch_prediction.records.ledger import Table


def counted(*values: float) -> dict[str, Table]:
    """Return the tables of an image with these counts in its frames, the same in the region; none without frames."""
    rows = tuple((t, float(value), float(value)) for t, value in enumerate(values))
    return {COUNTS: Table(COUNT_COLUMNS, rows)} if values else {}


def found(*numbers: int) -> dict[str, Table]:
    """Return the tables of an image with so many objects in its frames."""
    return {OBJECTS: Table((TIME, COUNT), tuple(enumerate(numbers)))}
