"""The second stage in 3D: every feature of one scale for a small block, compiled.

All features of a scale share their passes along x and y, slice by slice; the pass along z finishes them.
"""

from typing import Any, NamedTuple

from numba import njit

from napari_batch_prediction.features.eigenvalues import Tensor, eigenvalues_3x3
from napari_batch_prediction.features.layout import (
    DEEP,
    STRIDE,
    WIDTH,
    RowPasses,
    moved,
    moved_planes,
    plane_size,
    row_start,
)
from napari_batch_prediction.features.passes import (
    derivatives_along_x,
    gradient_along_x,
    mirror_plane,
    smooth_along_x,
)
from napari_batch_prediction.features.presmoothing import MARGIN, mirror
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
from napari_batch_prediction.simd.vectors import LANES, fma, load, sqrt, store

_PLANE = plane_size(DEEP.rows)
_STACK = (DEEP.slices + 2 * MARGIN) * _PLANE


class Stacks(NamedTuple):
    """Stacks of planes of work space, one plane for each slice, that passes along x and y fill.

    ``dxy`` is the derivative along x and y, ``edge_dy`` the structure tensor's along y, ``edge`` smoothed along both.
    """

    smooth: int
    dy: int
    dyy: int
    dx: int
    dxy: int
    dxx: int
    narrow: int
    edge: int
    edge_dy: int
    edge_dx: int


# Planes of one slice: passes along x, products of the gradient, and these smoothed along x. Then all slices: passes
# along x and y, and smoothed products. At last the six entries of the matrices of one row.
_X = RowPasses(*(i * _PLANE for i in range(6)))
_PRODUCTS = Tensor(*(i * _PLANE for i in range(6, 12)))
_PRODUCTS_X = Tensor(*(i * _PLANE for i in range(12, 18)))
_XY = Stacks(*(18 * _PLANE + i * _STACK for i in range(10)))
_SMOOTHED = Tensor(*(18 * _PLANE + i * _STACK for i in range(10, 16)))
_ROW = Tensor(*(18 * _PLANE + 16 * _STACK + i * WIDTH for i in range(6)))

WORK_SIZE = _ROW.xx + 6 * WIDTH + 64
"""Elements of work space."""


@njit(**COMPILED)
def _derivatives_in_plane(view, start, rows, taps, work, slice_):
    """Filter one slice along x and y, into the planes that begin ``slice_`` elements into their stacks."""
    derivatives_along_x(view, start, rows, taps, work, _X)
    taps = read_taps(taps)
    for row in range(rows):
        for x in range(0, WIDTH, LANES):
            i = row_start(0, row) + x
            k = i + slice_
            store(work, _XY.smooth + k, symmetric5(work, _X.smooth + i, STRIDE, taps.smooth))
            store(work, _XY.dy + k, antisymmetric5(work, _X.smooth + i, STRIDE, taps.first))
            store(work, _XY.dyy + k, symmetric5(work, _X.smooth + i, STRIDE, taps.second))
            store(work, _XY.dx + k, symmetric5(work, _X.first + i, STRIDE, taps.smooth))
            store(work, _XY.dxy + k, antisymmetric5(work, _X.first + i, STRIDE, taps.first))
            store(work, _XY.dxx + k, symmetric5(work, _X.second + i, STRIDE, taps.smooth))
            store(work, _XY.narrow + k, symmetric3(work, _X.narrow + i, STRIDE, taps.narrow))


@njit(**COMPILED)
def _finish_derivatives(work, slice_, rows, taps, out, planes):
    """Pass along z: all features but the structure tensor, of one slice."""
    taps = read_taps(taps)
    for row in range(rows):
        k = row * WIDTH
        for x in range(0, WIDTH, LANES):
            i = row_start(slice_, row) + x
            smooth = symmetric5(work, _XY.smooth + i, _PLANE, taps.smooth)
            dz = antisymmetric5(work, _XY.smooth + i, _PLANE, taps.first)
            dzz = symmetric5(work, _XY.smooth + i, _PLANE, taps.second)
            dy = symmetric5(work, _XY.dy + i, _PLANE, taps.smooth)
            dyz = antisymmetric5(work, _XY.dy + i, _PLANE, taps.first)
            dyy = symmetric5(work, _XY.dyy + i, _PLANE, taps.smooth)
            dx = symmetric5(work, _XY.dx + i, _PLANE, taps.smooth)
            dxz = antisymmetric5(work, _XY.dx + i, _PLANE, taps.first)
            dxy = symmetric5(work, _XY.dxy + i, _PLANE, taps.smooth)
            dxx = symmetric5(work, _XY.dxx + i, _PLANE, taps.smooth)
            narrow = symmetric3(work, _XY.narrow + i, _PLANE, taps.narrow)
            store(out, planes.smooth + k + x, smooth)
            store(out, planes.laplacian + k + x, dxx + dyy + dzz)
            store(out, planes.gradient + k + x, sqrt(dx * dx + dy * dy + dz * dz))
            store(out, planes.difference + k + x, smooth - narrow)
            store(work, _ROW.xx + x, dxx)
            store(work, _ROW.yy + x, dyy)
            store(work, _ROW.zz + x, dzz)
            store(work, _ROW.xy + x, dxy)
            store(work, _ROW.xz + x, dxz)
            store(work, _ROW.yz + x, dyz)
        eigenvalues_3x3(work, _ROW, out, moved(planes.hessian, k), WIDTH)


class Neighbours(NamedTuple):
    """Offsets in their stacks of a slice and the two below and above it; mirrored at the ends of the image."""

    below2: int
    below: int
    here: int
    above: int
    above2: int


@njit(**INLINED)
def _neighbours(z, position):
    """Return the :class:`Neighbours` of slice ``z`` of a block."""
    image_z, shift = position.z + z, MARGIN - position.z
    return Neighbours(
        (mirror(image_z - 2, position.depth) + shift) * _PLANE,
        (mirror(image_z - 1, position.depth) + shift) * _PLANE,
        (z + MARGIN) * _PLANE,
        (mirror(image_z + 1, position.depth) + shift) * _PLANE,
        (mirror(image_z + 2, position.depth) + shift) * _PLANE,
    )


@njit(**INLINED)
def _over_five(work, i, slices, taps):
    near = load(work, i + slices.above) + load(work, i + slices.below)
    far = load(work, i + slices.above2) + load(work, i + slices.below2)
    return fma(far, taps.far, fma(near, taps.near, taps.centre * load(work, i + slices.here)))


@njit(**INLINED)
def _over_three(work, i, slices, taps):
    near = load(work, i + slices.above) + load(work, i + slices.below)
    return fma(near, taps.near, taps.centre * load(work, i + slices.here))


def _gradient(filters: TensorFilters) -> tuple[Any, Any]:
    """Return two loops over one slice: that filters it for the gradient, and that makes products of the gradient."""
    read, symmetric, antisymmetric, reach = filters.read, filters.symmetric, filters.antisymmetric, filters.reach
    along_x = gradient_along_x(filters)

    @njit(**COMPILED)
    def gradient_in_plane(view, start, rows, taps, work, slice_):
        """Filter one slice along x and y for the gradient."""
        along_x(view, start, rows, taps, work, _X)
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                k = i + slice_
                store(work, _XY.edge + k, symmetric(work, _X.edge_smooth + i, STRIDE, smooth))
                store(work, _XY.edge_dy + k, antisymmetric(work, _X.edge_smooth + i, STRIDE, first))
                store(work, _XY.edge_dx + k, symmetric(work, _X.edge_first + i, STRIDE, smooth))

    @njit(**COMPILED)
    def products(work, slice_, rows, taps):
        """Finish the gradient in one slice, and multiply."""
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                k = i + slice_
                dz = antisymmetric(work, _XY.edge + k, _PLANE, first)
                dy = symmetric(work, _XY.edge_dy + k, _PLANE, smooth)
                dx = symmetric(work, _XY.edge_dx + k, _PLANE, smooth)
                store(work, _PRODUCTS.xx + i, dx * dx)
                store(work, _PRODUCTS.yy + i, dy * dy)
                store(work, _PRODUCTS.zz + i, dz * dz)
                store(work, _PRODUCTS.xy + i, dx * dy)
                store(work, _PRODUCTS.xz + i, dx * dz)
                store(work, _PRODUCTS.yz + i, dy * dz)

    return gradient_in_plane, products


def _smoothing(filters: TensorFilters) -> tuple[Any, Any]:
    """Return two loops: that smooths the products of one slice, and that does so along z and takes eigenvalues."""
    read, smoothed = filters.read, filters.smooth
    smoothed_along_z = _over_five if filters.reach > 1 else _over_three
    smooth_x = smooth_along_x(filters)

    @njit(**COMPILED)
    def smooth_products(work, slice_, rows, position, taps):
        """Smooth the products of one slice along x and y."""
        _, _, smooth = read(taps)
        for k in range(6):
            product, in_x, target = _PRODUCTS[k], _PRODUCTS_X[k], _SMOOTHED[k] + slice_
            mirror_plane(work, product, rows, position)
            smooth_x(work, product, rows, taps, in_x)
            for row in range(rows):
                for x in range(0, WIDTH, LANES):
                    i = row_start(0, row) + x
                    store(work, target + i, smoothed(work, in_x + i, STRIDE, smooth))

    @njit(**COMPILED)
    def finish(work, slices, rows, taps, out, planes):
        """Smooth the products along z, and take eigenvalues."""
        _, _, smooth = read(taps)
        for row in range(rows):
            for k in range(6):
                for x in range(0, WIDTH, LANES):
                    i = row_start(_SMOOTHED[k], row) + x
                    store(work, _ROW[k] + x, smoothed_along_z(work, i, slices, smooth))
            eigenvalues_3x3(work, _ROW, out, moved(planes.structure, row * WIDTH), WIDTH)

    return smooth_products, finish


def _tensor(filters: TensorFilters) -> Any:
    """Return a loop that computes the eigenvalues of a structure tensor; its parameters are :func:`features_3d`'s."""
    (gradient_in_plane, products), (smooth_products, finish) = _gradient(filters), _smoothing(filters)
    reach = filters.reach

    @njit(**COMPILED)
    def loop(view, box, position, taps, work, out, planes):
        slices, rows = box.slices, box.rows
        for z in range(-3, slices + 3):
            gradient_in_plane(view, view.start + z * view.plane, rows, taps, work, (z + MARGIN) * _PLANE)
        for z in range(-reach, slices + reach):
            if 0 <= position.z + z < position.depth:
                products(work, (z + MARGIN) * _PLANE, rows, taps)
                smooth_products(work, (z + MARGIN) * _PLANE, rows, position, taps)
        for z in range(slices):
            finish(work, _neighbours(z, position), rows, taps, out, moved_planes(planes, z * DEEP.rows * WIDTH))

    return loop


_tensor_at_integration, _tensor_at_gradient = _tensor(AT_INTEGRATION), _tensor(AT_GRADIENT)


@njit(**INLINED)
def _structure_tensor(view, box, position, taps, work, out, planes, at_gradient):
    # The type of the last argument decides while this is compiled, so that only one of the loops is.
    if at_gradient is None:
        _tensor_at_integration(view, box, position, taps, work, out, planes)
    else:
        _tensor_at_gradient(view, box, position, taps, work, out, planes)


@njit(**COMPILED)
def features_3d(view, box, position, scale, work, out, planes, at_gradient):
    """Compute the features of one scale for a block.

    Parameters
    ----------
    view, box, position, scale
        :class:`~.layout.View`, :class:`~.layout.Box`, :class:`~.layout.Position` and :class:`~.layout.Scale`. The
        block has at most the slices and rows of a deep one. Always :data:`~.layout.WIDTH` columns are computed.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    out, planes
        float32 array for the features, and the :class:`~.layout.Planes` in it, each of as many rows of
        :data:`~.layout.WIDTH` as deep blocks have.
    at_gradient
        See :class:`~.blocks.FeatureTables`.
    """
    slices, rows, taps = box.slices, box.rows, scale.taps
    for z in range(-2, slices + 2):
        _derivatives_in_plane(view, view.start + z * view.plane, rows, taps, work, (z + MARGIN) * _PLANE)
    for z in range(slices):
        _finish_derivatives(work, (z + MARGIN) * _PLANE, rows, taps, out, moved_planes(planes, z * DEEP.rows * WIDTH))
    if scale.needs_tensor:
        _structure_tensor(view, box, position, taps, work, out, planes, at_gradient)
