"""Which planes of work space hold what, in 2D and in 3D."""

from typing import NamedTuple

from napari_batch_prediction.features.layout import DEEP, FLAT, MARGIN, WIDTH, RowPasses, plane_size

# A stack of slices may be filtered slice by slice in blocks that are deep: they have fewer rows.
PLANE_2D = plane_size(FLAT.rows)


class Products(NamedTuple):
    """Planes of work space: the products of a gradient."""

    xx: int
    xy: int
    yy: int


X_2D = RowPasses(*(i * PLANE_2D for i in range(6)))
PRODUCTS_2D = Products(*(i * PLANE_2D for i in range(6, 9)))
SMOOTHED_2D = Products(*(i * PLANE_2D for i in range(9, 12)))


class Tensor(NamedTuple):
    """Indices at which the entries of symmetric 3x3 matrices begin in an array."""

    xx: int
    yy: int
    zz: int
    xy: int
    xz: int
    yz: int


PLANE_3D = plane_size(DEEP.rows)
STACK_3D = (DEEP.slices + 2 * MARGIN) * PLANE_3D


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
X_3D = RowPasses(*(i * PLANE_3D for i in range(6)))
PRODUCTS_3D = Tensor(*(i * PLANE_3D for i in range(6, 12)))
PRODUCTS_X_3D = Tensor(*(i * PLANE_3D for i in range(12, 18)))
XY_3D = Stacks(*(18 * PLANE_3D + i * STACK_3D for i in range(10)))
SMOOTHED_3D = Tensor(*(18 * PLANE_3D + i * STACK_3D for i in range(10, 16)))
ROW_3D = Tensor(*(18 * PLANE_3D + 16 * STACK_3D + i * WIDTH for i in range(6)))

WORK_SIZE = max(12 * PLANE_2D, ROW_3D.xx + 6 * WIDTH) + 64
"""Elements of work space."""
