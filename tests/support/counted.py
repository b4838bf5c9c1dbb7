"""Tables of counts for tests."""

from napari_batch_prediction.classifiers.base import COUNT_COLUMNS, COUNTS
from napari_batch_prediction.records.ledger import Table


def counted(*values: float) -> dict[str, Table]:
    """Return the tables of an image with these counts in its frames, the same in the region; none without frames."""
    return {COUNTS: Table(COUNT_COLUMNS, tuple((t, value, value) for t, value in enumerate(values)))} if values else {}
