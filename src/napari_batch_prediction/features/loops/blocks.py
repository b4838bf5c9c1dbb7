"""Features of one block, compiled: of every scale and channel, in 2D or in 3D.

The loops have the same parameters. ``tile`` and ``tables`` are a :class:`~.smoothing.SmoothedTile` and
:class:`~.tables.FeatureTables`, ``geometry`` a :class:`~.layout.Geometry`, and ``box`` the numbers of a
:class:`~.layout.Box` in an int64 array. ``work`` is float32 work space of :data:`~.work_space.WORK_SIZE` elements, and
``out`` float32 (features + 1, :func:`~.layout.block_size`), flat, of which the last feature is scratch.

The last parameter of tensors is True if the gradient has the scale, None if its smoothing has: numba compiles a loop
for either, since the types differ.
"""

from numba import njit

from napari_batch_prediction.features.layout import WIDTH, Position, View
from napari_batch_prediction.features.loops.filters2d import (
    derivatives_2d,
    tensor_at_gradient_2d,
    tensor_at_integration_2d,
)
from napari_batch_prediction.features.loops.filters3d import (
    derivatives_3d,
    tensor_at_gradient_3d,
    tensor_at_integration_3d,
)
from napari_batch_prediction.features.loops.planes import moved_planes, output_planes, read_box, size_of_block
from napari_batch_prediction.simd.caching import INLINED, strict


@njit(**INLINED)
def _position(tile, box):
    z, y, x = tile.origin
    depth, height, width = tile.extents
    return Position(z + box.z, y + box.y, x + box.x, depth, height, width)


@njit(**INLINED)
def _view(tile, box, scale, channel):
    first = box.z * tile.plane + box.y * tile.stride + box.x
    return View(tile.values, tile.start[scale, channel] + first, tile.plane, tile.stride)


@strict
def block_derivatives_2d(tile, tables, geometry, box, work, out):
    """Compute all features but structure tensors of those scales that are filtered slice by slice."""
    box, size = read_box(box), size_of_block(geometry)
    for i in range(tile.start.shape[0]):
        if tables.in_2d[i]:
            for c in range(tile.start.shape[1]):
                view, planes = _view(tile, box, i, c), output_planes(tables.column[i, c], size)
                for s in range(box.slices):
                    here = moved_planes(planes, s * geometry.rows * WIDTH)
                    derivatives_2d(view, view.start + s * view.plane, box.rows, tables.taps[i], work, out, here)


@strict
def block_tensors_2d(tile, tables, geometry, box, work, out, at_gradient):
    """Compute the structure tensors of those scales that are filtered slice by slice."""
    box, size = read_box(box), size_of_block(geometry)
    position = _position(tile, box)
    for i in range(tile.start.shape[0]):
        if tables.in_2d[i] and tables.needs_tensor[i]:
            taps = tables.taps[i]
            for c in range(tile.start.shape[1]):
                view, planes = _view(tile, box, i, c), output_planes(tables.column[i, c], size)
                for s in range(box.slices):
                    start, here = view.start + s * view.plane, moved_planes(planes, s * geometry.rows * WIDTH)
                    if at_gradient is None:
                        tensor_at_integration_2d(view, start, box.rows, position, taps, work, out, here)
                    else:
                        tensor_at_gradient_2d(view, start, box.rows, position, taps, work, out, here)


@strict
def block_derivatives_3d(tile, tables, geometry, box, work, out):
    """Compute all features but structure tensors of the other scales."""
    box, size = read_box(box), size_of_block(geometry)
    for i in range(tile.start.shape[0]):
        if not tables.in_2d[i]:
            for c in range(tile.start.shape[1]):
                planes = output_planes(tables.column[i, c], size)
                derivatives_3d(_view(tile, box, i, c), box, tables.taps[i], work, out, planes)


@strict
def block_tensors_3d(tile, tables, geometry, box, work, out, at_gradient):
    """Compute the structure tensors of the other scales."""
    box, size = read_box(box), size_of_block(geometry)
    position = _position(tile, box)
    for i in range(tile.start.shape[0]):
        if not tables.in_2d[i] and tables.needs_tensor[i]:
            for c in range(tile.start.shape[1]):
                view, planes = _view(tile, box, i, c), output_planes(tables.column[i, c], size)
                if at_gradient is None:
                    tensor_at_integration_3d(view, box, position, tables.taps[i], work, out, planes)
                else:
                    tensor_at_gradient_3d(view, box, position, tables.taps[i], work, out, planes)
