"""Splitting touching objects where they are narrow."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.engine.tiles import Box
from napari_batch_prediction.errors import MissingLibraryError
from napari_batch_prediction.objects.boxes import MOST_PIXELS, boxes, in_order
from napari_batch_prediction.objects.components import Pieces
from napari_batch_prediction.objects.volume import Volume
from napari_batch_prediction.simd.kernel import Kernel

_find_last = Kernel("napari_batch_prediction.objects.loops.components", "find_last")
_find_basins = Kernel("napari_batch_prediction.objects.loops.basins", "find_basins")


class _Window(NamedTuple):
    """Slices, or rows in 2D, that hold certain objects whole, with one around them: those from first to last."""

    box: Box
    first: int
    last: int


def split_objects(pieces: Pieces, parts: Volume, depth: float, pixel_size: Sequence[float], workers: int) -> Pieces:
    """Split objects by a watershed on the distance to their border; return the parts.

    Each maximum of the distance makes a part, if on every way to a higher one the distance falls by more than
    ``depth``. Objects are split one by one, so that a part of the volume that holds an object whole is enough.
    scikit-image's watershed is not taken: there, pixels of one height depend on what else is in the volume.

    Parameters
    ----------
    pieces
        Objects of which none touch over faces.
    parts
        Takes the numbers of the parts.
    depth
        The fall, in the smallest pixel size.
    pixel_size
        Size of a pixel along z, y and x.
    workers
        Number of threads.

    Raises
    ------
    MissingLibraryError
        If scipy is not installed.
    """
    _check_library()
    pieces.number()
    # The thickness of a single slice is no distance.
    smallest = min(pixel_size if pieces.shape[0] > 1 else pixel_size[1:])
    sampling = [size / smallest for size in pixel_size]

    def split(window: _Window) -> tuple[NDArray[np.uint32], int]:
        numbers = pieces.numbered(window.box)
        inside = (numbers >= window.first) & (numbers <= window.last)
        return divide(inside, depth, sampling)

    result = Pieces(parts)
    for window, (local, n) in in_order(split, _windows(pieces, workers), workers):
        numbers = result.add(window.box, local, n)
        parts.write(window.box, np.where(local > 0, numbers, parts.read(window.box)[0])[None])
    result.unite()
    return result


def divide(inside: NDArray[np.bool_], depth: float, sampling: Sequence[float]) -> tuple[NDArray[np.uint32], int]:
    """Return labels (z, y, x) of the parts of what is inside, from 1 by first pixel, and their number."""
    # Only splitting needs it.
    from scipy.ndimage import distance_transform_edt

    if inside.all() or not inside.any():
        # Without background there is no distance.
        return inside.astype(np.uint32), int(inside.any())
    flat = inside.shape[0] == 1
    # Beyond the border of the image objects go on.
    distance = distance_transform_edt(inside[0] if flat else inside, sampling=sampling[1:] if flat else sampling)
    heights = distance.reshape(inside.shape)
    pixels = np.flatnonzero(inside)
    pixels = pixels[np.argsort(-heights.ravel()[pixels], kind="stable")]
    basins = np.zeros(inside.shape, np.uint32)
    n = len(pixels) + 1
    n_basins = _find_basins(heights, pixels, depth, basins, np.empty(n, np.uint32), np.empty(n), np.empty(n, np.int64))
    return basins, int(n_basins)


def _windows(pieces: Pieces, workers: int) -> Iterator[_Window]:
    """Yield windows in which all objects are whole once."""
    shape = pieces.shape
    axis = 0 if shape[0] > 1 else 1
    plane = prod(shape[axis + 1 :])
    starts = pieces.first_pixels() // plane
    lasts = np.zeros(len(starts) + 1, np.int64)
    for box, numbers in in_order(pieces.numbered, boxes(shape), workers):
        _find_last(numbers, axis, box[axis].start, lasts)
    step = max(1, MOST_PIXELS // plane)
    for start in range(0, shape[axis], step):
        first, end = np.searchsorted(starts, [start, start + step])
        if first == end:
            continue
        sides = slice(max(0, start - 1), int(min(shape[axis], lasts[first + 1 : end + 1].max() + 2)))
        z, y, x = (slice(0, extent) for extent in shape)
        yield _Window((sides, y, x) if axis == 0 else (z, sides, x), int(first) + 1, int(end))


def _check_library() -> None:
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise MissingLibraryError(
            "Splitting objects needs scipy, which is not installed. Install it (pip install "
            "'napari-batch-prediction[objects]'), or set split to 0.",
            setting="split",
        ) from error
