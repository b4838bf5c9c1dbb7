"""The second stage in 2D: every feature of one scale for a small block of one z slice, compiled.

All features of a scale share their passes along x and y.
"""

from typing import NamedTuple

from numba import njit

from napari_batch_prediction.features.layout import FLAT, STRIDE, WIDTH, RowPasses, plane_size, row_start
from napari_batch_prediction.features.passes import (
    derivatives_along_x,
    eigenvalues_2x2,
    gradient_along_x,
    mirror_plane,
    smooth_along_x,
)
from napari_batch_prediction.features.taps import antisymmetric3, antisymmetric5, read_taps, symmetric3, symmetric5
from napari_batch_prediction.simd.caching import COMPILED
from napari_batch_prediction.simd.vectors import LANES, fma, sqrt, store

# A stack of slices may be filtered slice by slice in blocks that are deep: they have fewer rows.
_PLANE = plane_size(FLAT.rows)


class Products(NamedTuple):
    """Planes of work space: the products of a gradient."""

    xx: int
    xy: int
    yy: int


_X = RowPasses(*(i * _PLANE for i in range(6)))
_PRODUCTS = Products(*(i * _PLANE for i in range(6, 9)))
_SMOOTHED = Products(*(i * _PLANE for i in range(9, 12)))

WORK_SIZE = 12 * _PLANE + 64
"""Elements of work space."""


@njit(**COMPILED)
def _derivatives_along_y(work, rows, taps, out, planes):
    """Finish all features but the structure tensor."""
    taps = read_taps(taps)
    for row in range(rows):
        for x in range(0, WIDTH, LANES):
            i = row_start(0, row) + x
            smooth = symmetric5(work, _X.smooth + i, STRIDE, taps.smooth)
            dy = antisymmetric5(work, _X.smooth + i, STRIDE, taps.first)
            dyy = symmetric5(work, _X.smooth + i, STRIDE, taps.second)
            dx = symmetric5(work, _X.first + i, STRIDE, taps.smooth)
            dxy = antisymmetric5(work, _X.first + i, STRIDE, taps.first)
            dxx = symmetric5(work, _X.second + i, STRIDE, taps.smooth)
            narrow = symmetric3(work, _X.narrow + i, STRIDE, taps.narrow)
            larger, smaller = eigenvalues_2x2(dxx, dyy, dxy)
            k = row * WIDTH + x
            store(out, planes.smooth + k, smooth)
            store(out, planes.laplacian + k, dxx + dyy)
            store(out, planes.gradient + k, sqrt(fma(dx, dx, dy * dy)))
            store(out, planes.difference + k, smooth - narrow)
            store(out, planes.hessian.first + k, larger)
            store(out, planes.hessian.second + k, smaller)


@njit(**COMPILED)
def _gradient_products(work, rows, taps):
    """Finish the structure tensor's gradient, and multiply: rows and columns -2 to +2 around the block."""
    taps = read_taps(taps)
    for row in range(-2, rows + 2):
        for x in range(-2, WIDTH + 2, LANES):
            i = row_start(0, row) + x
            dy = antisymmetric3(work, _X.edge_smooth + i, STRIDE, taps.edge_first)
            dx = symmetric3(work, _X.edge_first + i, STRIDE, taps.edge_smooth)
            store(work, _PRODUCTS.xx + i, dx * dx)
            store(work, _PRODUCTS.xy + i, dx * dy)
            store(work, _PRODUCTS.yy + i, dy * dy)


@njit(**COMPILED)
def _structure_tensor(work, rows, taps, out, planes):
    """Smooth the products along y, and take eigenvalues."""
    taps = read_taps(taps)
    for row in range(rows):
        for x in range(0, WIDTH, LANES):
            i = row_start(0, row) + x
            xx = symmetric5(work, _SMOOTHED.xx + i, STRIDE, taps.smooth)
            xy = symmetric5(work, _SMOOTHED.xy + i, STRIDE, taps.smooth)
            yy = symmetric5(work, _SMOOTHED.yy + i, STRIDE, taps.smooth)
            larger, smaller = eigenvalues_2x2(xx, yy, xy)
            k = row * WIDTH + x
            store(out, planes.structure.first + k, larger)
            store(out, planes.structure.second + k, smaller)


@njit(**COMPILED)
def features_2d(view, start, rows, position, scale, work, out, planes):
    """Compute the features of one scale for one slice of a block.

    Parameters
    ----------
    view, start
        :class:`~.layout.View`, and where in it the first pixel of the slice is.
    rows
        Rows of the block, at most those of a flat one. Always :data:`~.layout.WIDTH` columns are computed.
    position, scale
        :class:`~.layout.Position` and :class:`~.layout.Scale`.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    out, planes
        float32 array for the features, ``rows`` rows of :data:`~.layout.WIDTH` each, and the
        :class:`~.layout.Planes` in it.
    """
    derivatives_along_x(view, start, rows, scale.taps, work, _X)
    _derivatives_along_y(work, rows, scale.taps, out, planes)
    if scale.needs_tensor:
        gradient_along_x(view, start, rows, scale.taps, work, _X)
        _gradient_products(work, rows, scale.taps)
        mirror_plane(work, _PRODUCTS.xx, rows, position)
        mirror_plane(work, _PRODUCTS.xy, rows, position)
        mirror_plane(work, _PRODUCTS.yy, rows, position)
        smooth_along_x(work, _PRODUCTS.xx, rows, scale.taps, _SMOOTHED.xx)
        smooth_along_x(work, _PRODUCTS.xy, rows, scale.taps, _SMOOTHED.xy)
        smooth_along_x(work, _PRODUCTS.yy, rows, scale.taps, _SMOOTHED.yy)
        _structure_tensor(work, rows, scale.taps, out, planes)
