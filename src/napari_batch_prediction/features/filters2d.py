"""The second stage in 2D: every feature of one scale for a small block of one z slice, compiled.

All features of a scale share their passes along x and y. Sums run in the order of fastfilters: centre tap, then
outwards.
"""

from numba import njit

from napari_batch_prediction.features.presmoothing import MARGIN, mirror
from napari_batch_prediction.simd.caching import COMPILED
from napari_batch_prediction.simd.vectors import fma, load, splat, sqrt, store

HEIGHT = 16
WIDTH = 128
"""Rows and columns of a block: what a core works on fits into its cache."""

STRIDE = WIDTH + 48
"""Elements from row to row of work space."""

ORIGIN = 16
"""Column of a row of work space that holds column 0 of the block."""

_PLANE = (HEIGHT + 2 * MARGIN) * STRIDE

# Planes of work space: passes along x, products of the gradient, and the same smoothed along x.
_SMOOTH, _FIRST, _SECOND, _NARROW, _EDGE_SMOOTH, _EDGE_FIRST = (i * _PLANE for i in range(6))
_XX, _XY, _YY, _XX_SMOOTH, _XY_SMOOTH, _YY_SMOOTH = (i * _PLANE for i in range(6, 12))

WORK_SIZE = 12 * _PLANE + 64
"""Elements of work space."""

# Where the taps of each kernel begin in the table of a scale.
SMOOTH, FIRST, SECOND, NARROW, EDGE_SMOOTH, EDGE_FIRST = 0, 3, 6, 9, 11, 13
"""Gaussian, first and second derivative (3 taps each); the narrower Gaussian of the difference of Gaussians; smoothing
and derivative of the structure tensor's gradient (2 taps each)."""

N_TAPS = 15


@njit(**COMPILED)
def row_start(plane, row):
    """Return where a row of a plane of work space begins, at column 0 of the block."""
    return plane + (row + MARGIN) * STRIDE + ORIGIN


@njit(**COMPILED)
def derivatives_along_x(source, start, stride, work, plane, taps, rows):
    """Write Gaussian, first and second derivative along x, and the narrower Gaussian, of rows -2 to rows + 2.

    They go to the first four planes of work space, which are ``plane`` elements apart.
    """
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    d0, d1, d2 = splat(taps[FIRST]), splat(taps[FIRST + 1]), splat(taps[FIRST + 2])
    h0, h1, h2 = splat(taps[SECOND]), splat(taps[SECOND + 1]), splat(taps[SECOND + 2])
    b0, b1 = splat(taps[NARROW]), splat(taps[NARROW + 1])
    for row in range(-2, rows + 2):
        for x in range(0, WIDTH, 16):
            i = start + row * stride + x
            j = row_start(0, row) + x
            a, up, down = load(source, i), load(source, i + 1), load(source, i - 1)
            up2, down2 = load(source, i + 2), load(source, i - 2)
            one, two = up + down, up2 + down2
            store(work, j, fma(two, g2, fma(one, g1, g0 * a)))
            store(work, plane + j, fma(up2 - down2, d2, fma(up - down, d1, d0 * a)))
            store(work, 2 * plane + j, fma(two, h2, fma(one, h1, h0 * a)))
            store(work, 3 * plane + j, fma(one, b1, b0 * a))


@njit(**COMPILED)
def gradient_along_x(source, start, stride, work, plane, taps, rows):
    """Write the structure tensor's smoothing and derivative along x of rows -3 to rows + 3, columns -2 to + 2.

    They go to the fifth and sixth plane of work space, which are ``plane`` elements apart.
    """
    e0, e1 = splat(taps[EDGE_SMOOTH]), splat(taps[EDGE_SMOOTH + 1])
    f0, f1 = splat(taps[EDGE_FIRST]), splat(taps[EDGE_FIRST + 1])
    for row in range(-3, rows + 3):
        for x in range(-2, WIDTH + 2, 16):
            i = start + row * stride + x
            j = row_start(0, row) + x
            a, up, down = load(source, i), load(source, i + 1), load(source, i - 1)
            store(work, 4 * plane + j, fma(up + down, e1, e0 * a))
            store(work, 5 * plane + j, fma(up - down, f1, f0 * a))


@njit(**COMPILED)
def mirror_plane(work, plane, rows, y, x, height, width):
    """Mirror a plane of work space by 2 pixels at the ends of the image, as filtering that image does."""
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


@njit(**COMPILED)
def _derivatives_along_y(work, taps, rows, out, at, planes):
    """Finish all features but the structure tensor."""
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    d0, d1, d2 = splat(taps[FIRST]), splat(taps[FIRST + 1]), splat(taps[FIRST + 2])
    h0, h1, h2 = splat(taps[SECOND]), splat(taps[SECOND + 1]), splat(taps[SECOND + 2])
    b0, b1 = splat(taps[NARROW]), splat(taps[NARROW + 1])
    half = splat(0.5)
    s = STRIDE
    for row in range(rows):
        for x in range(0, WIDTH, 16):
            j = row_start(0, row) + x
            i = _SMOOTH + j
            a, up, down, up2, down2 = (
                load(work, i), load(work, i + s), load(work, i - s), load(work, i + 2 * s), load(work, i - 2 * s)
            )  # fmt: skip
            one, two = up + down, up2 + down2
            smooth = fma(two, g2, fma(one, g1, g0 * a))
            dy = fma(up2 - down2, d2, fma(up - down, d1, d0 * a))
            dyy = fma(two, h2, fma(one, h1, h0 * a))
            i = _FIRST + j
            a, up, down, up2, down2 = (
                load(work, i), load(work, i + s), load(work, i - s), load(work, i + 2 * s), load(work, i - 2 * s)
            )  # fmt: skip
            dx = fma(up2 + down2, g2, fma(up + down, g1, g0 * a))
            dxy = fma(up2 - down2, d2, fma(up - down, d1, d0 * a))
            i = _SECOND + j
            dxx = fma(
                load(work, i + 2 * s) + load(work, i - 2 * s),
                g2,
                fma(load(work, i + s) + load(work, i - s), g1, g0 * load(work, i)),
            )
            i = _NARROW + j
            narrow = fma(load(work, i + s) + load(work, i - s), b1, b0 * load(work, i))
            k = at + row * WIDTH + x
            mean = half * (dxx + dyy)
            difference = half * (dxx - dyy)
            root = sqrt(fma(difference, difference, dxy * dxy))
            store(out, planes[0] + k, smooth)
            store(out, planes[1] + k, dxx + dyy)
            store(out, planes[2] + k, sqrt(fma(dx, dx, dy * dy)))
            store(out, planes[3] + k, smooth - narrow)
            store(out, planes[6] + k, mean + root)
            store(out, planes[7] + k, mean - root)


@njit(**COMPILED)
def _gradient_products(work, taps, rows):
    """Finish the structure tensor's gradient, and multiply: rows and columns -2 to +2 around the block."""
    e0, e1 = splat(taps[EDGE_SMOOTH]), splat(taps[EDGE_SMOOTH + 1])
    f0, f1 = splat(taps[EDGE_FIRST]), splat(taps[EDGE_FIRST + 1])
    s = STRIDE
    for row in range(-2, rows + 2):
        for x in range(-2, WIDTH + 2, 16):
            j = row_start(0, row) + x
            i = _EDGE_SMOOTH + j
            dy = fma(load(work, i + s) - load(work, i - s), f1, f0 * load(work, i))
            i = _EDGE_FIRST + j
            dx = fma(load(work, i + s) + load(work, i - s), e1, e0 * load(work, i))
            store(work, _XX + j, dx * dx)
            store(work, _XY + j, dx * dy)
            store(work, _YY + j, dy * dy)


@njit(**COMPILED)
def _structure_tensor(work, taps, rows, out, at, planes):
    """Smooth the products and take eigenvalues."""
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    half = splat(0.5)
    s = STRIDE
    for row in range(-2, rows + 2):
        for x in range(0, WIDTH, 16):
            for plane in range(_XX, _YY + 1, _PLANE):
                i = row_start(plane, row) + x
                a = load(work, i)
                one = load(work, i + 1) + load(work, i - 1)
                two = load(work, i + 2) + load(work, i - 2)
                store(work, i + 3 * _PLANE, fma(two, g2, fma(one, g1, g0 * a)))
    for row in range(rows):
        for x in range(0, WIDTH, 16):
            i = row_start(_XX_SMOOTH, row) + x
            one, two = load(work, i + s) + load(work, i - s), load(work, i + 2 * s) + load(work, i - 2 * s)
            xx = fma(two, g2, fma(one, g1, g0 * load(work, i)))
            i = row_start(_XY_SMOOTH, row) + x
            one, two = load(work, i + s) + load(work, i - s), load(work, i + 2 * s) + load(work, i - 2 * s)
            xy = fma(two, g2, fma(one, g1, g0 * load(work, i)))
            i = row_start(_YY_SMOOTH, row) + x
            one, two = load(work, i + s) + load(work, i - s), load(work, i + 2 * s) + load(work, i - 2 * s)
            yy = fma(two, g2, fma(one, g1, g0 * load(work, i)))
            mean = half * (xx + yy)
            difference = half * (xx - yy)
            root = sqrt(fma(difference, difference, xy * xy))
            k = at + row * WIDTH + x
            store(out, planes[4] + k, mean + root)
            store(out, planes[5] + k, mean - root)


@njit(**COMPILED)
def features_2d(source, start, stride, work, taps, rows, y, x, height, width, needs_tensor, out, at, planes):
    """Compute the features of one scale for a block of one slice.

    Parameters
    ----------
    source
        float32, the presmoothed tile; row 0, column 0 of the block is at ``start``, rows are ``stride`` apart,
        and 3 more rows and columns are valid on each side.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    taps
        float32 (15,): the kernels of the scale.
    rows
        Rows of the block, at most :data:`HEIGHT`. Always :data:`WIDTH` columns are computed.
    y, x
        Position of the block in the array that was smoothed, of extents ``height`` and ``width``.
    needs_tensor
        Whether the structure tensor is wanted.
    out, at
        float32 array for the features, ``rows`` rows of :data:`WIDTH` each, and an offset for all of them.
    planes
        int64 (8 or more): where in ``out`` each goes: smoothing, Laplacian, gradient magnitude, difference, two
        eigenvalues of the structure tensor and two of the Hessian, both descending.
    """
    derivatives_along_x(source, start, stride, work, _PLANE, taps, rows)
    _derivatives_along_y(work, taps, rows, out, at, planes)
    if needs_tensor:
        gradient_along_x(source, start, stride, work, _PLANE, taps, rows)
        _gradient_products(work, taps, rows)
        for plane in (_XX, _XY, _YY):
            mirror_plane(work, plane, rows, y, x, height, width)
        _structure_tensor(work, taps, rows, out, at, planes)
