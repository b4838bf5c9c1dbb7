"""The choice of what a preview predicts: which sources, and which part of an image."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

from napari_batch_prediction.classifiers.base import COUNTS, Classifier
from napari_batch_prediction.classifiers.derived import OBJECTS
from napari_batch_prediction.classifiers.objects.sources import IDENTITIES
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.wording import size

# Images of up to so many pixels are predicted whole, wherever one looks.
WHOLE = 2**21

# The values of a preview take at most so many bytes, and at most this part of the memory that is free.
MOST_BYTES = 2**28
SHARE_OF_FREE = 0.25

Region = Mapping[str, tuple[int, int]]

# Of a pixel of objects, besides what is shown: the probability that they are made of, and what comes between.
_BYTES_BETWEEN = 12


class Choice(NamedTuple):
    """The sources and the part of an image that a preview predicts.

    Attributes
    ----------
    sources
        The names of the sources, in the classifier's order.
    region
        Start and stop along each of ``t z y x``.
    is_cut
        True if the region is only the middle of what is in sight, for want of memory.
    problem
        The reason why objects are left out, in words; empty if none are.
    """

    sources: tuple[str, ...]
    region: dict[str, tuple[int, int]]
    is_cut: bool = False
    problem: str = ""


def choose(classifier: Classifier, exports: Sequence[Export], extents: Mapping[str, int], sight: Region) -> Choice:
    """Choose the part in sight for a preview; with objects, whole time points, if they fit in memory.

    Parameters
    ----------
    classifier, exports
        The classifier, and the exports that are to be previewed.
    extents
        The extent of the image along each of ``t c z y x``.
    sight
        Start and stop of what is in sight of it, along each of ``t z y x``.

    Raises
    ------
    SettingsError
        If the image is too large for its objects, and they are made of nothing that has a part of its own.
    """
    names = _sources(classifier, exports)
    of_objects = [name for name in names if classifier.source(name).whole]
    of_pixels = tuple(name for name in names if name not in of_objects)
    problem = ""
    if of_objects:
        whole = {key: (0, extents[key]) for key in "tzyx"}
        each = classifier.bytes_of(names) + _BYTES_BETWEEN
        regions = (whole, whole | {"t": _inside(sight.get("t", whole["t"]), whole["t"])})
        needed = [each * prod(stop - start for start, stop in region.values()) for region in regions]
        for region, n_bytes in zip(regions, needed, strict=True):
            if n_bytes <= _most_bytes():
                return Choice(names, region)
        problem = (
            f"{of_objects[0]} are made of whole images, and this one takes {size(needed[-1])} of memory. A preview has "
            f"{size(_most_bytes())}: run it to see them."
        )
        if not of_pixels:
            raise SettingsError(problem)
    return Choice(of_pixels, *choose_region(extents, sight, classifier.bytes_of(of_pixels)), problem)


def _sources(classifier: Classifier, exports: Sequence[Export]) -> tuple[str, ...]:
    """Return the image sources of exports, each once, in the classifier's order; with those that others are made of."""
    names: set[str] = set()
    for source in (classifier.source(export.source) for export in exports):
        names |= {source.made_from} if source.made_from else set()
        if source.kind != "table":
            names.add(source.name)
        elif source.whole and source.name != COUNTS:
            names |= {name for name in (OBJECTS, IDENTITIES) if name in classifier.sources}
    return tuple(sorted(names, key=classifier.sources.index))


def choose_region(
    extents: Mapping[str, int], sight: Region, bytes_of_pixel: int
) -> tuple[dict[str, tuple[int, int]], bool]:
    """Return the region of a preview, and True if it is only the middle of what is in sight.

    Parameters
    ----------
    extents
        The extent of the image along each of ``t c z y x``.
    sight
        See :class:`PreviewRequest`.
    bytes_of_pixel
        The bytes of a pixel in all sources.
    """
    whole = {key: (0, extents[key]) for key in "tzyx"}
    most = _most_bytes() // max(bytes_of_pixel, 1)
    if prod(extents[key] for key in "tzyx") <= min(WHOLE, most):
        return whole, False
    region = {key: _inside(sight.get(key, ends), ends) for key, ends in whole.items()}
    return _middle(region, max(most, 1))


def _inside(side: tuple[int, int], ends: tuple[int, int]) -> tuple[int, int]:
    """Return the part of a side between two ends; if there is none, all that is between them."""
    start, stop = max(side[0], ends[0]), min(side[1], ends[1])
    return (start, stop) if start < stop else ends


def _middle(region: Region, most: int) -> tuple[dict[str, tuple[int, int]], bool]:
    """Return the middle of a region with at most so many pixels, and True if that is not all of it."""
    sizes = {key: stop - start for key, (start, stop) in region.items()}
    while (n_pixels := prod(sizes.values())) > most:
        long = [key for key, size in sizes.items() if size > 1]
        factor = (most / n_pixels) ** (1 / len(long))
        # Each is one pixel shorter at least, so that this has an end.
        sizes |= {key: max(1, min(sizes[key] - 1, int(sizes[key] * factor))) for key in long}
    starts = {key: start + (stop - start - sizes[key]) // 2 for key, (start, stop) in region.items()}
    middle = {key: (start, start + sizes[key]) for key, start in starts.items()}
    return middle, middle != dict(region)


def _most_bytes() -> int:
    """Return the bytes that the values of a preview may take."""
    import psutil

    return min(MOST_BYTES, int(psutil.virtual_memory().available * SHARE_OF_FREE))
