"""Features of objects against the tables that ilastik wrote."""

import golden_objects
import numpy as np
import pytest

from napari_batch_prediction.objects.features.names import (
    DEFAULT,
    DEFAULT_FEATURES,
    Feature,
    column_titles,
)
from napari_batch_prediction.objects.features.selection import ObjectFeatures
from napari_batch_prediction.objects.features.table import feature_matrix, feature_table
from napari_batch_prediction.objects.volume import ArrayVolume

pytestmark = pytest.mark.golden

# Numbers in single precision may differ in their last digit.
TOLERANCE = 3e-7


@pytest.mark.parametrize("name", ["test1", "test2"])
@pytest.mark.parametrize("case", golden_objects.OBJECTS)
def test_every_column_is_that_of_ilastik(case, name):
    """Each feature that ilastik computed, and its default features, in every column of its table."""
    features = ObjectFeatures.make(golden_objects.computed(case))
    for image in golden_objects.objects(case, name):
        n = int(image.labels.max())
        n_channels, n_dims = len(image.raw), 3 if image.raw.shape[1] > 1 else 2
        table = feature_table(ArrayVolume(image.labels), ArrayVolume(image.raw), n, features)
        compared = set()
        for feature in (*features.features, *(Feature(DEFAULT, name) for name in DEFAULT_FEATURES)):
            titles = column_titles(feature, n_channels, n_dims)
            assert table[feature].shape == (n, len(titles)), feature
            expected = np.stack([image.column(title) for title in titles], axis=1)
            np.testing.assert_allclose(table[feature], expected, rtol=TOLERANCE, err_msg=str(feature))
            compared.update(titles)
        left = [title for title in image.table if title not in compared and not title.startswith("Probability of ")]
        others = ["object_id", "timestep", "labelimage_oid", "User Label", "Predicted Class"]
        assert left in (others, [*others, "original_oid"])


@pytest.mark.parametrize("case", golden_objects.OBJECTS)
def test_matrix_has_the_columns_of_the_forest(case):
    """The columns that a forest takes are as many as the forest says, in the order of their titles."""
    selected = golden_objects.computed(case, "ObjectClassification/SelectedFeatures")
    names = [(plugin, name) for plugin in selected for name in selected[plugin]]
    features = ObjectFeatures.make(golden_objects.computed(case), names)
    image = next(golden_objects.objects(case, "test2"))
    table = feature_table(ArrayVolume(image.labels), ArrayVolume(image.raw), int(image.labels.max()), features)
    matrix = feature_matrix(table, features)
    columns = features.columns(len(image.raw), 3 if image.raw.shape[1] > 1 else 2)
    assert matrix.shape[1] == len(columns) == golden_objects.column_count(case)
    assert np.isfinite(matrix).all()
    for i, column in enumerate(columns):
        expected = np.nan_to_num(image.column(column.title), nan=0, posinf=0, neginf=0)
        np.testing.assert_allclose(matrix[:, i], expected, rtol=TOLERANCE, err_msg=str(column))
