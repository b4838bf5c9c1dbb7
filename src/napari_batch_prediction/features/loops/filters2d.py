"""The second stage in 2D: every feature of one scale for a small block of one z slice, compiled.

All features of a scale share their passes along x and y.
"""

from typing import Any

from numba import njit

from napari_batch_prediction.features.layout import STRIDE, WIDTH
from napari_batch_prediction.features.loops.passes import (
    derivatives_along_x,
    eigenvalues_2x2,
    gradient_along_x,
    mirror_plane,
    smooth_along_x,
)
from napari_batch_prediction.features.loops.planes import row_start
from napari_batch_prediction.features.loops.sums import (
    AT_GRADIENT,
    AT_INTEGRATION,
    TensorFilters,
    antisymmetric5,
    read_taps,
    symmetric3,
    symmetric5,
)
from napari_batch_prediction.features.work_space import PRODUCTS_2D, SMOOTHED_2D, X_2D
from napari_batch_prediction.simd.caching import UNCOUNTED
from napari_batch_prediction.simd.lanes import LANES
from napari_batch_prediction.simd.vectors import fma, sqrt, store


@njit(**UNCOUNTED)
def _derivatives_along_y(work, rows, taps, out, planes):
    """Finish all features but the structure tensor."""
    taps = read_taps(taps)
    for row in range(rows):
        for x in range(0, WIDTH, LANES):
            i = row_start(0, row) + x
            smooth = symmetric5(work, X_2D.smooth + i, STRIDE, taps.smooth)
            dy = antisymmetric5(work, X_2D.smooth + i, STRIDE, taps.first)
            dyy = symmetric5(work, X_2D.smooth + i, STRIDE, taps.second)
            dx = symmetric5(work, X_2D.first + i, STRIDE, taps.smooth)
            dxy = antisymmetric5(work, X_2D.first + i, STRIDE, taps.first)
            dxx = symmetric5(work, X_2D.second + i, STRIDE, taps.smooth)
            narrow = symmetric3(work, X_2D.narrow + i, STRIDE, taps.narrow)
            larger, smaller = eigenvalues_2x2(dxx, dyy, dxy)
            k = row * WIDTH + x
            store(out, planes.smooth + k, smooth)
            store(out, planes.laplacian + k, dxx + dyy)
            store(out, planes.gradient + k, sqrt(fma(dx, dx, dy * dy)))
            store(out, planes.difference + k, smooth - narrow)
            store(out, planes.hessian.first + k, larger)
            store(out, planes.hessian.second + k, smaller)


def _tensor(filters: TensorFilters) -> Any:
    """Return a loop that computes the eigenvalues of a structure tensor; those of one slice of a block.

    Its parameters are those of :func:`derivatives_2d`, and the :class:`~.layout.Position`.
    """
    read, symmetric, antisymmetric = filters.read, filters.symmetric, filters.antisymmetric
    smoothed, reach = filters.smooth, filters.reach
    along_x, smooth_x = gradient_along_x(filters), smooth_along_x(filters)

    @njit(**UNCOUNTED)
    def products(work, rows, taps):
        """Finish the gradient, and multiply: the block and what is around it that smoothing needs."""
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                dy = antisymmetric(work, X_2D.edge_smooth + i, STRIDE, first)
                dx = symmetric(work, X_2D.edge_first + i, STRIDE, smooth)
                store(work, PRODUCTS_2D.xx + i, dx * dx)
                store(work, PRODUCTS_2D.xy + i, dx * dy)
                store(work, PRODUCTS_2D.yy + i, dy * dy)

    @njit(**UNCOUNTED)
    def eigenvalues(work, rows, taps, out, planes):
        """Smooth the products along y, and take eigenvalues."""
        _, _, smooth = read(taps)
        for row in range(rows):
            for x in range(0, WIDTH, LANES):
                i = row_start(0, row) + x
                xx = smoothed(work, SMOOTHED_2D.xx + i, STRIDE, smooth)
                xy = smoothed(work, SMOOTHED_2D.xy + i, STRIDE, smooth)
                yy = smoothed(work, SMOOTHED_2D.yy + i, STRIDE, smooth)
                larger, smaller = eigenvalues_2x2(xx, yy, xy)
                k = row * WIDTH + x
                store(out, planes.structure.first + k, larger)
                store(out, planes.structure.second + k, smaller)

    @njit(**UNCOUNTED)
    def loop(view, start, rows, position, taps, work, out, planes):
        along_x(view, start, rows, taps, work, X_2D)
        products(work, rows, taps)
        mirror_plane(work, PRODUCTS_2D.xx, rows, position)
        mirror_plane(work, PRODUCTS_2D.xy, rows, position)
        mirror_plane(work, PRODUCTS_2D.yy, rows, position)
        smooth_x(work, PRODUCTS_2D.xx, rows, taps, SMOOTHED_2D.xx)
        smooth_x(work, PRODUCTS_2D.xy, rows, taps, SMOOTHED_2D.xy)
        smooth_x(work, PRODUCTS_2D.yy, rows, taps, SMOOTHED_2D.yy)
        eigenvalues(work, rows, taps, out, planes)

    return loop


tensor_at_integration_2d, tensor_at_gradient_2d = _tensor(AT_INTEGRATION), _tensor(AT_GRADIENT)


@njit(**UNCOUNTED)
def derivatives_2d(view, start, rows, taps, work, out, planes):
    """Compute all features of one scale but the structure tensor, for one slice of a block.

    Parameters
    ----------
    view, start
        :class:`~.layout.View`, and where in it the first pixel of the slice is.
    rows
        Rows of the block, at most those of a flat one. Always :data:`~.layout.WIDTH` columns are computed.
    taps
        The filters, as :func:`~.taps.stored_taps` gives them.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    out, planes
        float32 array for the features, ``rows`` rows of :data:`~.layout.WIDTH` each, and the
        :class:`~.layout.Planes` in it.
    """
    derivatives_along_x(view, start, rows, taps, work, X_2D)
    _derivatives_along_y(work, rows, taps, out, planes)
