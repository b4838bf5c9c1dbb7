"""Compiled features against plain ones."""

from dataclasses import replace

import numpy as np
import pytest
from plain_features import plain_features

from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.features import selection
from napari_batch_prediction.features.selection import FEATURE_IDS, FeatureSelection


def everything(scales, in_2d):
    """Every feature at every scale."""
    return FeatureSelection(FEATURE_IDS, tuple(scales), ((True,) * len(scales),) * len(FEATURE_IDS), tuple(in_2d))


def compiled_features(image, chosen, tile=None):
    """Features of a tile of an image (c, z, y, x), by the compiled loops."""
    tile = tile or tuple(slice(0, n) for n in image.shape[1:])
    return ENGINE.prepare(chosen, len(image)).features(image, tile)


def picture(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape)
    for axis in range(1, len(shape)):
        values = values + np.roll(values, 1, axis)
    values = (values - values.min()) / np.ptp(values)
    if np.dtype(dtype).kind == "f":
        return (values * 2 - 1).astype(dtype)
    info = np.iinfo(dtype)
    low, high = max(info.min, -(2**31)), min(info.max, 2**31)
    return (low + values * (float(high) - low)).astype(dtype)


def assert_close(got, image, chosen):
    """Equal to the rounding of float32: relative to the brightest pixel, squared for the structure tensor."""
    expected = plain_features(image, chosen)
    peak = np.abs(image.astype(float)).max()
    for name, a, b in zip(chosen.names(len(image)), got, expected, strict=True):
        error = np.abs(a - b).max() / (peak**2 if "Tensor" in name else peak)
        assert error < 2e-6, f"{name}: {error}"


cases = {
    "2D": ((1, 1, 45, 61), "uint8", (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0), None),
    "2D, three channels": ((3, 1, 40, 33), "uint16", (0.7, 3.5), None),
    "2D, larger than a block": ((1, 1, 70, 300), "uint8", (0.7, 1.6, 5.0), None),
    "3D": ((1, 37, 40, 39), "uint8", (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0), False),
    "3D, two channels": ((2, 15, 20, 25), "uint16", (1.0, 3.5), False),
    "3D, larger than a block": ((1, 20, 21, 150), "uint8", (1.0, 1.6), False),
    "slices": ((1, 9, 30, 28), "uint8", (0.7, 3.5), True),
    "scales of a user": ((1, 1, 60, 50), "uint8", (0.12, 0.2, 0.25, 0.5, 2.2, 14.1), None),
    "the smallest image": ((1, 1, 3, 4), "uint8", (0.3,), None),
    "the smallest volume": ((1, 3, 3, 3), "uint8", (0.3,), False),
    "int8": ((1, 1, 30, 30), "int8", (1.6,), None),
    "int16": ((1, 1, 30, 30), "int16", (1.6,), None),
    "int32": ((1, 1, 30, 30), "int32", (1.6,), None),
    "uint32": ((1, 1, 30, 30), "uint32", (1.6,), None),
    "int64": ((1, 1, 30, 30), "int64", (1.6,), None),
    "uint64": ((1, 1, 30, 30), "uint64", (1.6,), None),
    "float16": ((1, 1, 30, 30), "float16", (1.6,), None),
    "float32": ((1, 1, 30, 30), "float32", (1.6,), None),
    "float64": ((1, 1, 30, 30), "float64", (1.6,), None),
}


@pytest.mark.parametrize("case", cases)
def test_every_feature_equals_the_one_computed_plainly(case):
    """Every feature of every kind of image."""
    shape, dtype, scales, in_2d = cases[case]
    chosen = everything(scales, [shape[1] == 1 if in_2d is None else in_2d] * len(scales))
    image = picture(shape, dtype)
    assert_close(compiled_features(image, chosen), image, chosen)


def test_scales_in_2d_and_3d_are_mixed():
    """Each scale in its own dimensions."""
    chosen = everything((0.7, 1.0, 3.5), (False, True, False))
    image = picture((1, 16, 18, 140), "uint8")
    assert_close(compiled_features(image, chosen), image, chosen)


@pytest.mark.parametrize("in_2d", [True, False])
@pytest.mark.parametrize("name", FEATURE_IDS)
def test_one_feature_alone_equals_that_of_all(name, in_2d):
    """A single feature at one of several scales, in an order that is not the usual one."""
    ids = (selection.HESSIAN, selection.GAUSSIAN, selection.STRUCTURE, *FEATURE_IDS[1:4])
    matrix = tuple((False, each == name, False) for each in ids)
    chosen = FeatureSelection(ids, (0.7, 1.6, 5.0), matrix, (in_2d,) * 3)
    image = picture((2, 12, 20, 24), "uint8")
    assert_close(compiled_features(image, chosen), image, chosen)


@pytest.mark.parametrize("in_2d", [True, False])
def test_tile_with_its_context_equals_the_whole_image(in_2d):
    """A tile with its context gives the bits of the whole image."""
    chosen = everything((0.3, 1.0, 3.5), (in_2d,) * 3)
    image = picture((1, 40, 50, 60), "uint16")
    whole = compiled_features(image, chosen)
    z, y, x = chosen.context
    tile = (slice(20, 27), slice(17, 31), slice(22, 41))
    around = tuple(slice(s.start - n, s.stop + n) for s, n in zip(tile, (z, y, x), strict=True))
    inner = tuple(slice(n, n + s.stop - s.start) for s, n in zip(tile, (z, y, x), strict=True))
    part = compiled_features(image[(slice(None), *around)], chosen, inner)
    np.testing.assert_array_equal(part, whole[(slice(None), *tile)])


OLD_TENSOR = {
    "2D": ((1, 1, 45, 300), (0.3, 0.7, 1.0, 1.6, 3.5, 10.0), True),
    "2D, two channels": ((2, 1, 20, 19), (0.7, 5.0), True),
    "2D, small": ((1, 1, 3, 4), (0.3,), True),
    "slices": ((1, 5, 20, 21), (0.7, 3.5), True),
    "3D": ((1, 20, 21, 150), (0.3, 0.7, 1.0, 3.5), False),
    "3D, small": ((1, 3, 3, 3), (0.3,), False),
    "mixed": ((1, 16, 18, 140), (0.7, 1.0, 3.5), (False, True, False)),
}


@pytest.mark.parametrize("case", OLD_TENSOR)
def test_structure_tensor_of_old_projects_equals_the_plain_one(case):
    """The gradient at the scale, smoothed at half of it; the other features are what they are."""
    shape, scales, in_2d = OLD_TENSOR[case]
    in_2d = in_2d if isinstance(in_2d, tuple) else (in_2d,) * len(scales)
    chosen = everything(scales, in_2d)
    old = replace(chosen, structure_tensor="gradient")
    image = picture(shape, "uint8")
    got = compiled_features(image, old)
    assert_close(got, image, old)
    # What is not a structure tensor has the same bits in both.
    others = ["Tensor" not in name for name in chosen.names(len(image))]
    np.testing.assert_array_equal(got[others], compiled_features(image, chosen)[others])


@pytest.mark.parametrize("in_2d", [True, False])
def test_tile_of_the_old_structure_tensor_equals_the_whole_image(in_2d):
    """A tile with its context gives the bits of the whole image."""
    chosen = replace(everything((0.7, 1.6), (in_2d,) * 2), structure_tensor="gradient")
    image = picture((1, 20, 40, 180), "uint16")
    whole = compiled_features(image, chosen)
    context = chosen.context
    for tile in [(slice(10, 11), slice(20, 21), slice(90, 91)), (slice(0, 9), slice(11, 40), slice(30, 180))]:
        around = tuple(
            slice(max(s.start - n, 0), min(s.stop + n, extent))
            for s, n, extent in zip(tile, context, image.shape[1:], strict=True)
        )
        inner = tuple(slice(s.start - a.start, s.stop - a.start) for s, a in zip(tile, around, strict=True))
        part = compiled_features(image[(slice(None), *around)], chosen, inner)
        np.testing.assert_array_equal(part, whole[(slice(None), *tile)])
