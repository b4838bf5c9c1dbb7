"""The numbers that every image of a run has: how many objects were counted, and the share of each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from napari_batch_prediction.classifiers.base import COUNT_IN_REGION
from napari_batch_prediction.classifiers.derived import AREAS
from napari_batch_prediction.records.ledger import LedgerRow
from napari_batch_prediction.widgets.canvas.predicted_layers import count_text

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that every image has at each of its time points.

    Attributes
    ----------
    name
        The heading of its column: ``Count``, or the name of a class.
    number
        The number of the class whose share it is, from 0; None for the count.
    """

    name: str
    number: int | None = None

    @property
    def label(self) -> str:
        """The name among all that can be plotted."""
        return self.name if self.number is None else f"Share of {self.name}"

    @property
    def done(self) -> str:
        """A word for images that have a value."""
        return "counted" if self.number is None else "measured"

    def text(self, values: Values) -> str:
        """Return the values as a text, of a time series their range; empty without any."""
        found = [value for value in values if value is not None]
        if self.number is None or not found:
            return count_text(found)
        low, high = f"{min(found):.1f}", f"{max(found):.1f}"
        return f"{low} %" if low == high else f"{low}\u2013{high} %"

    def number_text(self, value: float | None, *, is_whole: bool) -> str:
        """Return one value as a text; ``is_whole`` if all that it is among are whole numbers."""
        if value is None:
            return f"not {self.done}"
        return f"{value:.{0 if is_whole else 1}f}" + ("" if self.number is None else " %")

    def title(self, place: str, *, is_mean: bool = False) -> str:
        """Return the heading of bars that show it in each image, or frame, of a place; maybe the mean over frames."""
        label = f"Mean {self.label[0].lower()}{self.label[1:]}" if is_mean else self.label
        return f"{label} in each {place}" + ("" if self.number is None else ", in %")


COUNT = Quantity("Count")


def shares(classes: Sequence[str]) -> tuple[Quantity, ...]:
    """Return the share of each class."""
    return tuple(Quantity(name, number) for number, name in enumerate(classes))


def values_of(row: LedgerRow) -> dict[Quantity, Values]:
    """Return the values of an image at each of its time points: counts, and shares in percent, which may be None."""
    counts = {COUNT: row.counts} if row.counts else {}
    classes = enumerate(_classes(row))
    return counts | {Quantity(each.name, i): [_percent(share) for share, _ in each.parts] for i, each in classes}


def mean(values: Values) -> float | None:
    """Return the mean over the time points that have a value; None if none has."""
    found = [value for value in values if value is not None]
    # One count stays the whole number that it may be.
    return found[0] if len(found) == 1 else sum(found) / len(found) if found else None


def details(row: LedgerRow) -> list[str]:
    """Return the counts of an image, and the share and size of each class, as texts; of a time series their means."""
    counts = []
    if len(row.counts) == 1:
        (whole,), in_region = row.counts, next(iter(row.column(COUNT_IN_REGION)), None)
        counts.append(f"{count_text(row.counts)} in the whole image")
        if in_region is not None and in_region != whole:
            counts.append(f"{in_region:.1f} in the region")
    elif row.counts:
        average = sum(row.counts) / len(row.counts)
        counts.append(f"{average:.1f} on average in {len(row.counts)} frames, {count_text(row.counts)}")
    return [", ".join(counts), "\n".join(filter(None, map(_class_text, _classes(row))))]


@dataclass(frozen=True, slots=True)
class _Class:
    """A class of an image: its share and its area or volume at each time point, and the unit of these."""

    name: str
    parts: list[tuple[float | None, float | None]]
    unit: str


def _classes(row: LedgerRow) -> list[_Class]:
    """Return the classes whose areas are in a row of the ledger."""
    table = row.tables.get(AREAS)
    if table is None:
        return []
    missing = (None,) * len(table.rows)
    columns = [table.column(name) or missing for name in ("time", "class", "share", "area", "volume", "unit")]
    # Each time point has the classes in one order. Several may have one name.
    frames = [list(lines) for _, lines in groupby(zip(*columns, strict=True), key=itemgetter(0))]
    found = []
    for lines in zip(*frames, strict=False):  # a ledger may come from anywhere
        parts = [(_number(share), _number(volume if area is None else area)) for _, _, share, area, volume, _ in lines]
        found.append(_Class(str(lines[0][1]), parts, str(lines[0][5] or "")))
    return found


def _class_text(each: _Class) -> str:
    share, size = mean([_percent(share) for share, _ in each.parts]), mean([size for _, size in each.parts])
    # There is no share of no pixels.
    if share is None:
        return ""
    return f"{each.name}: {share:.1f} %" + ("" if size is None else f", {size:,.6g} {each.unit}")


def _number(cell: object) -> float | None:
    return cell if isinstance(cell, int | float) else None


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
