"""The table of objects: against scikit-image with pixels of any size and place, and what is no number."""

import numpy as np
import pytest
from labelled_blobs import blobs
from skimage.measure import regionprops_table

from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.objects.measuring import ObjectColumns, Scale, measure_objects
from napari_batch_prediction.objects.table import ObjectTable, with_classes
from napari_batch_prediction.objects.volume import ArrayVolume

NAMES = {
    "num_pixels": "pixels",
    "equivalent_diameter_area": "equivalent_diameter",
    "axis_major_length": "axis_major_length",
    "axis_minor_length": "axis_minor_length",
    "extent": "extent",
    "intensity_mean": "intensity_mean",
    "intensity_min": "intensity_min",
    "intensity_max": "intensity_max",
    "intensity_std": "intensity_std",
}


@pytest.mark.parametrize("n_dims", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_pixels_of_any_size_and_place(n_dims, seed):
    """Every column as by scikit-image's spacing; positions begin where the file says that the first pixel is."""
    rng = np.random.default_rng(seed)
    shape = (1, 60, 50) if n_dims == 2 else (9, 25, 28)
    labels = blobs(shape, seed)
    raw = rng.gamma(2, 300, shape)
    size, origin = (tuple(rng.uniform(low, high, 3)) for low, high in ((0.1, 4), (-50, 50)))
    scale = Scale(size=size, unit="micrometer", origin=origin)
    n = int(labels.max())
    columns = ObjectColumns(flat=n_dims == 2, deep=n_dims == 3)
    got = measure_objects(ArrayVolume(labels[None]), ArrayVolume(raw[None]), n, columns, scale)
    cut = (lambda values: values[0]) if n_dims == 2 else (lambda values: values)
    names = NAMES | {"area": "area" if n_dims == 2 else "volume"}
    if n_dims == 2:
        names |= {"eccentricity": "eccentricity"}
    wanted = regionprops_table(
        cut(labels),
        cut(raw),
        properties=("centroid", "bbox", *(["orientation"] if n_dims == 2 else []), *names),
        spacing=size[3 - n_dims :],
    )
    if n_dims == 2:
        # What is equally long in all directions has none; half a turn makes no difference.
        turned = (got["orientation"] - wanted["orientation"])[wanted["eccentricity"] > 0]
        np.testing.assert_allclose(np.sin(turned), 0, atol=1e-6)
    for theirs, ours in names.items():
        np.testing.assert_allclose(got[ours], wanted[theirs], rtol=1e-5, atol=1e-6, err_msg=ours)
    for i, key in enumerate("zyx"[3 - n_dims :]):
        position = wanted[f"centroid-{i}"] + origin[3 - n_dims + i]
        np.testing.assert_allclose(got[f"position_{key}"], position, rtol=1e-9)
        np.testing.assert_array_equal(got[f"bbox_min_{key}"], wanted[f"bbox-{i}"])
        np.testing.assert_array_equal(got[f"bbox_max_{key}"], wanted[f"bbox-{i + n_dims}"])


def test_intensities_that_are_no_numbers():
    """Without any number nothing is known; with some, they have a smallest and a largest."""
    labels = np.array([[1, 1, 0, 2, 2, 2, 0, 3, 0, 4, 4]], np.uint32)
    nan, inf = np.nan, np.inf
    raw = np.array([[nan, nan, 0, 5, nan, 1, 0, nan, 0, inf, 3]], np.float32)
    got = measure_objects(ArrayVolume(labels[None, None]), ArrayVolume(raw[None, None]), 4, ObjectColumns(), Scale())
    np.testing.assert_array_equal(got["intensity_mean"], [nan, nan, nan, inf])
    np.testing.assert_array_equal(got["intensity_min"], [nan, 1, nan, 3])
    np.testing.assert_array_equal(got["intensity_max"], [nan, 5, nan, inf])
    np.testing.assert_array_equal(got["intensity_std"], [nan, nan, nan, nan])


def test_each_class_has_a_column_of_its_own():
    """Whatever the classes are called: of two that would have one column, the second gets another number."""
    probabilities = np.array([[0.1, 0.2, 0.7]], np.float32)
    table = with_classes(ObjectTable({"class": np.array([""], object)}), ["x", "x", "x_2"], probabilities, None)
    assert [(name, float(column[0])) for name, column in table.items() if name != "class"] == [
        ("probability_x", np.float32(0.1)),
        ("probability_x_2", np.float32(0.2)),
        ("probability_x_2_2", np.float32(0.7)),
    ]
    assert table["class"].tolist() == ["x_2"]


def test_places_in_several_units():
    """The first pixel's place along each axis is brought to the unit of x, as the size of a pixel is."""
    units = {"z": "nanometer", "y": "micrometer", "x": "micrometer", "t": "second"}
    image = MemoryImage(
        "a",
        np.zeros((2, 3, 4, 5), np.uint8),
        "tzyx",
        axes_known="user",
        pixel_size={"t": 9.0, "z": 500.0, "y": 0.25, "x": 0.5},
        units=units,
        origin={"t": 7.0, "z": -3000.0, "y": 10.0, "x": 20.0},
    )
    scale = Scale.of(image)
    assert scale == Scale(size=(0.5, 0.25, 0.5), unit="micrometer", origin=(-3.0, 10.0, 20.0))
