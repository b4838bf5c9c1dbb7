"""The second stage in 2D: every feature of one scale for a small block of one z slice, compiled.

All features of a scale share their passes along x and y.
"""

from typing import Any, NamedTuple

from numba import njit

from napari_batch_prediction.features.layout import FLAT, STRIDE, WIDTH, RowPasses, plane_size, row_start
from napari_batch_prediction.features.passes import (
    derivatives_along_x,
    eigenvalues_2x2,
    gradient_along_x,
    mirror_plane,
    smooth_along_x,
)
from napari_batch_prediction.features.taps import (
    AT_GRADIENT,
    AT_INTEGRATION,
    TensorFilters,
    antisymmetric5,
    read_taps,
    symmetric3,
    symmetric5,
)
from napari_batch_prediction.simd.caching import COMPILED, INLINED
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


def _tensor(filters: TensorFilters) -> Any:
    """Return a loop that computes the eigenvalues of a structure tensor; its parameters are :func:`features_2d`'s."""
    read, symmetric, antisymmetric = filters.read, filters.symmetric, filters.antisymmetric
    smoothed, reach = filters.smooth, filters.reach
    along_x, smooth_x = gradient_along_x(filters), smooth_along_x(filters)

    @njit(**COMPILED)
    def products(work, rows, taps):
        """Finish the gradient, and multiply: the block and what is around it that smoothing needs."""
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                dy = antisymmetric(work, _X.edge_smooth + i, STRIDE, first)
                dx = symmetric(work, _X.edge_first + i, STRIDE, smooth)
                store(work, _PRODUCTS.xx + i, dx * dx)
                store(work, _PRODUCTS.xy + i, dx * dy)
                store(work, _PRODUCTS.yy + i, dy * dy)

    @njit(**COMPILED)
    def eigenvalues(work, rows, taps, out, planes):
        """Smooth the products along y, and take eigenvalues."""
        _, _, smooth = read(taps)
        for row in range(rows):
            for x in range(0, WIDTH, LANES):
                i = row_start(0, row) + x
                xx = smoothed(work, _SMOOTHED.xx + i, STRIDE, smooth)
                xy = smoothed(work, _SMOOTHED.xy + i, STRIDE, smooth)
                yy = smoothed(work, _SMOOTHED.yy + i, STRIDE, smooth)
                larger, smaller = eigenvalues_2x2(xx, yy, xy)
                k = row * WIDTH + x
                store(out, planes.structure.first + k, larger)
                store(out, planes.structure.second + k, smaller)

    @njit(**COMPILED)
    def loop(view, start, rows, position, taps, work, out, planes):
        along_x(view, start, rows, taps, work, _X)
        products(work, rows, taps)
        mirror_plane(work, _PRODUCTS.xx, rows, position)
        mirror_plane(work, _PRODUCTS.xy, rows, position)
        mirror_plane(work, _PRODUCTS.yy, rows, position)
        smooth_x(work, _PRODUCTS.xx, rows, taps, _SMOOTHED.xx)
        smooth_x(work, _PRODUCTS.xy, rows, taps, _SMOOTHED.xy)
        smooth_x(work, _PRODUCTS.yy, rows, taps, _SMOOTHED.yy)
        eigenvalues(work, rows, taps, out, planes)

    return loop


_tensor_at_integration, _tensor_at_gradient = _tensor(AT_INTEGRATION), _tensor(AT_GRADIENT)


@njit(**INLINED)
def _structure_tensor(view, start, rows, position, taps, work, out, planes, at_gradient):
    # The type of the last argument decides while this is compiled, so that only one of the loops is.
    if at_gradient is None:
        _tensor_at_integration(view, start, rows, position, taps, work, out, planes)
    else:
        _tensor_at_gradient(view, start, rows, position, taps, work, out, planes)


@njit(**COMPILED)
def features_2d(view, start, rows, position, scale, work, out, planes, at_gradient):
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
    at_gradient
        See :class:`~.blocks.FeatureTables`.
    """
    derivatives_along_x(view, start, rows, scale.taps, work, _X)
    _derivatives_along_y(work, rows, scale.taps, out, planes)
    if scale.needs_tensor:
        _structure_tensor(view, start, rows, position, scale.taps, work, out, planes, at_gradient)
