"""Passes along x, and mirroring, which features in 2D and in 3D have in common, compiled."""

from typing import Any

from numba import njit

from napari_batch_prediction.features.layout import WIDTH
from napari_batch_prediction.features.loops.planes import row_start
from napari_batch_prediction.features.loops.presmoothing import mirror
from napari_batch_prediction.features.loops.sums import (
    TensorFilters,
    antisymmetric5,
    read_taps,
    symmetric3,
    symmetric5,
)
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED
from napari_batch_prediction.simd.lanes import LANES
from napari_batch_prediction.simd.vectors import fma, splat, sqrt, store


@njit(**UNCOUNTED)
def derivatives_along_x(view, start, rows, taps, work, passes):
    """Fill the planes smooth, first, second and narrow of ``passes`` with rows -2 to rows + 2.

    Parameters
    ----------
    view, start
        :class:`~.layout.View`, and where in it the first pixel of the slice is.
    rows
        Rows of the block.
    taps
        The filters, as :func:`~.taps.stored_taps` gives them.
    work, passes
        Work space, and the :class:`~.layout.RowPasses` in it.
    """
    taps = read_taps(taps)
    for row in range(-2, rows + 2):
        for x in range(0, WIDTH, LANES):
            i = start + row * view.stride + x
            j = row_start(0, row) + x
            smooth = symmetric5(view.values, i, 1, taps.smooth)
            first = antisymmetric5(view.values, i, 1, taps.first)
            second = symmetric5(view.values, i, 1, taps.second)
            narrow = symmetric3(view.values, i, 1, taps.narrow)
            store(work, passes.smooth + j, smooth)
            store(work, passes.first + j, first)
            store(work, passes.second + j, second)
            store(work, passes.narrow + j, narrow)


def gradient_along_x(filters: TensorFilters) -> Any:
    """Return a loop that fills the planes edge_smooth and edge_first of ``passes`` for a structure tensor.

    It fills rows -3 to rows + 3, and as many columns on each side as the products of the gradient are smoothed over.
    Its parameters are those of :func:`derivatives_along_x`.
    """
    read, symmetric, antisymmetric, reach = filters.read, filters.symmetric, filters.antisymmetric, filters.reach

    @njit(**UNCOUNTED)
    def loop(view, start, rows, taps, work, passes):
        taps_smooth, taps_first, _ = read(taps)
        for row in range(-3, rows + 3):
            for x in range(-reach, WIDTH + reach, LANES):
                i = start + row * view.stride + x
                j = row_start(0, row) + x
                smooth = symmetric(view.values, i, 1, taps_smooth)
                first = antisymmetric(view.values, i, 1, taps_first)
                store(work, passes.edge_smooth + j, smooth)
                store(work, passes.edge_first + j, first)

    return loop


def smooth_along_x(filters: TensorFilters) -> Any:
    """Return a loop that smooths products of a gradient: a plane of work space into another.

    It smooths ``rows`` rows and those on each side that smoothing along y needs.
    """
    read, symmetric, reach = filters.read, filters.smooth, filters.reach

    @njit(**UNCOUNTED)
    def loop(work, source, rows, taps, target):
        _, _, smooth = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(0, WIDTH, LANES):
                i = row_start(0, row) + x
                store(work, target + i, symmetric(work, source + i, 1, smooth))

    return loop


@njit(**UNCOUNTED)
def mirror_plane(work, plane, rows, position):
    """Mirror a plane of work space by 2 pixels at the ends of the image, as filtering that image does."""
    y, x, height, width = position.y, position.x, position.height, position.width
    for row in range(-2, rows + 2):
        i = row_start(plane, row)
        for column in range(-2, 0):
            if x + column < 0:
                work[i + column] = work[i + mirror(x + column, width) - x]
        for column in range(width - x, min(width - x, WIDTH) + 2):
            work[i + column] = work[i + mirror(x + column, width) - x]
    for row in range(-2, rows + 2):
        if y + row < 0 or y + row >= height:
            i = row_start(plane, row)
            j = row_start(plane, mirror(y + row, height) - y)
            for column in range(-2, WIDTH + 2):
                work[i + column] = work[j + column]


@njit(**INLINED)
def eigenvalues_2x2(xx, yy, xy):
    """Return the larger and the smaller eigenvalue of symmetric 2x2 matrices, one in each lane."""
    half = splat(0.5)
    mean = half * (xx + yy)
    difference = half * (xx - yy)
    root = sqrt(fma(difference, difference, xy * xy))
    return mean + root, mean - root
