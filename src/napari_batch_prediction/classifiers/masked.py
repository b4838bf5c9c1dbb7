"""Predicting a tile inside a mask: only the box around what is inside is read and predicted."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box, Tile

if TYPE_CHECKING:
    from napari_batch_prediction.classifiers.base import Classifier, Source

Read = Callable[[int, slice, slice, slice], NDArray]
"""Returns a region ``(c, z, y, x)`` of one time point of an image."""


def predict_block(
    classifier: "Classifier", read: Read, tile: Tile, extents: Mapping[str, int], sources: Sequence[str]
) -> Mapping[str, NDArray]:
    """Read and predict a tile; return its values in each source.

    Parameters
    ----------
    classifier
        The classifier.
    read
        Reads the image.
    tile
        The tile.
    extents
        The extent of the image along each of ``t c z y x``.
    sources
        Names of image sources.
    """
    outer, inner = tile.with_context(extents, classifier.context)
    return classifier.predict_tile(read(tile.t, *outer), inner, sources)


def predict_inside(
    classifier: "Classifier",
    read: Read,
    tile: Tile,
    extents: Mapping[str, int],
    sources: Sequence[str],
    inside: NDArray[np.bool_],
    *,
    ilastik: bool = False,
) -> Mapping[str, NDArray]:
    """Read and predict a tile where it is inside a mask; return its values in each source.

    Inside they are those of the tile without a mask, bit for bit. Nothing is read or predicted if nothing is inside.

    Parameters
    ----------
    classifier, read, tile, extents, sources
        See :func:`predict_block`.
    inside
        What of the tile is inside, ``(z, y, x)``.
    ilastik
        True for the values that ilastik writes outside; False for 0.
    """
    own = {name: classifier.source(name) for name in sources}
    takes_no_notice = {name for name, source in own.items() if ilastik and source.outside is None}
    box = _around(np.ones_like(inside) if takes_no_notice else inside)
    if box is None:
        return {name: _filled(source, inside.shape, ilastik=ilastik) for name, source in own.items()}
    part = Tile(tile.t, *(slice(s.start + b.start, s.start + b.stop) for s, b in zip(tile[1:], box, strict=True)))
    values = predict_block(classifier, read, part, extents, sources)
    mask = inside[box]
    results = {}
    for name, source in own.items():
        kept = values[name]
        if name not in takes_no_notice:
            kept = np.where(mask, kept, _outside(source, ilastik=ilastik))
        if part == tile:
            results[name] = kept
        else:
            results[name] = _filled(source, inside.shape, ilastik=ilastik)
            results[name][(slice(None), *box)] = kept
    return results


def _outside(source: "Source", *, ilastik: bool) -> np.generic:
    value: np.generic = source.dtype.type((source.outside or 0) if ilastik else 0)
    return value


def _filled(source: "Source", shape: tuple[int, ...], *, ilastik: bool) -> NDArray:
    """Return the values of pixels that are all outside."""
    value = _outside(source, ilastik=ilastik)
    # Zeros take no memory before they are written to.
    return np.full((source.channels, *shape), value) if value else np.zeros((source.channels, *shape), source.dtype)


def _around(inside: NDArray[np.bool_]) -> Box | None:
    """Return the smallest box with all that is inside; None if nothing is."""
    sides = []
    for axis in range(3):
        (there,) = np.nonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        if not there.size:
            return None
        sides.append(slice(int(there[0]), int(there[-1]) + 1))
    z, y, x = sides
    return z, y, x
