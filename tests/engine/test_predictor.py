"""An engine's predictor: values, features, and features of single pixels."""

import numpy as np
import pytest

from napari_batch_prediction.engine.base import ClassForest
from napari_batch_prediction.engine.compiled.engine import ENGINE
from napari_batch_prediction.features.selection import FEATURE_IDS, FeatureSelection
from napari_batch_prediction.forest.trees import Tree

SHAPES = {"2D": (2, 1, 150, 300), "3D": (1, 40, 70, 150)}


def selection(kind):
    """Every feature at two scales."""
    return FeatureSelection(FEATURE_IDS, (0.7, 1.6), ((True, True),) * len(FEATURE_IDS), (kind == "2D",) * 2)


def image(kind):
    return np.random.default_rng(0).integers(0, 255, SHAPES[kind], np.uint8)


def whole(pixels):
    return tuple(slice(0, n) for n in pixels.shape[1:])


def stump(*values):
    """A tree that splits at a smoothed brightness of 128; its leaves give the first column these values."""
    leaves = [[value, 1 - value] for value in values]
    return Tree(
        np.array([0, -1, -1], np.int32),
        np.array([128.0, 0, 0]),
        np.array([1, 0, 0], np.int32),
        np.array([[0, 0], *leaves], np.float64),
    )


@pytest.mark.parametrize("kind", SHAPES)
def test_features_at_equal_those_of_the_whole_image(kind):
    """In any order, at the ends of the image, and several times the same; bit for bit."""
    pixels = image(kind)
    predictor = ENGINE.prepare(selection(kind), len(pixels))
    rng = np.random.default_rng(1)
    coordinates = np.stack([rng.integers(0, n, 200) for n in pixels.shape[1:]], 1)
    coordinates[0], coordinates[1] = 0, np.array(pixels.shape[1:]) - 1
    coordinates[7] = coordinates[3]
    rows = predictor.features_at(pixels, coordinates)
    expected = predictor.features(pixels, whole(pixels))[(slice(None), *coordinates.T)].T
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected)


def test_features_at_no_pixels_have_no_rows():
    """Their length is that of the feature vector."""
    pixels = image("2D")
    predictor = ENGINE.prepare(selection("2D"), 2)
    assert predictor.features_at(pixels, np.empty((0, 3), np.int64)).shape == (0, selection("2D").n_features(2))


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("leaves", [(1.0, 0.0), (0.75, 0.25)], ids=["votes", "probabilities"])
def test_values_and_features_together_equal_those_apart(kind, leaves):
    """Classes without a column in the forest have the probability 0."""
    pixels = image(kind)
    model = ClassForest([stump(*leaves)] * 3, [3, 1], 5)
    predictor = ENGINE.prepare(selection(kind), len(pixels), model)
    values, features = predictor.predict_with_features(pixels, whole(pixels))
    np.testing.assert_array_equal(values, predictor.predict(pixels, whole(pixels)))
    np.testing.assert_array_equal(features, predictor.features(pixels, whole(pixels)))
    left = features[0] < 128
    expected = np.zeros_like(values)
    expected[3] = np.where(left, *leaves)
    expected[1] = 1 - expected[3]
    np.testing.assert_array_equal(values, expected)


def test_features_need_no_model():
    """They are the same with a model."""
    pixels = image("2D")
    model = ClassForest([stump(1.0, 0.0)], [0, 1], 2)
    alone, beside = (ENGINE.prepare(selection("2D"), 2, one).features(pixels, whole(pixels)) for one in (None, model))
    np.testing.assert_array_equal(alone, beside)


def test_slices_filtered_alone_equal_single_images():
    """A stack whose features do not look beyond a slice is computed slice by slice, bit for bit as images are."""
    stack = np.random.default_rng(2).integers(0, 255, (1, 9, 37, 150), np.uint8)
    predictor = ENGINE.prepare(selection("2D"), 1, ClassForest([stump(1.0, 0.0)], [0, 1], 2))
    slices = [predictor.predict(stack[:, [z]], whole(stack[:, [z]])) for z in range(9)]
    np.testing.assert_array_equal(predictor.predict(stack, whole(stack)), np.concatenate(slices, 1))
