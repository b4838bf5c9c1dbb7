"""Kernels are fastfilters' ones."""

import numpy as np
import pytest

from napari_batch_prediction.features.kernels import half_kernel, presmoothing_sigma, radius

fastfilters_radii = [  # sigma, window, radius
    (0.3, 3.5, 1), (0.7, 3.5, 2), (1.0, 3.5, 4), (1.6, 3.5, 6), (0.3, 2.0, 1), (1.0, 2.0, 2), (0.198, 2.0, 0),
    (0.66, 2.0, 1), (0.5, 2.0, 1), (0.15, 2.0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("sigma", "window", "expected"), fastfilters_radii)
def test_radius_is_rounded_half_up(sigma, window, expected):
    """Rounded half up, and no minimum of 1."""
    assert radius(sigma, window) == expected
    assert len(half_kernel(sigma, 0, window)) == expected + 1


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.66, 0.7, 1.0, 3.3, 9.95])
def test_kernels_of_each_order_are_normalised(sigma):
    """Order 0 sums to 1; order 1 answers 1 to a ramp; order 2 answers 0 to a constant and 1 to x * x / 2."""
    for window in (2.0, 3.5):
        smooth, first, second = (half_kernel(sigma, order, window).astype(float) for order in range(3))
        k = np.arange(len(smooth))
        assert smooth[0] + 2 * smooth[1:].sum() == pytest.approx(1, abs=1e-6)
        assert 2 * (first * k).sum() == pytest.approx(1, abs=1e-6)
        assert second[0] + 2 * second[1:].sum() == pytest.approx(0, abs=1e-6)
        assert (second * k * k).sum() == pytest.approx(1, abs=1e-6)


def test_first_smoothing_is_limited_to_a_scale_of_1():
    """Scales up to 1 are smoothed by the scale, and above so that the rest is 1."""
    assert presmoothing_sigma(0.7) == 0.7
    assert presmoothing_sigma(1.0) == 1.0
    assert presmoothing_sigma(10.0) ** 2 + 1 == pytest.approx(100)
