"""The first stage: a tile smoothed for every scale, with memory for that."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.features.kernels import SMOOTHING_WINDOW, half_kernel, presmoothing_sigma
from napari_batch_prediction.features.layout import MARGIN, WIDTH
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.simd.kernel import Kernel

_presmooth = Kernel("napari_batch_prediction.features.loops.presmoothing", "presmooth")

_SLACK = 128  # Vectors run over the end of a row by less than this.


class SmoothedTile(NamedTuple):
    """The presmoothed images of a tile, with margins.

    Attributes
    ----------
    values
        float32, flat.
    start
        int64 (scales, channels): index of the first pixel of the tile.
    plane, stride
        Elements from slice to slice and from row to row.
    origin
        Position (z, y, x) of the tile in the array it was cut from, with its context.
    extents
        Extents (z, y, x) of that array.
    """

    values: NDArray[np.float32]
    start: NDArray[np.int64]
    plane: int
    stride: int
    origin: tuple[int, int, int]
    extents: tuple[int, int, int]


class Smoothing(NamedTuple):
    """The first smoothing of one scale: its kernel, and whether slices are smoothed by themselves."""

    kernel: NDArray[np.float32]
    in_2d: bool


class Bounds(NamedTuple):
    """First and end positions of a tile in a block."""

    z0: int
    z1: int
    y0: int
    y1: int
    x0: int
    x1: int


class Scratch(NamedTuple):
    """Work space for smoothing a tile.

    Attributes
    ----------
    line
        float32: one row with its surroundings.
    rows, pitch
        float32: all rows of a slice smoothed along x, and the elements from row to row.
    planes
        float32: all slices smoothed along x and y; none if slices are smoothed by themselves.
    offsets
        int64: where the values are that are multiplied by each tap.
    """

    line: NDArray[np.float32]
    rows: NDArray[np.float32]
    pitch: int
    planes: NDArray[np.float32]
    offsets: NDArray[np.int64]


def smoothings(features: FeatureSelection) -> list[Smoothing]:
    """Return the first smoothing of every scale in use."""
    return [
        Smoothing(half_kernel(presmoothing_sigma(features.scales[j]), 0, SMOOTHING_WINDOW), features.in_2d[j])
        for j in features.used_scales
    ]


def smooth_tile(
    parts: Sequence[tuple[NDArray[np.float32], tuple[slice, slice, slice]]], scales: Sequence[Smoothing]
) -> SmoothedTile:
    """Smooth a tile once for every scale in use and every channel.

    Parameters
    ----------
    parts
        float32 (c, z, y, x), the tile and its context, and slices along z, y and x, the tile in that; one pair for
        each array that channels come from. The last has the least context: enough, or up to the image's end.
    scales
        The smoothings.
    """
    block, tile = parts[-1]
    (z0, z1), (y0, y1), (x0, x1) = ((s.start, s.stop) for s in tile)
    stride = -(-(x1 - x0 + 2 * MARGIN) // 64) * 64 + 16
    plane = (y1 - y0 + 2 * MARGIN) * stride
    channels = [
        (channel, Bounds(*(end for s in slices for end in (s.start, s.stop))))
        for values, slices in parts
        for channel in values
    ]
    # Slices smoothed in 2D have no margin along z; beside scales in 3D they are laid out with one all the same.
    size = (z1 - z0 + (0 if all(scale.in_2d for scale in scales) else 2 * MARGIN)) * plane
    values = np.empty(len(scales) * len(channels) * size + 2 * WIDTH + 128, np.float32)
    start = np.empty((len(scales), len(channels)), np.int64)
    scratch = _scratch([channel.shape for channel, _ in channels], channels[0][1], scales, plane)
    offset = 0
    for i, scale in enumerate(scales):
        for c, (channel, bounds) in enumerate(channels):
            _presmooth(channel, scale.kernel, scale.in_2d, bounds, scratch, values[offset:], stride)
            start[i, c] = offset + (0 if scale.in_2d else MARGIN) * plane + MARGIN * stride + MARGIN
            offset += size
    return SmoothedTile(values, start, plane, stride, (z0, y0, x0), block.shape[1:])


def _scratch(shapes: Sequence[tuple[int, ...]], tile: Bounds, scales: Sequence[Smoothing], plane: int) -> Scratch:
    """Return work space for the largest of several images, of which tiles of the same extents are smoothed."""
    r = max((len(scale.kernel) for scale in scales), default=1) - 1
    r_3d = max((len(scale.kernel) for scale in scales if not scale.in_2d), default=0) - 1
    n, n_rows = tile.x1 - tile.x0 + 2 * MARGIN, tile.y1 - tile.y0 + 2 * MARGIN
    n_slices = tile.z1 - tile.z0 + 2 * (MARGIN + r_3d)
    depth, height = (max(shape[axis] for shape in shapes) for axis in (0, 1))
    # Whole vectors, so that all rows are aligned alike.
    pitch = (n + _SLACK) // 16 * 16
    return Scratch(
        np.empty(n + 2 * r + _SLACK, np.float32),
        np.empty((min(height, n_rows + 2 * r) + 1) * pitch, np.float32),
        pitch,
        np.empty(0 if r_3d < 0 else min(depth, n_slices) * plane + _SLACK, np.float32),
        np.empty(2 * r + 1, np.int64),
    )
