"""ilastik's features of objects by name, and the selection of a project."""

import numpy as np
import pytest

from napari_batch_prediction.errors import ProjectError
from napari_batch_prediction.objects.features.names import (
    DEFAULT,
    FEATURES,
    HULL_2D,
    HULL_3D,
    SKELETON_2D,
    STANDARD,
    Feature,
    column_titles,
    title,
    width,
)
from napari_batch_prediction.objects.features.selection import ObjectFeatures


def test_widths_depend_on_channels_and_dimensions():
    """Features of one channel, of several, of 2D and of 3D."""
    assert [width(Feature(STANDARD, "Mean"), c, 2) for c in (1, 3)] == [1, 3]
    assert [width(Feature(STANDARD, "Covariance"), c, 2) for c in (1, 3)] == [0, 9]
    assert [width(Feature(STANDARD, "Histogram in neighborhood"), c, 2) for c in (1, 3)] == [64, 0]
    assert [width(Feature(STANDARD, "RegionAxes"), 1, d) for d in (2, 3)] == [4, 9]
    assert [width(Feature(HULL_2D, "HullCenter"), 1, d) for d in (2, 3)] == [2, 0]
    assert [width(Feature(HULL_3D, "HullCenter"), 1, d) for d in (2, 3)] == [0, 3]
    assert [width(Feature(SKELETON_2D, "Terminal 1"), 1, d) for d in (2, 3)] == [2, 0]


def test_titles_are_those_of_ilastik():
    """Names that ilastik gave a title, and those that keep what they are called inside."""
    assert title(Feature(STANDARD, "Mean in neighborhood")) == "Mean Intensity in neighborhood"
    assert title(Feature(STANDARD, "Mean in object and neighborhood")) == "Mean in object and neighborhood"
    assert title(Feature(STANDARD, "Weighted<RegionCenter>")) == "Weighted<RegionCenter>"
    assert column_titles(Feature(DEFAULT, "RegionCenter"), 1, 2) == ["Center of the object_0", "Center of the object_1"]
    for plugin, names in FEATURES.items():
        titles = [title(Feature(plugin, name)) for name in names]
        assert len(set(titles)) == len(titles)


def test_features_are_in_the_order_of_the_forest():
    """By plugin, then by name; default features need no selection."""
    features = ObjectFeatures.make(
        {STANDARD: {"Count": {}, "Coord<Maximum>": {}}, SKELETON_2D: {"Diameter": {}}, DEFAULT: {"Count": {}}}
    )
    expected = [(SKELETON_2D, "Diameter"), (STANDARD, "Coord<Maximum>"), (STANDARD, "Count")]
    assert [tuple(feature) for feature in features.features] == expected


def test_largest_margin_of_all_features_counts():
    """Also of features that are not selected; one number stands for all axes, and the shortest list says how many."""
    computed = {
        STANDARD: {
            "Mean in neighborhood": {"margin": np.array([3, 9])},
            "Sum in neighborhood": {"margin": 5},
            "Count": {},
        }
    }
    features = ObjectFeatures.make(computed, [(STANDARD, "Count")])
    assert (features.margin, features.features) == ((5, 9), (Feature(STANDARD, "Count"),))


def test_unknown_feature_is_an_error():
    """It says which one, and what to do."""
    with pytest.raises(ProjectError, match=r"'Roundness' of 'Standard Object Features'.*choose other features"):
        ObjectFeatures.make({STANDARD: {"Roundness": {}}})
