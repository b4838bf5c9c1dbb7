"""The second stage in 3D: every feature of one scale for a small block, compiled.

All features of a scale share their passes along x and y, slice by slice; the pass along z finishes them. Sums run
in the order of fastfilters: centre tap, then outwards.
"""

from numba import njit

from napari_batch_prediction.features.eigenvalues import eigenvalues_3x3
from napari_batch_prediction.features.filters2d import (
    EDGE_FIRST,
    EDGE_SMOOTH,
    FIRST,
    NARROW,
    SECOND,
    SMOOTH,
    STRIDE,
    WIDTH,
    derivatives_along_x,
    gradient_along_x,
    mirror_plane,
    row_start,
)
from napari_batch_prediction.features.presmoothing import MARGIN, mirror
from napari_batch_prediction.simd.caching import COMPILED
from napari_batch_prediction.simd.vectors import fma, load, splat, sqrt, store

DEPTH = 8
HEIGHT = 4
"""Slices and rows of a block: what a core works on fits into its cache."""

_PLANE = (HEIGHT + 2 * MARGIN) * STRIDE
_SLICES = DEPTH + 2 * MARGIN

# Work space for one slice: passes along x, the products of the gradient, and the products smoothed along x.
_X0, _X1, _X2, _XB, _XE, _XF = (i * _PLANE for i in range(6))
_PRODUCTS = 6 * _PLANE
_PRODUCTS_X = 12 * _PLANE
# Work space for all slices: derivatives by order along x and y, the gradient's passes, smoothed products.
_STACKS = 18 * _PLANE
_STACK = _SLICES * _PLANE
_X0Y0, _X0Y1, _X0Y2, _X1Y0, _X1Y1, _X2Y0, _XBYB, _XEYE, _XEYF, _XFYE = (
    _STACKS + i * _STACK for i in range(10)
)  # fmt: skip
_SMOOTHED = _STACKS + 10 * _STACK
# The six entries of the tensors of one row.
_ROW = _SMOOTHED + 6 * _STACK

WORK_SIZE = _ROW + 6 * WIDTH + 64
"""Elements of work space."""


@njit(**COMPILED)
def _symmetric(work, i, s, c0, c1, c2):
    """Five taps along the axis whose neighbours are s elements apart."""
    one = load(work, i + s) + load(work, i - s)
    two = load(work, i + 2 * s) + load(work, i - 2 * s)
    return fma(two, c2, fma(one, c1, c0 * load(work, i)))


@njit(**COMPILED)
def _antisymmetric(work, i, s, c0, c1, c2):
    one = load(work, i + s) - load(work, i - s)
    two = load(work, i + 2 * s) - load(work, i - 2 * s)
    return fma(two, c2, fma(one, c1, c0 * load(work, i)))


@njit(**COMPILED)
def _symmetric3(work, i, s, c0, c1):
    return fma(load(work, i + s) + load(work, i - s), c1, c0 * load(work, i))


@njit(**COMPILED)
def _antisymmetric3(work, i, s, c0, c1):
    return fma(load(work, i + s) - load(work, i - s), c1, c0 * load(work, i))


@njit(**COMPILED)
def _derivatives_in_plane(source, start, stride, work, taps, rows, z):
    """Filter one slice along x and y."""
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    d0, d1, d2 = splat(taps[FIRST]), splat(taps[FIRST + 1]), splat(taps[FIRST + 2])
    h0, h1, h2 = splat(taps[SECOND]), splat(taps[SECOND + 1]), splat(taps[SECOND + 2])
    b0, b1 = splat(taps[NARROW]), splat(taps[NARROW + 1])
    derivatives_along_x(source, start, stride, work, _PLANE, taps, rows)
    s = STRIDE
    for row in range(rows):
        for x in range(0, WIDTH, 16):
            i = row_start(0, row) + x
            k = i + z * _PLANE
            store(work, _X0Y0 + k, _symmetric(work, _X0 + i, s, g0, g1, g2))
            store(work, _X0Y1 + k, _antisymmetric(work, _X0 + i, s, d0, d1, d2))
            store(work, _X0Y2 + k, _symmetric(work, _X0 + i, s, h0, h1, h2))
            store(work, _X1Y0 + k, _symmetric(work, _X1 + i, s, g0, g1, g2))
            store(work, _X1Y1 + k, _antisymmetric(work, _X1 + i, s, d0, d1, d2))
            store(work, _X2Y0 + k, _symmetric(work, _X2 + i, s, g0, g1, g2))
            store(work, _XBYB + k, _symmetric3(work, _XB + i, s, b0, b1))


@njit(**COMPILED)
def _finish_derivatives(work, taps, rows, z, out, at, planes):
    """Pass along z: all features but the structure tensor, of slice z."""
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    d0, d1, d2 = splat(taps[FIRST]), splat(taps[FIRST + 1]), splat(taps[FIRST + 2])
    h0, h1, h2 = splat(taps[SECOND]), splat(taps[SECOND + 1]), splat(taps[SECOND + 2])
    b0, b1 = splat(taps[NARROW]), splat(taps[NARROW + 1])
    s = _PLANE
    for row in range(rows):
        k = at + row * WIDTH
        for x in range(0, WIDTH, 16):
            i = row_start(z * _PLANE, row) + x
            smooth = _symmetric(work, _X0Y0 + i, s, g0, g1, g2)
            dz = _antisymmetric(work, _X0Y0 + i, s, d0, d1, d2)
            dzz = _symmetric(work, _X0Y0 + i, s, h0, h1, h2)
            dy = _symmetric(work, _X0Y1 + i, s, g0, g1, g2)
            dyz = _antisymmetric(work, _X0Y1 + i, s, d0, d1, d2)
            dyy = _symmetric(work, _X0Y2 + i, s, g0, g1, g2)
            dx = _symmetric(work, _X1Y0 + i, s, g0, g1, g2)
            dxz = _antisymmetric(work, _X1Y0 + i, s, d0, d1, d2)
            dxy = _symmetric(work, _X1Y1 + i, s, g0, g1, g2)
            dxx = _symmetric(work, _X2Y0 + i, s, g0, g1, g2)
            narrow = _symmetric3(work, _XBYB + i, s, b0, b1)
            store(out, planes[0] + k + x, smooth)
            store(out, planes[1] + k + x, dxx + dyy + dzz)
            store(out, planes[2] + k + x, sqrt(dx * dx + dy * dy + dz * dz))
            store(out, planes[3] + k + x, smooth - narrow)
            store(work, _ROW + x, dxx)
            store(work, _ROW + WIDTH + x, dyy)
            store(work, _ROW + 2 * WIDTH + x, dzz)
            store(work, _ROW + 3 * WIDTH + x, dxy)
            store(work, _ROW + 4 * WIDTH + x, dxz)
            store(work, _ROW + 5 * WIDTH + x, dyz)
        _eigenvalues_of_row(work, out, planes[7] + k, planes[8] + k, planes[9] + k)


@njit(**COMPILED)
def _eigenvalues_of_row(work, out, first, second, third):
    r, w = _ROW, WIDTH
    eigenvalues_3x3(
        work, r, r + w, r + 2 * w, r + 3 * w, r + 4 * w, r + 5 * w, out, first, second, third, WIDTH
    )  # fmt: skip


@njit(**COMPILED)
def _gradient_in_plane(source, start, stride, work, taps, rows, z):
    """Filter one slice along x and y for the structure tensor's gradient."""
    e0, e1 = splat(taps[EDGE_SMOOTH]), splat(taps[EDGE_SMOOTH + 1])
    f0, f1 = splat(taps[EDGE_FIRST]), splat(taps[EDGE_FIRST + 1])
    gradient_along_x(source, start, stride, work, _PLANE, taps, rows)
    for row in range(-2, rows + 2):
        for x in range(-2, WIDTH + 2, 16):
            i = row_start(0, row) + x
            k = i + z * _PLANE
            store(work, _XEYE + k, _symmetric3(work, _XE + i, STRIDE, e0, e1))
            store(work, _XEYF + k, _antisymmetric3(work, _XE + i, STRIDE, f0, f1))
            store(work, _XFYE + k, _symmetric3(work, _XF + i, STRIDE, e0, e1))


@njit(**COMPILED)
def _smooth_products(work, taps, rows, z, y, x, height, width):
    """Products of the gradient in slice z, smoothed along x and y."""
    e0, e1 = splat(taps[EDGE_SMOOTH]), splat(taps[EDGE_SMOOTH + 1])
    f0, f1 = splat(taps[EDGE_FIRST]), splat(taps[EDGE_FIRST + 1])
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    s = _PLANE
    p = _PRODUCTS
    for row in range(-2, rows + 2):
        for column in range(-2, WIDTH + 2, 16):
            j = row_start(0, row) + column
            i = j + z * _PLANE
            dz = _antisymmetric3(work, _XEYE + i, s, f0, f1)
            dy = _symmetric3(work, _XEYF + i, s, e0, e1)
            dx = _symmetric3(work, _XFYE + i, s, e0, e1)
            store(work, p + j, dx * dx)
            store(work, p + s + j, dy * dy)
            store(work, p + 2 * s + j, dz * dz)
            store(work, p + 3 * s + j, dx * dy)
            store(work, p + 4 * s + j, dx * dz)
            store(work, p + 5 * s + j, dy * dz)
    for k in range(6):
        plane = p + k * s
        mirror_plane(work, plane, rows, y, x, height, width)
        along_x = _PRODUCTS_X + k * s
        for row in range(-2, rows + 2):
            for column in range(0, WIDTH, 16):
                i = row_start(0, row) + column
                store(work, along_x + i, _symmetric(work, plane + i, 1, g0, g1, g2))
        target = _SMOOTHED + k * _STACK + z * _PLANE
        for row in range(rows):
            for column in range(0, WIDTH, 16):
                i = row_start(0, row) + column
                store(work, target + i, _symmetric(work, along_x + i, STRIDE, g0, g1, g2))


@njit(**COMPILED)
def _finish_tensor(work, taps, rows, below2, below, z, above, above2, out, at, planes):
    """Smooth the products along z, from five slices, and take eigenvalues."""
    g0, g1, g2 = splat(taps[SMOOTH]), splat(taps[SMOOTH + 1]), splat(taps[SMOOTH + 2])
    for row in range(rows):
        for k in range(6):
            plane = _SMOOTHED + k * _STACK
            for x in range(0, WIDTH, 16):
                i = row_start(plane, row) + x
                one = load(work, i + above * _PLANE) + load(work, i + below * _PLANE)
                two = load(work, i + above2 * _PLANE) + load(work, i + below2 * _PLANE)
                centre = g0 * load(work, i + z * _PLANE)
                store(work, _ROW + k * WIDTH + x, fma(two, g2, fma(one, g1, centre)))
        k = at + row * WIDTH
        _eigenvalues_of_row(work, out, planes[4] + k, planes[5] + k, planes[6] + k)


@njit(**COMPILED)
def features_3d(source, start, plane, stride, work, taps, slices, rows, position, extents, needs_tensor, out, planes):
    """Compute the features of one scale for a block.

    Parameters
    ----------
    source
        float32, the presmoothed tile; the first pixel of the block is at ``start``, slices are ``plane`` and
        rows ``stride`` apart, and 3 more slices, rows and columns are valid on each side.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    taps
        float32 (15,): the kernels of the scale.
    slices, rows
        Extents of the block, at most :data:`DEPTH` and :data:`HEIGHT`. Always :data:`WIDTH` columns are
        computed.
    position, extents
        Position (z, y, x) of the block in the array that was smoothed, and the extents of that array.
    needs_tensor
        Whether the structure tensor is wanted.
    out
        float32: the features, each :data:`DEPTH` slices of :data:`HEIGHT` rows of :data:`WIDTH`.
    planes
        int64 (10,): where in ``out`` each goes: smoothing, Laplacian, gradient magnitude, difference, three
        eigenvalues of the structure tensor and three of the Hessian, both descending.
    """
    z0, y0, x0 = position
    depth, height, width = extents
    for z in range(-2, slices + 2):
        _derivatives_in_plane(source, start + z * plane, stride, work, taps, rows, z + MARGIN)
    for z in range(slices):
        _finish_derivatives(work, taps, rows, z + MARGIN, out, z * HEIGHT * WIDTH, planes)
    if not needs_tensor:
        return
    for z in range(-3, slices + 3):
        _gradient_in_plane(source, start + z * plane, stride, work, taps, rows, z + MARGIN)
    for z in range(-2, slices + 2):
        if 0 <= z0 + z < depth:
            _smooth_products(work, taps, rows, z + MARGIN, y0, x0, height, width)
    shift = MARGIN - z0
    for z in range(slices):
        _finish_tensor(
            work,
            taps,
            rows,
            mirror(z0 + z - 2, depth) + shift,
            mirror(z0 + z - 1, depth) + shift,
            z + MARGIN,
            mirror(z0 + z + 1, depth) + shift,
            mirror(z0 + z + 2, depth) + shift,
            out,
            z * HEIGHT * WIDTH,
            planes,
        )
