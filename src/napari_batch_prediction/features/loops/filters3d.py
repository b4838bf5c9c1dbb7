"""The second stage in 3D: every feature of one scale for a small block, compiled.

All features of a scale share their passes along x and y, slice by slice; the pass along z finishes them.
"""

from typing import Any, NamedTuple

from numba import njit

from napari_batch_prediction.features.layout import DEEP, MARGIN, STRIDE, WIDTH
from napari_batch_prediction.features.loops.eigenvalues import eigenvalues_3x3
from napari_batch_prediction.features.loops.passes import (
    derivatives_along_x,
    gradient_along_x,
    mirror_plane,
    smooth_along_x,
)
from napari_batch_prediction.features.loops.planes import moved, moved_planes, row_start
from napari_batch_prediction.features.loops.presmoothing import mirror
from napari_batch_prediction.features.loops.sums import (
    AT_GRADIENT,
    AT_INTEGRATION,
    TensorFilters,
    antisymmetric5,
    read_taps,
    symmetric3,
    symmetric5,
)
from napari_batch_prediction.features.work_space import (
    PLANE_3D,
    PRODUCTS_3D,
    PRODUCTS_X_3D,
    ROW_3D,
    SMOOTHED_3D,
    X_3D,
    XY_3D,
)
from napari_batch_prediction.simd.caching import INLINED, UNCOUNTED
from napari_batch_prediction.simd.lanes import LANES
from napari_batch_prediction.simd.vectors import fma, load, sqrt, store


@njit(**UNCOUNTED)
def _derivatives_in_plane(view, start, rows, taps, work, slice_):
    """Filter one slice along x and y, into the planes that begin ``slice_`` elements into their stacks."""
    derivatives_along_x(view, start, rows, taps, work, X_3D)
    taps = read_taps(taps)
    for row in range(rows):
        for x in range(0, WIDTH, LANES):
            i = row_start(0, row) + x
            k = i + slice_
            store(work, XY_3D.smooth + k, symmetric5(work, X_3D.smooth + i, STRIDE, taps.smooth))
            store(work, XY_3D.dy + k, antisymmetric5(work, X_3D.smooth + i, STRIDE, taps.first))
            store(work, XY_3D.dyy + k, symmetric5(work, X_3D.smooth + i, STRIDE, taps.second))
            store(work, XY_3D.dx + k, symmetric5(work, X_3D.first + i, STRIDE, taps.smooth))
            store(work, XY_3D.dxy + k, antisymmetric5(work, X_3D.first + i, STRIDE, taps.first))
            store(work, XY_3D.dxx + k, symmetric5(work, X_3D.second + i, STRIDE, taps.smooth))
            store(work, XY_3D.narrow + k, symmetric3(work, X_3D.narrow + i, STRIDE, taps.narrow))


@njit(**UNCOUNTED)
def _finish_derivatives(work, slice_, rows, taps, out, planes):
    """Pass along z: all features but the structure tensor, of one slice."""
    taps = read_taps(taps)
    for row in range(rows):
        k = row * WIDTH
        for x in range(0, WIDTH, LANES):
            i = row_start(slice_, row) + x
            smooth = symmetric5(work, XY_3D.smooth + i, PLANE_3D, taps.smooth)
            dz = antisymmetric5(work, XY_3D.smooth + i, PLANE_3D, taps.first)
            dzz = symmetric5(work, XY_3D.smooth + i, PLANE_3D, taps.second)
            dy = symmetric5(work, XY_3D.dy + i, PLANE_3D, taps.smooth)
            dyz = antisymmetric5(work, XY_3D.dy + i, PLANE_3D, taps.first)
            dyy = symmetric5(work, XY_3D.dyy + i, PLANE_3D, taps.smooth)
            dx = symmetric5(work, XY_3D.dx + i, PLANE_3D, taps.smooth)
            dxz = antisymmetric5(work, XY_3D.dx + i, PLANE_3D, taps.first)
            dxy = symmetric5(work, XY_3D.dxy + i, PLANE_3D, taps.smooth)
            dxx = symmetric5(work, XY_3D.dxx + i, PLANE_3D, taps.smooth)
            narrow = symmetric3(work, XY_3D.narrow + i, PLANE_3D, taps.narrow)
            store(out, planes.smooth + k + x, smooth)
            store(out, planes.laplacian + k + x, dxx + dyy + dzz)
            store(out, planes.gradient + k + x, sqrt(dx * dx + dy * dy + dz * dz))
            store(out, planes.difference + k + x, smooth - narrow)
            store(work, ROW_3D.xx + x, dxx)
            store(work, ROW_3D.yy + x, dyy)
            store(work, ROW_3D.zz + x, dzz)
            store(work, ROW_3D.xy + x, dxy)
            store(work, ROW_3D.xz + x, dxz)
            store(work, ROW_3D.yz + x, dyz)
        eigenvalues_3x3(work, ROW_3D, out, moved(planes.hessian, k), WIDTH)


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
        (mirror(image_z - 2, position.depth) + shift) * PLANE_3D,
        (mirror(image_z - 1, position.depth) + shift) * PLANE_3D,
        (z + MARGIN) * PLANE_3D,
        (mirror(image_z + 1, position.depth) + shift) * PLANE_3D,
        (mirror(image_z + 2, position.depth) + shift) * PLANE_3D,
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

    @njit(**UNCOUNTED)
    def gradient_in_plane(view, start, rows, taps, work, slice_):
        """Filter one slice along x and y for the gradient."""
        along_x(view, start, rows, taps, work, X_3D)
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                k = i + slice_
                store(work, XY_3D.edge + k, symmetric(work, X_3D.edge_smooth + i, STRIDE, smooth))
                store(work, XY_3D.edge_dy + k, antisymmetric(work, X_3D.edge_smooth + i, STRIDE, first))
                store(work, XY_3D.edge_dx + k, symmetric(work, X_3D.edge_first + i, STRIDE, smooth))

    @njit(**UNCOUNTED)
    def products(work, slice_, rows, taps):
        """Finish the gradient in one slice, and multiply."""
        smooth, first, _ = read(taps)
        for row in range(-reach, rows + reach):
            for x in range(-reach, WIDTH + reach, LANES):
                i = row_start(0, row) + x
                k = i + slice_
                dz = antisymmetric(work, XY_3D.edge + k, PLANE_3D, first)
                dy = symmetric(work, XY_3D.edge_dy + k, PLANE_3D, smooth)
                dx = symmetric(work, XY_3D.edge_dx + k, PLANE_3D, smooth)
                store(work, PRODUCTS_3D.xx + i, dx * dx)
                store(work, PRODUCTS_3D.yy + i, dy * dy)
                store(work, PRODUCTS_3D.zz + i, dz * dz)
                store(work, PRODUCTS_3D.xy + i, dx * dy)
                store(work, PRODUCTS_3D.xz + i, dx * dz)
                store(work, PRODUCTS_3D.yz + i, dy * dz)

    return gradient_in_plane, products


def _smoothing(filters: TensorFilters) -> tuple[Any, Any]:
    """Return two loops: that smooths the products of one slice, and that does so along z and takes eigenvalues."""
    read, smoothed = filters.read, filters.smooth
    smoothed_along_z = _over_five if filters.reach > 1 else _over_three
    smooth_x = smooth_along_x(filters)

    @njit(**UNCOUNTED)
    def smooth_products(work, slice_, rows, position, taps):
        """Smooth the products of one slice along x and y."""
        _, _, smooth = read(taps)
        for k in range(6):
            product, in_x, target = PRODUCTS_3D[k], PRODUCTS_X_3D[k], SMOOTHED_3D[k] + slice_
            mirror_plane(work, product, rows, position)
            smooth_x(work, product, rows, taps, in_x)
            for row in range(rows):
                for x in range(0, WIDTH, LANES):
                    i = row_start(0, row) + x
                    store(work, target + i, smoothed(work, in_x + i, STRIDE, smooth))

    @njit(**UNCOUNTED)
    def finish(work, slices, rows, taps, out, planes):
        """Smooth the products along z, and take eigenvalues."""
        _, _, smooth = read(taps)
        for row in range(rows):
            for k in range(6):
                for x in range(0, WIDTH, LANES):
                    i = row_start(SMOOTHED_3D[k], row) + x
                    store(work, ROW_3D[k] + x, smoothed_along_z(work, i, slices, smooth))
            eigenvalues_3x3(work, ROW_3D, out, moved(planes.structure, row * WIDTH), WIDTH)

    return smooth_products, finish


def _tensor(filters: TensorFilters) -> Any:
    """Return a loop that computes the eigenvalues of a structure tensor; of a block.

    Its parameters are those of :func:`derivatives_3d`, and the :class:`~.layout.Position`.
    """
    (gradient_in_plane, products), (smooth_products, finish) = _gradient(filters), _smoothing(filters)
    reach = filters.reach

    @njit(**UNCOUNTED)
    def loop(view, box, position, taps, work, out, planes):
        slices, rows = box.slices, box.rows
        for z in range(-3, slices + 3):
            gradient_in_plane(view, view.start + z * view.plane, rows, taps, work, (z + MARGIN) * PLANE_3D)
        for z in range(-reach, slices + reach):
            if 0 <= position.z + z < position.depth:
                products(work, (z + MARGIN) * PLANE_3D, rows, taps)
                smooth_products(work, (z + MARGIN) * PLANE_3D, rows, position, taps)
        for z in range(slices):
            finish(work, _neighbours(z, position), rows, taps, out, moved_planes(planes, z * DEEP.rows * WIDTH))

    return loop


tensor_at_integration_3d, tensor_at_gradient_3d = _tensor(AT_INTEGRATION), _tensor(AT_GRADIENT)


@njit(**UNCOUNTED)
def derivatives_3d(view, box, taps, work, out, planes):
    """Compute all features of one scale but the structure tensor, for a block.

    Parameters
    ----------
    view, box
        :class:`~.layout.View` and :class:`~.layout.Box`. The block has at most the slices and rows of a deep one.
        Always :data:`~.layout.WIDTH` columns are computed.
    taps
        The filters, as :func:`~.taps.stored_taps` gives them.
    work
        float32 work space of :data:`WORK_SIZE` elements.
    out, planes
        float32 array for the features, and the :class:`~.layout.Planes` in it, each of as many rows of
        :data:`~.layout.WIDTH` as deep blocks have.
    """
    slices, rows = box.slices, box.rows
    for z in range(-2, slices + 2):
        _derivatives_in_plane(view, view.start + z * view.plane, rows, taps, work, (z + MARGIN) * PLANE_3D)
    for z in range(slices):
        _finish_derivatives(work, (z + MARGIN) * PLANE_3D, rows, taps, out, moved_planes(planes, z * DEEP.rows * WIDTH))
