"""Objects of probabilities: against scipy and scikit-image on the whole image, over any boxes and threads."""

import golden
import golden_objects
import numpy as np
import pytest
from plain_objects import SHAPES, found, of_size, probabilities, renumbered, smoothed
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold
from skimage.segmentation import clear_border

from napari_batch_prediction.errors import ImageMismatchError, SettingsError
from napari_batch_prediction.objects.labelling import (
    label_components,
    label_objects,
    labelling_memory,
    renumber_labels,
)
from napari_batch_prediction.objects.settings import Thresholds
from napari_batch_prediction.objects.volume import ArrayVolume

BOXES = [10**9, 700, 90, 1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", [(1.0, 1.0, 1.0), (0.6, 1.3, 0.9), (0.0, 1.0, 1.0)])
def test_one_threshold(shape, sigma, monkeypatch):
    """Components of what reaches the threshold after smoothing, of the allowed sizes, by first pixel."""
    values = probabilities(shape)
    mask = smoothed(values[0], sigma) >= np.float32(0.55)
    expected = renumbered(of_size(ndimage.label(mask)[0], 5, 200))
    assert expected.max() > 1
    for most in BOXES:
        got = found(values, shape, monkeypatch, most, threshold=0.55, sigma=sigma, min_size=5, max_size=200)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_hysteresis(shape, monkeypatch):
    """Objects that hold a core, both in one channel."""
    values = probabilities(shape)
    expected = renumbered(apply_hysteresis_threshold(values[0], np.float32(0.5), np.float32(0.7)))
    settings = {"method": "hysteresis", "threshold": 0.5, "core_threshold": 0.7, "sigma": 0.0, "min_size": 0}
    for most in BOXES:
        np.testing.assert_array_equal(found(values, shape, monkeypatch, most, **settings), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_hysteresis_with_cores_in_another_channel(shape, monkeypatch):
    """The threshold is on the sum of both; sizes are those of cores and of objects."""
    values = probabilities(shape, seed=3)
    cores = of_size(ndimage.label(values[1] >= np.float32(0.7))[0], 3, 30)
    labels = ndimage.label(values[0] + values[1] >= np.float32(1.05))[0]
    with_core = np.isin(labels, labels[cores > 0]) & (labels > 0)
    expected = renumbered(of_size(np.where(with_core, labels, 0), 3, 30))
    settings = {"core_channel": 1, "threshold": 1.05, "core_threshold": 0.7, "sigma": 0, "min_size": 3, "max_size": 30}
    for most in BOXES:
        got = found(values, shape, monkeypatch, most, method="hysteresis", **settings)
        np.testing.assert_array_equal(got, expected)


def plain_flood(values, cores, low):
    """Identity-preserving hysteresis without ties: the pixel that is reached at the least cost comes first."""
    cost, labels = values.max() - values, cores.copy()
    limit = values.max() - np.float32(low)
    border = {tuple(p): cost[tuple(p)] for p in np.argwhere(labels > 0)}
    while border:
        pixel = min(border, key=border.get)
        reached = border.pop(pixel)
        if reached > limit:
            break
        for axis in range(3):
            for step in (-1, 1):
                other = list(pixel)
                other[axis] += step
                if 0 <= other[axis] < labels.shape[axis] and labels[tuple(other)] == 0:
                    labels[tuple(other)] = labels[pixel]
                    border[tuple(other)] = max(reached, cost[tuple(other)])
    return labels


@pytest.mark.parametrize("shape", [(1, 40, 31), (9, 14, 11)])
def test_identity_preserving_hysteresis(shape, monkeypatch):
    """Each core grows into an object, which ends where another one begins or one pixel below the threshold."""
    values = probabilities(shape, seed=2)
    cores = of_size(ndimage.label(values[0] >= np.float32(0.7))[0], 2)
    expected = renumbered(of_size(plain_flood(values[0], cores, 0.45), 2))
    settings = {"threshold": 0.45, "core_threshold": 0.7, "sigma": 0.0, "min_size": 2}
    for most in BOXES:
        got = found(values, shape, monkeypatch, most, method="ipht", **settings)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.golden
@pytest.mark.parametrize("name", ["test1", "test2"])
@pytest.mark.parametrize("case", ["n_objclass_2d_pred_hyst", "q_objclass_3d_pred_ipht"])
def test_equal_to_ilastik(case, name, monkeypatch):
    """Thresholds of ilastik give its objects, pixel by pixel."""
    stored = golden.manifest(case)["threshold"]
    maps = golden_objects._tczyx(golden.read(golden.ROOT / case / f"{name}_pred.h5"), golden_objects.AXES[case[0]])
    settings = {
        "method": ("simple", "hysteresis", "graph cut", "ipht")[stored["CurOperator"]],
        "channel": stored["Channel"],
        "core_channel": stored["CoreChannel"],
        "threshold": stored["LowThreshold"],
        "core_threshold": stored["HighThreshold"],
        "min_size": stored["MinSize"],
        "max_size": stored["MaxSize"],
        "sigma": tuple(stored["SmootherSigma"][key] for key in "zyx"),
    }
    (expected,) = golden_objects.objects(case, name)
    for most in (10**9, 2000):
        got = found(maps[0], maps.shape[2:], monkeypatch, most, **settings)
        np.testing.assert_array_equal(got, expected.labels[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_holes_are_filled(shape, monkeypatch):
    """Holes of any size, over any boxes, but nothing that is open to the border of the image."""
    values = probabilities(shape, seed=5)
    mask = values[0] >= np.float32(0.45)
    structure = ndimage.generate_binary_structure(3, 1)
    # An axis of one pixel has no border.
    inside = mask if shape[0] > 1 else mask[0]
    inside = inside if shape[2] > 1 or shape[0] > 1 else inside[:, 0]
    filled = ndimage.binary_fill_holes(inside).reshape(shape)
    expected = ndimage.label(filled, structure)[0]
    for most in BOXES:
        got = found(values, shape, monkeypatch, most, threshold=0.45, sigma=0.0, min_size=0, fill_holes=True)
        np.testing.assert_array_equal(got, expected)


def test_objects_at_the_border_are_left_out(monkeypatch):
    """Those that touch the border of the image, in 2D and in 3D; one slice has no border along z."""
    for shape in [(1, 60, 51), (14, 21, 17)]:
        values = probabilities(shape, seed=1)
        labels = ndimage.label(values[0] >= np.float32(0.5))[0]
        cleared = clear_border(labels[0])[None] if shape[0] == 1 else clear_border(labels)
        settings = {"threshold": 0.5, "sigma": 0.0, "min_size": 0, "keep_border": False}
        for most in BOXES:
            np.testing.assert_array_equal(found(values, shape, monkeypatch, most, **settings), renumbered(cleared))


@pytest.mark.parametrize("method", ["simple", "hysteresis", "ipht"])
def test_threads_change_nothing(method, monkeypatch):
    """The same objects from one thread and from several."""
    shape = (8, 40, 41)
    values = probabilities(shape, levels=20)
    settings = {"method": method, "threshold": 0.55, "core_threshold": 0.65, "sigma": 0.5}
    one = found(values, shape, monkeypatch, **settings)
    assert one.max() > 3
    for workers in (2, 5):
        np.testing.assert_array_equal(found(values, shape, monkeypatch, 500, workers, **settings), one)


def test_no_object_and_one_that_fills_the_image(monkeypatch):
    """Nothing reaches the threshold, or everything does."""
    for method in ("simple", "hysteresis", "ipht"):
        settings = {"method": method, "threshold": 0.5, "core_threshold": 0.7}
        for level, expected in ((0.2, 0), (0.9, 1)):
            values = np.full((1, 1, 30, 30), level, np.float32)
            got = found(values, (1, 30, 30), monkeypatch, 100, **settings)
            assert (got == expected).all()


def test_values_that_are_no_numbers_are_background(monkeypatch):
    """NaN reaches no threshold, and smoothing spreads it as far as it reaches."""
    values = np.full((1, 1, 20, 20), 0.9, np.float32)
    values[0, 0, 10, 10] = np.nan
    got = found(values, (1, 20, 20), monkeypatch, sigma=1.0)
    assert (got[0, 8:13, 8:13] == 0).all()
    assert np.count_nonzero(got == 0) == 25


def test_sizes_in_physical_units(monkeypatch):
    """Sizes are areas in 2D and volumes in 3D; a whole number of pixels is kept whatever the rounding."""
    values = np.zeros((1, 1, 10, 20), np.float32)
    values[..., 2:5, 2:5], values[..., 2:5, 8:10] = 1, 1
    settings = {"sigma": 0.0, "size_unit": "physical", "pixel_size": (5.0, 0.1, 0.3), "min_size": 9 * 0.1 * 0.3}
    got = found(values, (1, 10, 20), monkeypatch, **settings)
    assert got.max() == 1
    assert np.count_nonzero(got) == 9


@pytest.mark.parametrize("extent", [2**9, 2**11])
def test_very_many_objects(extent, monkeypatch):
    """A million, of one pixel each: more than 16 bits count."""
    values = np.zeros((1, 1, extent, extent), np.float32)
    values[..., ::2, ::2] = 1
    got = found(values, (1, extent, extent), monkeypatch, 2**19, 2, sigma=0.0, min_size=1)
    n = (extent // 2) ** 2
    np.testing.assert_array_equal(got[0, ::2, ::2].ravel(), np.arange(1, n + 1))
    assert np.count_nonzero(got) == n


@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "u4", "i2", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_components_of_a_binary_image(shape, dtype, monkeypatch):
    """Touching pixels of different values are different objects."""
    values = np.random.default_rng(0).integers(0, 4, shape).astype(dtype)
    expected = renumbered(values.astype(int))
    for most in (10**9, 60):
        monkeypatch.setattr("napari_batch_prediction.objects.boxes.MOST_PIXELS", most)
        labels = np.empty((1, *shape), np.uint32)
        assert label_components(ArrayVolume(values[None]), ArrayVolume(labels)) == expected.max()
        np.testing.assert_array_equal(labels[0], expected)


def test_not_a_number_in_a_binary_image_is_background():
    values = np.full((1, 1, 3, 3), np.nan, np.float32)
    values[..., 1, 1] = 2.5
    labels = np.empty((1, 1, 3, 3), np.uint32)
    assert label_components(ArrayVolume(values), ArrayVolume(labels)) == 1
    assert labels.sum() == labels[0, 0, 1, 1] == 1


@pytest.mark.parametrize("dtype", ["bool", "u1", "i4", "u8", "i8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_labels_are_numbered_by_first_appearance(shape, dtype, monkeypatch):
    """One number stays one object, and the numbers of before are returned."""
    values = np.random.default_rng(1).integers(0, 9, shape) * 1
    # Numbers that no table has room for.
    given = (values.astype(dtype) * np.array(2**40 if dtype.endswith("8") else 1, dtype)).astype(dtype)
    expected, originals = np.zeros(shape, np.uint32), [0]
    for number in given.ravel():
        if number and number not in originals:
            originals.append(number)
    for new, number in enumerate(originals):
        expected[(given == number) & (given != 0)] = new
    for most in (10**9, 60):
        monkeypatch.setattr("napari_batch_prediction.objects.boxes.MOST_PIXELS", most)
        labels = np.empty((1, *shape), np.uint32)
        got = renumber_labels(ArrayVolume(given[None]), ArrayVolume(labels))
        np.testing.assert_array_equal(got, originals)
        np.testing.assert_array_equal(labels[0], expected)


def test_labels_without_background():
    """The first object is 1 even if no pixel is 0."""
    labels = np.empty((1, 1, 1, 3), np.uint32)
    got = renumber_labels(ArrayVolume(np.array([[[[7, 7, 3]]]])), ArrayVolume(labels))
    assert labels.ravel().tolist() == [1, 1, 2]
    assert got.tolist() == [0, 7, 3]


def test_labels_that_are_floats_are_refused():
    with pytest.raises(ImageMismatchError, match="float32, expected whole numbers"):
        renumber_labels(ArrayVolume(np.zeros((1, 1, 2, 2), np.float32)), ArrayVolume(np.zeros((1, 1, 2, 2), np.uint32)))


def test_an_image_narrower_than_the_gaussian_is_refused(monkeypatch):
    """Where ilastik says that the kernel is longer than the line."""
    with pytest.raises(ImageMismatchError, match=r"2 pixels along z.*at least 3"):
        found(np.zeros((1, 2, 9, 9), np.float32), (2, 9, 9), monkeypatch, sigma=1.0)


def test_missing_channel_is_refused():
    values = ArrayVolume(np.zeros((2, 1, 9, 9), np.float32))
    labels = ArrayVolume(np.zeros((1, 1, 9, 9), np.uint32))
    settings = Thresholds(method="hysteresis", channel=0, core_channel=2)
    with pytest.raises(ImageMismatchError, match="channel 3, but the probabilities have 2"):
        label_objects(values, settings, labels)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "graph cut"),
        ("size_unit", "metres"),
        ("channel", -1),
        ("threshold", float("nan")),
        ("sigma", -1.0),
        ("min_size", -1),
        ("max_size", 3),
        ("split", float("inf")),
    ],
)
def test_settings_that_cannot_be(field, value):
    """The error names the setting, as the job has it."""
    with pytest.raises(SettingsError) as error:
        Thresholds(**{field: value})
    assert error.value.setting == {"sigma": "smoothing"}.get(field, field)


def test_identity_preserving_hysteresis_needs_the_whole_image():
    """It alone does, and its memory is told."""
    flood, simple = Thresholds(method="ipht"), Thresholds(split=1.0)
    shape = (100, 2000, 2000)
    assert labelling_memory(flood, shape) > 28 * 100 * 2000 * 2000 > labelling_memory(simple, shape)
    with pytest.raises(SettingsError, match="another method"):
        Thresholds(method="ipht", fill_holes=True)
