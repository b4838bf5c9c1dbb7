"""All features of a tile, block by block, compiled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_batch_prediction.features import filters2d, filters3d, selection
from napari_batch_prediction.features.filters2d import features_2d
from napari_batch_prediction.features.filters3d import features_3d
from napari_batch_prediction.features.kernels import SMOOTHING_WINDOW, half_kernel, presmoothing_sigma
from napari_batch_prediction.features.layout import (
    FIRST_PLANE,
    N_PLANES,
    WIDTH,
    Position,
    Scale,
    View,
    block_size,
    moved_planes,
    output_planes,
)
from napari_batch_prediction.features.presmoothing import MARGIN, Bounds, presmooth
from napari_batch_prediction.features.selection import FeatureSelection
from napari_batch_prediction.features.taps import stored_taps
from napari_batch_prediction.simd.caching import COMPILED

WORK_SIZE = max(filters2d.WORK_SIZE, filters3d.WORK_SIZE)
"""Elements of work space of :func:`block_features`."""


class FeatureTables(NamedTuple):
    """A selection as the compiled loops want it; one row for each scale in use.

    Attributes
    ----------
    taps
        float32 (scales, 15): the filters of each scale.
    in_2d, needs_tensor
        bool (scales,).
    column
        int64 (scales, channels, 10): entry of the feature vector for each of the :class:`~.layout.Planes`; the number
        of features for unwanted planes.
    n_features
        Length of the feature vector.
    at_gradient
        True if the gradient of the structure tensor has the scale, None if its smoothing has; the loops are compiled
        anew for either.
    """

    taps: NDArray[np.float32]
    in_2d: NDArray[np.bool_]
    needs_tensor: NDArray[np.bool_]
    column: NDArray[np.int64]
    n_features: int
    at_gradient: bool | None


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


def feature_tables(features: FeatureSelection, n_channels: int) -> FeatureTables:
    """Return the tables of a selection for images with ``n_channels`` channels."""
    used, n_features = features.used_scales, features.n_features(n_channels)
    column = np.full((len(used), n_channels, N_PLANES), n_features, np.int64)
    entry = 0
    for name, j in features:
        first, width = FIRST_PLANE[name], features.width(name, j)
        for channel in range(n_channels):
            column[used.index(j), channel, first : first + width] = range(entry, entry + width)
            entry += width
    tensors = {j for name, j in features if name == selection.STRUCTURE}
    return FeatureTables(
        np.array([stored_taps(features.scales[j]) for j in used]),
        np.array([features.in_2d[j] for j in used]),
        np.array([j in tensors for j in used]),
        column,
        n_features,
        True if tensors and features.structure_tensor == "gradient" else None,
    )


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
    offset = 0
    for i, scale in enumerate(scales):
        for c, (channel, bounds) in enumerate(channels):
            presmooth(channel, scale.kernel, scale.in_2d, bounds, values[offset:], stride)
            start[i, c] = offset + (0 if scale.in_2d else MARGIN) * plane + MARGIN * stride + MARGIN
            offset += size
    return SmoothedTile(values, start, plane, stride, (z0, y0, x0), block.shape[1:])


@njit(**COMPILED)
def block_features(tile, tables, geometry, box, work, out):
    """Compute the whole feature vector of one block.

    Parameters
    ----------
    tile, tables
        :class:`SmoothedTile` and :class:`FeatureTables`.
    geometry, box
        :class:`~.layout.Geometry` and :class:`~.layout.Box`.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    out
        float32 (features + 1, :func:`~.layout.block_size`), flat; the last one is scratch.
    """
    n_scales, n_channels = tile.start.shape
    first = box.z * tile.plane + box.y * tile.stride + box.x
    z, y, x = tile.origin
    depth, height, width = tile.extents
    position = Position(z + box.z, y + box.y, x + box.x, depth, height, width)
    size = block_size(geometry)
    for i in range(n_scales):
        scale = Scale(tables.taps[i], tables.needs_tensor[i])
        for c in range(n_channels):
            view = View(tile.values, tile.start[i, c] + first, tile.plane, tile.stride)
            planes = output_planes(tables.column[i, c], size)
            if tables.in_2d[i]:
                for s in range(box.slices):
                    start = view.start + s * view.plane
                    here = moved_planes(planes, s * geometry.rows * WIDTH)
                    features_2d(view, start, box.rows, position, scale, work, out, here, tables.at_gradient)
            else:
                features_3d(view, box, position, scale, work, out, planes, tables.at_gradient)
