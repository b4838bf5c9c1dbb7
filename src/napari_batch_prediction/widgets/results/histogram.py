"""The histogram of a property over all objects of a batch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.widgets.results.drawing import Chart, nice_step

# More bars than these are no better to read in a narrow window.
MOST_BINS = 60

# Of larger values the distance is no number; they count as those that are infinite.
LARGEST = 1e300

# Smaller values are 0: between them there are no round ones.
SMALLEST = 1e-280


@dataclass(frozen=True)
class ObjectValues:
    """A property of all objects of a batch.

    Attributes
    ----------
    name
        The column of the table of objects.
    by_image
        The values of the objects of each image; NaN for those that have none.
    units
        The units of the values in all images; empty if they have none.
    """

    name: str
    by_image: Mapping[str, NDArray[np.float64]]
    units: frozenset[str] = frozenset()

    @cached_property
    def known(self) -> NDArray[np.float64]:
        """The values that are finite, and not too large to be drawn, of all images."""
        return _known(np.concatenate([*self.by_image.values(), np.empty(0)]))

    @cached_property
    def n_unknown(self) -> int:
        """The number of objects without such a value."""
        return sum(map(len, self.by_image.values())) - len(self.known)

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of the bins, at round values."""
        return edges_of(self.known)

    @cached_property
    def are_whole(self) -> bool:
        """True if there are values, and all are whole numbers."""
        return len(self.known) > 0 and _are_whole(self.known)

    @cached_property
    def heights(self) -> NDArray[np.float64]:
        """The number of objects in each bin."""
        return _heights(self.known, self.edges)

    @cached_property
    def summary(self) -> str:
        """The number of objects, and their median."""
        missing = f"; {_objects(self.n_unknown)} without a value" if self.n_unknown else ""
        return f"{_words(self.known)}{missing}"

    @property
    def title(self) -> str:
        """The property with its unit."""
        units = [*self.units]
        unit = "in different units" if len(units) > 1 else f"in {units[0]}" if any(units) else ""
        return f"{self.name} {unit}".strip()

    def chart(self, image: str, short_name: str) -> Chart:
        """Return the histogram.

        Parameters
        ----------
        image, short_name
            The image whose part stands out, and its name for people; empty for none.
        """
        own = _known(self.by_image.get(image, np.empty(0)))
        return Chart(
            title=self.title,
            heights=self.heights,
            front=_heights(own, self.edges) if image else np.full(len(self.heights), np.nan),
            limits=(self.edges[0], self.edges[-1]),
            are_whole=self.are_whole,
            lines=(self.summary, f"{short_name}: {_words(own)}") if image else (self.summary,),
        )

    def text(self, chart: Chart, i: int) -> str:
        """Return the text of a bar: its limits and the number of its objects."""
        low, high = self.edges[i], self.edges[i + 1]
        values = f"{low:,.6g} to {high:,.6g}"
        if self.are_whole:
            first, last = math.ceil(low), math.floor(high)
            values = f"{first:,}" if first == last else f"{first:,} to {last:,}"
        part = f", {chart.front[i]:,.0f} of the selected image" if not math.isnan(chart.front[i]) else ""
        return f"{values}: {_objects(int(chart.heights[i]))}{part}"


def edges_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of bins of equal width at round values.

    Whole numbers are in the middle between edges, and each bin holds equally many of them, so that they leave no gaps.

    Parameters
    ----------
    values
        Finite values up to 1e300, maybe none.
    """
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    # Of whole numbers, half of the distance between them; edges that are closer would be one number.
    shift = 0.5 if _are_whole(values) else 0.0
    least = max(8 * float(np.spacing(max(abs(low), abs(high)))), 2 * shift)
    if low == high:
        # A bar with room on both sides.
        width = least if shift else nice_step(max(abs(low) / 10, least))
        return np.array([low + width * place for place in (-1.5, -0.5, 0.5, 1.5)])
    width = nice_step(max(_width(values, low, high), least))
    first, last = math.floor(low / width), math.floor(high / width) + 1
    edges = width * np.arange(first, last + 1, dtype=np.float64) - shift
    # The last bin holds its end; and products are rounded.
    if not shift and len(edges) > 2 and edges[-2] >= high:
        edges = edges[:-1]
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _width(values: NDArray[np.float64], low: float, high: float) -> float:
    """Return a width of bins that shows where most values are: by Freedman's and Diaconis' rule, or Rice's."""
    n = float(np.cbrt(len(values)))
    first, third = np.quantile(values, (0.25, 0.75))
    width = high / (2 * n) - low / (2 * n)
    if third > first:
        width = min(width, 2 * float(third - first) / n)
    return max(width, high / MOST_BINS - low / MOST_BINS)


def _heights(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(values, edges)[0].astype(np.float64)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = values[np.abs(values) <= LARGEST]
    return np.where(np.abs(known) < SMALLEST, 0.0, known)


def _are_whole(values: NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def _words(values: NDArray[np.float64]) -> str:
    median = f", median {np.median(values):,.6g}" if len(values) else ""
    return f"{_objects(len(values))}{median}"


def _objects(n: int) -> str:
    return f"{n:,} object{'' if n == 1 else 's'}"
