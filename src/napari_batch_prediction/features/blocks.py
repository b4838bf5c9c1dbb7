"""All features of a tile, block by block, compiled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.features import filters2d, filters3d, selection
from napari_batch_prediction.features.filters2d import N_TAPS, WIDTH, features_2d
from napari_batch_prediction.features.filters3d import features_3d
from napari_batch_prediction.features.kernels import (
    FILTER_WINDOW,
    SMOOTHING_WINDOW,
    filter_sigma,
    half_kernel,
    presmoothing_sigma,
    radius,
)
from napari_batch_prediction.features.presmoothing import MARGIN, presmooth
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.simd.caching import COMPILED

# Where the feature filters put each feature: index of the first of its planes.
_FIRST_PLANE_2D = {
    selection.GAUSSIAN: 0,
    selection.LAPLACIAN: 1,
    selection.GRADIENT: 2,
    selection.DIFFERENCE: 3,
    selection.STRUCTURE: 4,
    selection.HESSIAN: 6,
}
_FIRST_PLANE_3D = {**_FIRST_PLANE_2D, selection.HESSIAN: 7}
_N_PLANES = 10


class FeatureTables(NamedTuple):
    """A selection as the compiled loops want it; one row for each scale in use.

    Attributes
    ----------
    taps
        float32 (scales, 15): kernels of the feature filters.
    in_2d, needs_tensor
        bool (scales,).
    column
        int64 (scales, channels, 10): entry of the feature vector for each plane of the filters; the number of
        features for planes nobody wants.
    """

    taps: NDArray[np.float32]
    in_2d: NDArray[np.bool_]
    needs_tensor: NDArray[np.bool_]
    column: NDArray[np.int64]


class SmoothedTile(NamedTuple):
    """The presmoothed images of a tile, with margins.

    Attributes
    ----------
    values
        float32, flat.
    start
        int64 (scales, channels): where the first pixel of the tile lies.
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


def feature_tables(chosen: FeatureSelection, n_channels: int) -> FeatureTables:
    """Return the tables of a selection for images with ``n_channels`` channels."""
    used = chosen.used_scales
    taps = np.zeros((len(used), N_TAPS), np.float32)
    for row, j in zip(taps, used, strict=True):
        sigma = filter_sigma(chosen.scales[j])
        _fill(row[filters2d.SMOOTH : filters2d.FIRST], sigma, 0)
        _fill(row[filters2d.FIRST : filters2d.SECOND], sigma, 1)
        _fill(row[filters2d.SECOND : filters2d.NARROW], sigma, 2)
        _fill(row[filters2d.NARROW : filters2d.EDGE_SMOOTH], 0.66 * sigma, 0)
        # ilastik names a gradient at sigma smoothed at sigma / 2, and computes the reverse.
        _fill(row[filters2d.EDGE_SMOOTH : filters2d.EDGE_FIRST], 0.5 * sigma, 0)
        _fill(row[filters2d.EDGE_FIRST :], 0.5 * sigma, 1)
    column = np.full((len(used), n_channels, _N_PLANES), chosen.n_features(n_channels), np.int64)
    at = 0
    for name, j in chosen:
        first = (_FIRST_PLANE_2D if chosen.in_2d[j] else _FIRST_PLANE_3D)[name]
        for channel in range(n_channels):
            width = chosen.width(name, j)
            column[used.index(j), channel, first : first + width] = range(at, at + width)
            at += width
    tensors = {j for name, j in chosen if name == selection.STRUCTURE}
    return FeatureTables(
        taps, np.array([chosen.in_2d[j] for j in used]), np.array([j in tensors for j in used]), column
    )


def _fill(taps: NDArray[np.float32], sigma: float, order: int) -> None:
    """Write a kernel: the centre tap, which is 0 for a derivative of order 1, and its neighbours."""
    kernel = half_kernel(sigma, order, FILTER_WINDOW)
    taps[: len(kernel)] = kernel
    if order == 1 and radius(sigma, FILTER_WINDOW) > 0:
        taps[0] = 0


def smooth_tile(
    parts: Sequence[tuple[NDArray[np.float32], tuple[slice, slice, slice]]], chosen: FeatureSelection
) -> SmoothedTile:
    """Smooth a tile once for every scale in use and every channel.

    Parameters
    ----------
    parts
        float32 (c, z, y, x), the tile and its context, and slices along z, y and x, the tile in that; as many as
        channels come from different places. The last has the least context: enough, or up to the image's end.
    chosen
        The features wanted.
    """
    block, tile = parts[-1]
    (z0, z1), (y0, y1), (x0, x1) = ((s.start, s.stop) for s in tile)
    stride = -(-(x1 - x0 + 2 * MARGIN) // 64) * 64 + 16
    plane = (y1 - y0 + 2 * MARGIN) * stride
    used = chosen.used_scales
    channels = [(channel, slices) for values, slices in parts for channel in values]
    # A stack of slices for itself has no margin along z; it is laid out with one all the same.
    size = (z1 - z0 + (0 if chosen.all_in_2d else 2 * MARGIN)) * plane
    values = np.empty(len(used) * len(channels) * size + 2 * WIDTH + 128, np.float32)
    start = np.empty((len(used), len(channels)), np.int64)
    at = 0
    for i, j in enumerate(used):
        kernel = half_kernel(presmoothing_sigma(chosen.scales[j]), 0, SMOOTHING_WINDOW)
        in_2d = chosen.in_2d[j]
        for c, (channel, (z, y, x)) in enumerate(channels):
            presmooth(channel, kernel, in_2d, z.start, z.stop, y.start, y.stop, x.start, x.stop, values[at:], stride)
            start[i, c] = at + (0 if in_2d else MARGIN) * plane + MARGIN * stride + MARGIN
            at += size
    return SmoothedTile(values, start, plane, stride, (z0, y0, x0), block.shape[1:])


@njit(**COMPILED)
def block_features(smoothed, tables, work, position, slices, rows, height, size, out):
    """Compute the whole feature vector of one block.

    Parameters
    ----------
    smoothed, tables
        :class:`SmoothedTile` and :class:`FeatureTables`.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    position
        Position (z, y, x) of the block in the tile.
    slices, rows
        Extents of the block.
    height, size
        Rows of the largest block, which set the distance of slices in ``out``, and elements from feature to feature.
    out
        float32 (features + 1, size), flat; the last one is scratch.
    """
    n_scales, n_channels = smoothed.start.shape
    z, y, x = position
    at = z * smoothed.plane + y * smoothed.stride + x
    z0, y0, x0 = smoothed.origin
    depth, full_height, full_width = smoothed.extents
    planes = np.empty(10, np.int64)
    for i in range(n_scales):
        for c in range(n_channels):
            for k in range(10):
                planes[k] = tables.column[i, c, k] * size
            start = smoothed.start[i, c] + at
            if tables.in_2d[i]:
                for s in range(slices):
                    features_2d(
                        smoothed.values, start + s * smoothed.plane, smoothed.stride, work, tables.taps[i], rows,
                        y0 + y, x0 + x, full_height, full_width, tables.needs_tensor[i],
                        out, s * height * WIDTH, planes,
                    )  # fmt: skip
            else:
                features_3d(
                    smoothed.values, start, smoothed.plane, smoothed.stride, work, tables.taps[i], slices, rows,
                    (z0 + z, y0 + y, x0 + x), (depth, full_height, full_width), tables.needs_tensor[i], out, planes,
                )  # fmt: skip


WORK_SIZE = max(filters2d.WORK_SIZE, filters3d.WORK_SIZE)
"""Elements of work space of :func:`block_features`."""
