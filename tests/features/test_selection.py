"""Order, names, context and smallest size of a selection of features."""

import re

import pytest

from napari_batch_prediction.errors import ImageMismatchError
from napari_batch_prediction.features.selection import FEATURE_IDS, GAUSSIAN, HESSIAN, STRUCTURE, FeatureSelection


def choose(*chosen: tuple[str, float], scales=(0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0), in_2d=(), ids=FEATURE_IDS):
    matrix = tuple(tuple((name, scale) in chosen for scale in scales) for name in ids)
    return FeatureSelection(ids, tuple(scales), matrix, tuple(scale in in_2d for scale in scales))


def test_order_is_feature_scale_channel_eigenvalue():
    """Features in stored order, then scales, then channels, then eigenvalues."""
    chosen = choose((GAUSSIAN, 1.0), (HESSIAN, 0.7), (HESSIAN, 1.6), ids=(HESSIAN, GAUSSIAN), in_2d=(0.7, 1.0))
    assert list(chosen) == [(HESSIAN, 1), (HESSIAN, 3), (GAUSSIAN, 2)]
    assert chosen.names(2) == (
        "Hessian of Gaussian Eigenvalues (σ=0.7) in 2D [0]",
        "Hessian of Gaussian Eigenvalues (σ=0.7) in 2D [1]",
        "Hessian of Gaussian Eigenvalues (σ=0.7) in 2D [2]",
        "Hessian of Gaussian Eigenvalues (σ=0.7) in 2D [3]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [0]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [1]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [2]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [3]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [4]",
        "Hessian of Gaussian Eigenvalues (σ=1.6) [5]",
        "Gaussian Smoothing (σ=1.0) in 2D [0]",
        "Gaussian Smoothing (σ=1.0) in 2D [1]",
    )
    assert chosen.n_features(2) == 12
    assert not chosen.all_in_2d


@pytest.mark.parametrize(
    ("scale", "in_2d", "context"),
    [(0.3, False, (4, 4, 4)), (1.0, False, (7, 7, 7)), (10.0, False, (38, 38, 38)), (10.0, True, (0, 38, 38))],
)
def test_context_is_the_reach_of_all_filters(scale, in_2d, context):
    """The radius of the first smoothing and 3 pixels more; none along z for slices by themselves."""
    assert choose((STRUCTURE, scale), in_2d=(scale,) if in_2d else ()).context == context


@pytest.mark.parametrize(("scale", "least"), [(0.3, 3), (0.7, 4), (1.0, 5), (1.6, 7), (3.5, 14), (5.0, 19), (10.0, 36)])
def test_image_smaller_than_a_scale_allows_is_refused(scale, least):
    """An image too small for a scale is an error that names the scale and the smallest size."""
    chosen = choose((GAUSSIAN, scale), in_2d=(scale,))
    chosen.check_extents(1, least, least)
    with pytest.raises(ImageMismatchError, match=re.escape(f"scale {scale:g}: it needs at least {least} pixels")):
        chosen.check_extents(1, least, least - 1)


def test_depth_counts_in_3d_only():
    """A scale in 3D needs slices, too."""
    with pytest.raises(ImageMismatchError, match="along z, y, x, but has z=4"):
        choose((GAUSSIAN, 1.0)).check_extents(4, 50, 50)
