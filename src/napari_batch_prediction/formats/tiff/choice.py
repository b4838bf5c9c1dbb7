"""The images in a TIFF file to choose from: series, and positions or angles along axes besides ``t c z y x``."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import PurePosixPath
from typing import NamedTuple

from napari_batch_prediction.formats.tiff.series import Series

# tifffile's letters; S are samples of a pixel, I are pages of unknown meaning.
KEYS = {"T": "t", "I": "t", "C": "c", "S": "c", "Z": "z", "Y": "y", "X": "x"}

# tifffile's names of other letters.
_OTHERS = {
    "R": "position",
    "A": "angle",
    "P": "phase or position",
    "H": "lifetime",
    "E": "wavelength",
    "L": "exposure",
    "V": "event",
    "M": "mosaic",
    "J": "column",
    "K": "row",
    "Q": "other",
    "I": "pages",
    "C": "channels of colours",
}


# More images than these are no list to choose from.
_MOST = 100_000


class Choice(NamedTuple):
    """An image to choose: a series, an index along each of its axes that have no axis key, and a name."""

    name: str
    series: Series
    indices: dict[int, int]

    @property
    def letters(self) -> str:
        """The other axes, in tifffile's letters."""
        return "".join(letter for i, letter in enumerate(self.series.letters) if i not in self.indices)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the image."""
        return tuple(n for i, n in enumerate(self.series.shape) if i not in self.indices)

    def at_level(self, level: int) -> "Choice":
        """Return the same image at a lower resolution."""
        pages = self.series.pages.levels[level]
        return self._replace(series=replace(self.series, pages=pages, letters=pages.axes.upper(), shape=pages.shape))

    def describe(self) -> str:
        """Return axes, shape and type as text."""
        named = {letter: _OTHERS.get(letter, "unknown") for letter in _unknown(self.series)}
        along = ", ".join(f"along axis {letter} ({name})" for letter, name in named.items())
        facts = f"{self.letters} {self.shape} {self.series.pages.dtype}"
        return f"({facts}{f', {along}' if along else ''})"


def choices(series: Sequence[Series]) -> list[Choice]:
    """Return all images in a file, in its order, each with a name of its own."""
    names = _series_names(series)
    return [
        choice
        for name, each in zip(names, series, strict=True)
        for choice in _along_axes(name, each, is_only=len(series) == 1)
    ]


def unknown_axes(letters: str, shape: Sequence[int]) -> list[int]:
    """Return the axes with more than one value that have no axis key.

    Pages of unknown meaning are time points unless there are others, samples are channels unless there are others: then
    each channel is an image with colours. If no axis but those of a page has a known letter, or these have none, all
    are guessed from the shape, and none is unknown.
    """
    if not {"Y", "X"} <= set(letters):
        return []
    long = {i: letter for i, (letter, n) in enumerate(zip(letters, shape, strict=True)) if n > 1}
    lead = [letter for letter in long.values() if letter not in "YXS"]
    if lead and set(lead) == {"Q"}:
        return []
    taken = Counter(KEYS.get(letter) for letter in long.values())
    unknown = [i for i, letter in long.items() if letter not in KEYS]
    if taken["t"] > 1:
        unknown += [i for i, letter in long.items() if letter == "I"]
    if taken["c"] > 1:
        unknown += [i for i, letter in long.items() if letter == "C"]
    return sorted(unknown)


def _unknown(series: Series) -> str:
    return "".join(series.letters[i] for i in unknown_axes(series.letters, series.shape))


def _series_names(series: Sequence[Series]) -> list[str]:
    """Return a name for each series: its own if it can be part of a path and no other has it, else its index."""
    own = Counter(each.name for each in series)
    return [each.name if own[each.name] == 1 and _is_path(each.name) else str(i) for i, each in enumerate(series)]


def _is_path(name: str) -> bool:
    return (
        name not in ("", ".", "..")
        and not name.isdecimal()
        and "\\" not in name
        and not name.startswith("/")
        and str(PurePosixPath(name)) == name
        and ".." not in name.split("/")
        and name.isprintable()
    )


def _along_axes(name: str, series: Series, *, is_only: bool) -> Iterator[Choice]:
    axes = unknown_axes(series.letters, series.shape)
    if prod(series.shape[axis] for axis in axes) > _MOST:
        raise ValueError(f"its axes '{series.letters}' of shape {series.shape} make too many images")
    for indices in product(*(range(series.shape[axis]) for axis in axes)):
        inner = "/".join(_index_name(series, axis, i) for axis, i in zip(axes, indices, strict=True))
        full = inner if inner and is_only else f"{name}/{inner}" if inner else name
        yield Choice(full, series, dict(zip(axes, indices, strict=True)))


def _index_name(series: Series, axis: int, i: int) -> str:
    """Return the name of an index along an axis: that of a position if it has one of its own, else letter and index."""
    names = series.names if series.letters[axis] == "R" and len(series.names) == series.shape[axis] else ()
    if names and _is_path(names[i]) and names.count(names[i]) == 1:
        return names[i]
    return f"{series.letters[axis]}{i}"
