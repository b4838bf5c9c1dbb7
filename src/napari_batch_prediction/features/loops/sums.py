"""Sums over neighbours by the filters of one scale, compiled."""

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import njit

from napari_batch_prediction.features.taps import Five, Taps, Three
from napari_batch_prediction.simd.caching import INLINED
from napari_batch_prediction.simd.vectors import fma, load, splat


@njit(**INLINED)
def read_taps(row):
    """Return the :class:`Taps` in a row of :func:`~.taps.stored_taps`."""
    return Taps(
        Five(splat(row[0]), splat(row[1]), splat(row[2])),
        Five(splat(row[3]), splat(row[4]), splat(row[5])),
        Five(splat(row[6]), splat(row[7]), splat(row[8])),
        Three(splat(row[9]), splat(row[10])),
        Three(splat(row[11]), splat(row[12])),
        Three(splat(row[13]), splat(row[14])),
    )


@njit(**INLINED)
def symmetric5(values, i, step, taps):
    """Return five taps around ``values[i : i + 16]``."""
    near = load(values, i + step) + load(values, i - step)
    far = load(values, i + 2 * step) + load(values, i - 2 * step)
    return fma(far, taps.far, fma(near, taps.near, taps.centre * load(values, i)))


@njit(**INLINED)
def antisymmetric5(values, i, step, taps):
    """Return five taps around ``values[i : i + 16]``, those before the centre negative."""
    near = load(values, i + step) - load(values, i - step)
    far = load(values, i + 2 * step) - load(values, i - 2 * step)
    return fma(far, taps.far, fma(near, taps.near, taps.centre * load(values, i)))


@njit(**INLINED)
def symmetric3(values, i, step, taps):
    """Return three taps around ``values[i : i + 16]``."""
    return fma(load(values, i + step) + load(values, i - step), taps.near, taps.centre * load(values, i))


@njit(**INLINED)
def antisymmetric3(values, i, step, taps):
    """Return three taps around ``values[i : i + 16]``, the one before the centre negative."""
    return fma(load(values, i + step) - load(values, i - step), taps.near, taps.centre * load(values, i))


@njit(**INLINED)
def _of_integration(row):
    taps = read_taps(row)
    return taps.edge_smooth, taps.edge_first, taps.smooth


@njit(**INLINED)
def _of_gradient(row):
    taps = read_taps(row)
    return taps.smooth, taps.first, taps.edge_smooth


class TensorFilters(NamedTuple):
    """The filters of a structure tensor, chosen when the loops are compiled.

    Attributes
    ----------
    read
        Returns three filters from a row of :func:`~.taps.stored_taps`: smoothing and derivative of the gradient, and
        smoothing of its products.
    symmetric, antisymmetric
        The sums over neighbours for the gradient.
    smooth
        The sum over neighbours for its products.
    reach
        Neighbours on each side that ``smooth`` adds up.
    """

    read: Callable[..., Any]
    symmetric: Callable[..., Any]
    antisymmetric: Callable[..., Any]
    smooth: Callable[..., Any]
    reach: int


# ilastik names a gradient at sigma smoothed at sigma / 2. With fastfilters it computes the reverse.
AT_INTEGRATION = TensorFilters(_of_integration, symmetric3, antisymmetric3, symmetric5, 2)
"""The gradient at half the scale, its products smoothed at the scale."""

AT_GRADIENT = TensorFilters(_of_gradient, symmetric5, antisymmetric5, symmetric3, 1)
"""The gradient at the scale, its products smoothed at half of it."""
