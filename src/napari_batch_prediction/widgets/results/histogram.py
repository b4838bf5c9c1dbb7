"""How many objects of a batch have which value of a property."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.widgets.results.drawing import Chart, nice_step

# More bars than these are no better to read in a narrow window.
MOST_BINS = 40


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
        """The values that are finite, of all images."""
        return _known(np.concatenate([*self.by_image.values(), np.empty(0)]))

    @cached_property
    def n_unknown(self) -> int:
        """The number of objects without a finite value."""
        return sum(map(len, self.by_image.values())) - len(self.known)

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of the bins, at round values."""
        return edges_of(self.known)

    @cached_property
    def are_whole(self) -> bool:
        """True if all values are whole numbers."""
        return _are_whole(self.known)

    @cached_property
    def heights(self) -> NDArray[np.float64]:
        """The number of objects in each bin."""
        return _heights(self.known, self.edges)

    @cached_property
    def summary(self) -> str:
        """How many objects there are, and their median."""
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
            lines=(self.summary, f"{short_name}: {_words(own)}") if image else (self.summary,),
        )

    def text(self, chart: Chart, i: int) -> str:
        """Return the text of a bar: its limits and the number of its objects."""
        low, high = self.edges[i], self.edges[i + 1]
        if self.are_whole and high - low >= 1:
            # A bin holds its first value and not its last.
            values = f"{low:,.0f}" if high - low == 1 else f"{low:,.0f} to {high - 1:,.0f}"
        else:
            values = f"{low:,.6g} to {high:,.6g}"
        part = f", {chart.front[i]:,.0f} of the selected image" if not math.isnan(chart.front[i]) else ""
        return f"{values}: {_objects(int(chart.heights[i]))}{part}"


def edges_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of bins of equal width at round values, such that whole numbers leave no gaps.

    Parameters
    ----------
    values
        Finite values, maybe none.
    """
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    # Rice's rule.
    n_bins = min(MOST_BINS, math.ceil(2 * len(values) ** (1 / 3)))
    # Below this width, neighbouring edges would be one number.
    least = 8 * np.spacing(max(abs(low), abs(high)))
    is_whole = _are_whole(values)
    if low == high and not is_whole:
        width = max(nice_step(abs(low) / 10), least) if low else 1.0
        return np.array([low - width / 2, low + width / 2])
    width = nice_step(max((high / n_bins - low / n_bins), least, 1.0 if is_whole else 0.0))
    first = math.floor(low / width)
    # The highest value is in the last bin, which ends behind it, or of numbers that are not whole, at it.
    last = math.floor(high / width) + 1 if is_whole else max(math.ceil(high / width), first + 1)
    edges = width * np.arange(first, last + 1, dtype=np.float64)
    # A product is rounded.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _heights(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(values, edges)[0].astype(np.float64)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _are_whole(values: NDArray[np.float64]) -> bool:
    return bool((values == np.floor(values)).all())


def _words(values: NDArray[np.float64]) -> str:
    median = f", median {np.median(values):,.6g}" if len(values) else ""
    return f"{_objects(len(values))}{median}"


def _objects(n: int) -> str:
    return f"{n:,} object{'' if n == 1 else 's'}"
